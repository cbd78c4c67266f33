use proptest::prelude::*;
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{ReadError, read};
use crate::config::RequestKind;
use crate::endpoint::Endpoint::{
    self, ChatCompletions, Completions, CountTokens, Embeddings, Messages, Models, Responses,
};
use crate::json;
use crate::prompt::{Needs, sights};

const ENDPOINTS: [Endpoint; 7] = [ChatCompletions, Completions, Embeddings, Responses, Messages, CountTokens, Models];

fn every_needs() -> impl Iterator<Item = Needs> {
    (0..32_u8).map(|bits| {
        let bit = |number: u8| bits >> number & 1 == 1;
        Needs { files: bit(0), mentions: bit(1), images: bit(2), tokens: bit(3), turns: bit(4) }
    })
}

fn error_at(endpoint: Endpoint, body: &str) -> ReadError {
    let mut errors: Vec<_> = every_needs().map(|needs| read(endpoint, body.as_bytes(), needs).unwrap_err()).collect();
    errors.dedup();
    assert_eq!(errors.len(), 1, "what is looked at must not change what is refused: {errors:?}");
    errors.remove(0)
}

fn error(body: &str) -> ReadError {
    error_at(ChatCompletions, body)
}

#[test]
fn finds_the_fields_that_route() {
    let body = r#" {"stream" : true, "mod\u0065l": "a b", "x": [1], "messages": [], "stream_options": {"include_usage": false}}"#;
    let prompt = read(ChatCompletions, body.as_bytes(), Needs::default()).unwrap();
    assert_eq!(&body[prompt.model.clone().unwrap()], "\"a b\"");
    assert!(prompt.stream);
    let options = prompt.stream_options.unwrap();
    assert_eq!(&body[options.object.clone()], "{\"include_usage\": false}");
    let (span, on) = options.include_usage.unwrap();
    assert_eq!((&body[span], on), ("false", false));
}

#[test]
fn model_may_be_missing_or_null() {
    assert_eq!(read(ChatCompletions, br#"{"messages":[]}"#, Needs::ALL).unwrap().model, None);
    assert!(read(ChatCompletions, br#"{"model":null,"messages":[]}"#, Needs::ALL).unwrap().model.is_some());
}

#[test]
fn refuses_what_is_not_a_request() {
    assert_eq!(error(""), ReadError::Json(json::Error::Empty));
    assert_eq!(error("{}"), ReadError::Missing("messages"));
    assert_eq!(error("[]"), ReadError::WrongType { field: "body", expected: "an object" });
    assert_eq!(error(r#"{"model":1,"messages":[]}"#), ReadError::WrongType { field: "model", expected: "a string" });
    for messages in ["{}", "[\"x\"]", "null"] {
        assert_eq!(
            error(&format!("{{\"messages\":{messages}}}")),
            ReadError::WrongType { field: "messages", expected: "an array of objects" }
        );
    }
    assert_eq!(error(r#"{"model":"a","messages":[],"model":"a"}"#), ReadError::Repeated("model"));
    assert_eq!(error(r#"{"model":"a","messages":[],"mode\u006c":"b"}"#), ReadError::Repeated("model"));
    assert_eq!(error(r#"{"messages":[],"messages":[]}"#), ReadError::Repeated("messages"));
    assert_eq!(
        error(r#"{"stream":"yes","messages":[]}"#),
        ReadError::WrongType { field: "stream", expected: "true or false" }
    );
    for (endpoint, field) in [(Responses, "input"), (Completions, "prompt"), (Embeddings, "input")] {
        assert_eq!(error_at(endpoint, "{\"messages\":[]}"), ReadError::Missing(field));
        assert_eq!(
            error_at(endpoint, &format!("{{\"{field}\":1}}")),
            ReadError::WrongType { field, expected: "a string or an array" }
        );
        assert_eq!(error_at(endpoint, &format!("{{\"{field}\":\"\",\"{field}\":\"\"}}")), ReadError::Repeated(field));
    }
    assert_eq!(error_at(CountTokens, "{\"input\":[]}"), ReadError::Missing("messages"));
}

#[test]
fn broken_json_matters_more_than_a_wrong_field() {
    assert!(matches!(error(r#"{"model":1,"messages":[}"#), ReadError::Json(_)));
    assert!(matches!(error(r#"[1"#), ReadError::Json(_)));
}

#[test]
fn kinds_of_requests() {
    for (endpoint, body, kind) in [
        (ChatCompletions, r#"{"messages":[]}"#, RequestKind::Chat),
        (Messages, r#"{"messages":[]}"#, RequestKind::Messages),
        (CountTokens, r#"{"messages":[]}"#, RequestKind::Messages),
        (Responses, r#"{"input":[]}"#, RequestKind::Responses),
        (Embeddings, r#"{"input":["a"]}"#, RequestKind::Embedding),
        (Completions, r#"{"prompt":"a"}"#, RequestKind::Completion),
        (Completions, r#"{"prompt":"a","suffix":""}"#, RequestKind::Completion),
        (Completions, r#"{"prompt":"a","suffix":"b"}"#, RequestKind::Fim),
        (Completions, r#"{"prompt":["<fim_prefix>a<fim_suffix>b<fim_middle>"]}"#, RequestKind::Fim),
        (Completions, r#"{"prompt":"<\uff5cfim\u2581begin\uff5c>a"}"#, RequestKind::Fim),
        (Completions, "{\"prompt\":\"<\u{ff5c}fim\u{2581}begin\u{ff5c}>a\"}", RequestKind::Fim),
    ] {
        assert_eq!(read(endpoint, body.as_bytes(), Needs::default()).unwrap().kind, kind, "{body}");
    }
}

#[test]
fn tools_are_offered_if_there_are_any() {
    for (tools, has_tools) in
        [("\"tools\":[{}]", true), ("\"tools\":[ ]", false), ("\"tools\":null", false), ("\"functions\":[{}]", true)]
    {
        let body = format!("{{{tools},\"messages\":[]}}");
        assert_eq!(read(Messages, body.as_bytes(), Needs::default()).unwrap().has_tools, has_tools, "{tools}");
    }
}

#[test]
fn images_and_sizes() {
    let data = "A".repeat(4_000);
    let image = json!({ "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{data}") } });
    let result = json!({ "type": "tool_result", "content": [{ "type": "image", "source": { "type": "base64", "data": data } }] });
    let text = json!({ "type": "document", "source": { "type": "text", "data": data } });
    let message = |part: &Value| json!({ "role": "user", "content": [part] });
    let body =
        json!({ "messages": [{ "role": "user", "content": "x" }, message(&image), message(&result), message(&text)] });
    let body = body.to_string();
    let prompt = read(ChatCompletions, body.as_bytes(), Needs::ALL).unwrap();
    let images = [usize::MAX, 0, 1, 9].map(|until| prompt.has_images(..=until));
    assert_eq!(images, [true, false, true, true]);
    let tokens = [Some(0), Some(1), Some(2), Some(3), None].map(|until| prompt.estimated_tokens(until));
    let end = |message: usize| prompt.conversation.messages[message].end as u64;
    let (first, second) = (data.len() as u64 + 22, 2 * data.len() as u64 + 22);
    let bytes = [end(0), end(1) - first, end(2) - second, end(3) - second, body.len() as u64 - second];
    assert_eq!(tokens, bytes.map(|bytes| bytes.div_ceil(4)));
    assert!(tokens[2] < 150 && tokens[3] > 1_000);
}

/// Texts of what matters to the search for files, and parts of it.
fn any_text() -> impl Strategy<Value = String> {
    let pieces = [
        "a/b.py",
        "c.rs",
        "\n",
        "```",
        "````",
        "py ",
        " ",
        "<",
        ">",
        "</",
        "/>",
        "file",
        "path",
        "=\"",
        "\"",
        "'",
        "\\",
        "<file path=\"x.py\">",
        "</file>",
        "<path>",
        "</path>",
        "<content>",
        "<system-reminder>",
        "</system-reminder>",
        "+++ b/",
        "--- a/",
        "*** Update File: ",
        "diff",
        "cat ",
        "<<E",
        "E\n",
        "$(",
        "|",
        "#",
        "File: ",
        ":",
        "@",
        "{",
        "[",
        "\"path\":",
        "\"cmd\":",
        "\u{e9}",
        "\u{1f600}",
        "path/to/",
        "<fim_prefix>",
        "above files",
        "ignore",
        "-e",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..24).prop_map(|pieces| pieces.concat())
}

fn any_arguments() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec!["path", "file_path", "files", "cmd", "command", "input", "content", "x"]);
    let leaf = prop_oneof![any_text().prop_map(Value::from), any::<bool>().prop_map(Value::from)];
    let value = leaf.prop_recursive(2, 8, 3, |inner| prop::collection::vec(inner, 0..3).prop_map(Value::from));
    prop::collection::vec((key.prop_map(str::to_owned), value), 0..4)
        .prop_map(|members| Value::Object(members.into_iter().collect()))
}

fn any_part() -> impl Strategy<Value = Value> {
    prop_oneof![
        any_text().prop_map(|text| json!({ "type": "text", "text": text })),
        any_text().prop_map(|text| json!({ "text": text, "type": "input_text" })),
        any_text().prop_map(|text| json!({ "type": "tool_result", "content": [{ "type": "text", "text": text }] })),
        any_text().prop_map(|text| json!({ "content": text, "type": "tool_result" })),
        any_arguments().prop_map(|input| json!({ "type": "tool_use", "input": input })),
        any_text().prop_map(|name| json!({ "type": "file", "file": { "filename": name, "file_data": "eA==" } })),
        Just(json!({ "type": "image" })),
        any_arguments(),
    ]
}

fn any_item() -> impl Strategy<Value = Value> {
    let role = prop::sample::select(vec!["user", "user", "assistant", "tool", "system", "x"]);
    prop_oneof![
        (role.clone(), any_text()).prop_map(|(role, text)| json!({ "role": role, "content": text })),
        (role, prop::collection::vec(any_part(), 0..4)).prop_map(|(role, parts)| json!({ "content": parts, "role": role })),
        any_arguments().prop_map(|arguments| json!({ "role": "assistant", "tool_calls": [{ "function": { "arguments": arguments.to_string() } }] })),
        any_arguments().prop_map(|arguments| json!({ "type": "function_call", "arguments": arguments.to_string() })),
        any_text().prop_map(|text| json!({ "type": "custom_tool_call", "input": text })),
        any_text().prop_map(|text| json!({ "type": "function_call_output", "output": text })),
        any_arguments().prop_map(|action| json!({ "type": "local_shell_call", "action": action })),
    ]
}

/// Requests of all dialects whose texts are full of what looks like files.
pub fn any_request() -> impl Strategy<Value = (Endpoint, Value)> {
    let endpoint = prop::sample::select(ENDPOINTS.to_vec());
    let content = prop_oneof![
        4 => prop::collection::vec(any_item(), 0..6).prop_map(Value::from),
        1 => any_text().prop_map(Value::from),
    ];
    (endpoint, content, any_text()).prop_map(|(endpoint, content, text)| {
        let messages = if content.is_array() { content.clone() } else { json!([]) };
        (endpoint, json!({ "messages": messages, "input": content, "prompt": text, "system": text }))
    })
}

/// All strings of a value, and those of the JSON that they hold.
pub fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => {
            let inner = serde_json::from_str::<Value>(text).map(|value| strings(&value)).unwrap_or_default();
            [vec![text.clone()], inner].concat()
        }
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(members) => members.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

fn look(endpoint: Endpoint, body: &[u8], needs: Needs) -> Option<ReadError> {
    match read(endpoint, body, needs) {
        Ok(prompt) => {
            sights(&prompt, |_| {});
            None
        }
        Err(error) => Some(error),
    }
}

proptest! {
    #[test]
    fn any_needs_refuse_the_same((endpoint, body) in any_request(), at: prop::sample::Index, byte: u8, breaks: bool) {
        let mut bytes = serde_json::to_vec(&body).unwrap();
        if breaks {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let expected = look(endpoint, &bytes, Needs::default());
        for needs in every_needs() {
            prop_assert_eq!(&look(endpoint, &bytes, needs), &expected);
        }
    }

    #[test]
    fn any_bytes_are_borne(bytes in prop::collection::vec(any::<u8>(), 0..200), cut: prop::sample::Index, (endpoint, body) in any_request()) {
        let mut damaged = serde_json::to_vec(&body).unwrap();
        damaged.truncate(cut.index(damaged.len()));
        damaged.extend_from_slice(&bytes);
        for endpoint in ENDPOINTS.into_iter().chain([endpoint]) {
            let _ = (look(endpoint, &bytes, Needs::ALL), look(endpoint, &damaged, Needs::ALL));
        }
    }
}

//! Any bytes give a value, for every pair of dialects.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::CONTEXT;
use crate::dialect::{Asked, Dialect, translate_answer, translate_error, translate_request};

const ALL: [Dialect; 5] =
    [Dialect::Chat, Dialect::Messages, Dialect::Responses, Dialect::Completions, Dialect::Embeddings];

/// Names and words that the readers know, so that random bodies get past the first check.
const WORDS: [&str; 64] = [
    "messages",
    "input",
    "content",
    "role",
    "type",
    "text",
    "user",
    "assistant",
    "system",
    "tool",
    "tools",
    "function",
    "name",
    "parameters",
    "tool_calls",
    "tool_call_id",
    "id",
    "arguments",
    "tool_use",
    "tool_result",
    "tool_use_id",
    "input_schema",
    "thinking",
    "signature",
    "redacted_thinking",
    "data",
    "image",
    "image_url",
    "url",
    "source",
    "base64",
    "media_type",
    "data:image/png;base64,AAAA",
    "data:,",
    "document",
    "file",
    "file_data",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "call_id",
    "output",
    "reasoning",
    "summary",
    "message",
    "input_text",
    "output_text",
    "input_image",
    "choices",
    "finish_reason",
    "stop",
    "length",
    "stop_reason",
    "status",
    "incomplete",
    "incomplete_details",
    "error",
    "code",
    "namespace",
    "custom",
    "tool_choice",
    "response_format",
    "local_shell_call",
    "budget_tokens",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![6 => prop::sample::select(&WORDS[..]).prop_map(str::to_owned), 1 => prop::collection::vec(any::<char>(), 0..6).prop_map(String::from_iter)]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => word().prop_map(Value::String),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            3 => prop::collection::vec((word(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A message, block or item of a known kind with random fields beside.
fn part() -> impl Strategy<Value = Value> {
    (word(), word(), value(), value(), word(), word()).prop_map(|(kind, role, content, other, name, id)| {
        json!({ "type": kind, "role": role, "content": content, "name": name, "id": id, "call_id": id, "tool_use_id": id,
            "tool_call_id": id, "text": name, "input": other, "output": content, "tool_calls": other, "source": other,
            "function": other, "arguments": name, "message": content })
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let parts = || prop::collection::vec(part(), 0..4);
    let whole = (parts(), parts(), value()).prop_map(|(messages, tools, other)| {
        let mut body = json!({ "messages": messages, "input": messages, "output": messages, "choices": messages,
            "content": messages, "tools": tools });
        if let (Some(map), Value::Object(other)) = (body.as_object_mut(), other) {
            map.extend(other);
        }
        body.to_string().into_bytes()
    });
    prop_oneof![
        4 => whole,
        1 => value().prop_map(|value| value.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..64),
    ]
}

proptest! {
    #[test]
    fn any_bytes_give_a_value(body in body(), status in any::<u16>()) {
        for (from, to) in ALL.iter().flat_map(|from| ALL.map(|to| (*from, to))) {
            if let Ok(translated) = translate_request(from, to, &body, &CONTEXT) {
                prop_assert!(serde_json::from_slice::<Value>(&translated.body).is_ok());
                let _ = translate_answer(to, from, &body, &translated.asked);
            }
            let _ = translate_answer(from, to, &body, &Asked::default());
            prop_assert!(serde_json::from_slice::<Value>(&translate_error(from, to, status, &body)).is_ok());
        }
    }
}

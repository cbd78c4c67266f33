//! Answers of every kind, there and back.

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::super::check::check;
use super::{assert_comes_back, gather};
use mux::cache::{Gatherer, is_whole, replay, without_identity};
use mux::dialect::Dialect;
use mux::usage::Usage;

fn chat(message: Value, finish: &str) -> Value {
    json!({"id": "c1", "object": "chat.completion", "created": 5, "model": "m", "system_fingerprint": "fp",
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}})
}

fn messages(content: Value, reason: &str) -> Value {
    json!({"id": "msg", "type": "message", "role": "assistant", "model": "m", "content": content,
        "stop_reason": reason, "stop_sequence": null, "usage": {"input_tokens": 3, "output_tokens": 2}})
}

fn responses(output: Value) -> Value {
    json!({"id": "r", "object": "response", "created_at": 5, "status": "completed", "error": null,
        "incomplete_details": null, "model": "m", "output": output,
        "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}})
}

fn rows() -> Vec<(Dialect, Value)> {
    let rows = |dialect, answers: Vec<Value>| answers.into_iter().map(move |answer| (dialect, answer));
    let completion = json!({"id": "c", "object": "text_completion", "created": 5, "model": "m",
        "choices": [{"index": 0, "text": "Hi", "logprobs": null, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1}});
    rows(Dialect::Chat, chat_rows())
        .chain(rows(Dialect::Completions, vec![completion]))
        .chain(rows(Dialect::Messages, messages_rows()))
        .chain(rows(Dialect::Responses, responses_rows()))
        .collect()
}

fn chat_rows() -> Vec<Value> {
    let said = |content: Value, field: &str, value: Value, finish: &str| {
        chat(json!({"role": "assistant", "content": content, field: value}), finish)
    };
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}});
    let custom = json!({"id": "x", "type": "custom", "custom": {"name": "g", "input": "free\ntext"}});
    let probabilities = json!([{"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}]);
    let mut with_logprobs = said("Hi".into(), "refusal", Value::Null, "stop");
    with_logprobs["choices"][0]["logprobs"] = json!({"content": probabilities, "refusal": null});
    vec![
        said("Hi é\n".into(), "annotations", json!([]), "stop"),
        said(Value::Null, "refusal", "No.".into(), "stop"),
        said("".into(), "reasoning_content", "Hm.".into(), "length"),
        said(Value::Null, "tool_calls", json!([call("1"), call("2"), custom]), "tool_calls"),
        said("a".into(), "function_call", json!({"name": "f", "arguments": "{}"}), "function_call"),
        said("a".into(), "annotations", json!([{"type": "url_citation", "url": "u"}]), "content_filter"),
        with_logprobs,
    ]
}

fn messages_rows() -> Vec<Value> {
    let mixed = json!([{"type": "thinking", "thinking": "Hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"}, {"type": "text", "text": "a"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": [1, {}]}},
        {"type": "tool_use", "id": "t2", "name": "f", "input": {}}]);
    let searched = json!([{"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"type": "web_search_result"}]},
        {"type": "text", "text": "a", "citations": [{"type": "char_location"}]}]);
    vec![
        messages(json!([{"type": "text", "text": "Hi"}]), "end_turn"),
        messages(json!([]), "end_turn"),
        messages(mixed, "tool_use"),
        messages(searched, "refusal"),
    ]
}

fn responses_rows() -> Vec<Value> {
    let message = |part: Value| json!({"id": "m", "type": "message", "status": "completed", "role": "assistant", "content": [part]});
    let annotations = json!([{"type": "url_citation"}]);
    let text = json!({"type": "output_text", "text": "Hi \"there\"", "annotations": annotations, "logprobs": []});
    let thought = json!({"id": "rs", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}],
        "encrypted_content": "e"});
    let call = json!({"id": "f", "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}",
        "status": "completed"});
    let custom = json!({"id": "g", "type": "custom_tool_call", "call_id": "d", "name": "g", "input": "free",
        "status": "completed"});
    let search = json!({"id": "w", "type": "web_search_call", "status": "completed"});
    let refusal = message(json!({"type": "refusal", "refusal": "No."}));
    vec![responses(json!([message(text)])), responses(json!([thought, call, custom, search, refusal]))]
}

#[test]
fn every_kind_of_answer_comes_back_from_its_stream() {
    for (dialect, answer) in rows() {
        assert!(is_whole(dialect, answer.to_string().as_bytes()), "{answer}");
        assert_comes_back(dialect, answer.to_string().as_bytes(), &answer.to_string());
    }
}

/// Members that no translation makes, so that the check of order does not know them.
const OF_ONE_VENDOR: [&str; 2] = ["\"citations\"", "\"server_tool_use\""];

#[test]
fn replayed_events_are_in_order() {
    let mut cases = 0;
    for (dialect, answer) in rows() {
        let text = answer.to_string();
        if dialect == Dialect::Completions || OF_ONE_VENDOR.iter().any(|own| text.contains(own)) {
            continue;
        }
        check(dialect, std::str::from_utf8(&replay(dialect, text.as_bytes(), true).unwrap()).unwrap());
        cases += 1;
    }
    assert_eq!(cases, 12);
}

#[test]
fn usage_is_told_where_it_is_asked_for() {
    let (dialect, answer) = rows().remove(0);
    let stream = |include_usage| {
        String::from_utf8(replay(dialect, answer.to_string().as_bytes(), include_usage).unwrap()).unwrap()
    };
    assert!(stream(true).contains("\"choices\":[],\"usage\":{\"prompt_tokens\":3"));
    assert!(!stream(false).contains("usage"));
    for stream in [stream(true), stream(false)] {
        assert!(stream.ends_with("data: [DONE]\n\n") && stream.contains("chat.completion.chunk"), "{stream}");
    }
    // The stream did not say, and whoever counts knows.
    let mut gatherer = Gatherer::new(dialect);
    gatherer.push(stream(false).as_bytes());
    let usage = Usage { input_tokens: 3, output_tokens: 2, ..Usage::default() };
    let plain: Value = serde_json::from_slice(&gatherer.finish(Some(&usage)).unwrap()).unwrap();
    assert_eq!(plain["usage"]["total_tokens"], 5);
}

#[test]
fn embeddings_are_no_stream() {
    let body = br#"{"object":"list","data":[{"embedding":[0.5],"index":0}],"model":"m"}"#;
    assert!(is_whole(Dialect::Embeddings, body));
    assert_eq!(replay(Dialect::Embeddings, body, true), None);
    assert_eq!(gather(Dialect::Embeddings, body, 5), None);
}

#[test]
fn events_keep_to_their_order() {
    let text = |dialect, answer: &Value| {
        let stream = replay(dialect, answer.to_string().as_bytes(), false).unwrap();
        let lines = String::from_utf8(stream).unwrap();
        lines.lines().filter_map(|line| line.strip_prefix("event: ").map(str::to_owned)).collect::<Vec<_>>()
    };
    let message = messages(json!([{"type": "text", "text": "Hi"}]), "end_turn");
    let block = ["content_block_start", "content_block_delta", "content_block_stop"];
    let expected = [&["message_start"][..], &block[..], &["message_delta", "message_stop"][..]].concat();
    assert_eq!(text(Dialect::Messages, &message), expected);
    let item = json!({"id": "i", "type": "message", "status": "completed", "role": "assistant",
        "content": [{"type": "output_text", "text": "Hi", "annotations": []}]});
    let names = "created in_progress output_item.added content_part.added output_text.delta output_text.done \
                 content_part.done output_item.done completed";
    let expected: Vec<String> = names.split_whitespace().map(|name| format!("response.{name}")).collect();
    assert_eq!(text(Dialect::Responses, &responses(json!([item]))), expected);
}

#[test]
fn what_an_answer_repeats_of_who_asked_goes() {
    let body = json!({"id": "r", "metadata": {"who": "me"}, "output": [{"user": "kept"}], "user": "me",
        "safety_identifier": "me", "prompt_cache_key": "me", "status": "completed"});
    let without = without_identity(Dialect::Responses, body.to_string().into_bytes());
    let without: Value = serde_json::from_slice(&without).unwrap();
    assert_eq!(
        without,
        json!({"id": "r", "metadata": {}, "output": [{"user": "kept"}], "user": null,
        "safety_identifier": null, "prompt_cache_key": null, "status": "completed"})
    );
    assert_eq!(without_identity(Dialect::Chat, b"{\"user\":1}".to_vec()), b"{\"user\":1}");
}

//! Answers of every kind, there and back.

use serde_json::{Value, json};

use super::{assert_comes_back, gather};
use crate::cache::{Gatherer, is_whole, replay, without_identity};
use crate::dialect::Dialect;
use crate::usage::Usage;

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
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}});
    let custom = json!({"id": "x", "type": "custom", "custom": {"name": "g", "input": "free\ntext"}});
    let probabilities = json!([{"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}]);
    let mut with_logprobs = chat(json!({"role": "assistant", "content": "Hi", "refusal": null}), "stop");
    with_logprobs["choices"][0]["logprobs"] = json!({"content": probabilities, "refusal": null});
    let text = json!({"type": "output_text", "text": "Hi \"there\"", "annotations": [{"type": "url_citation"}], "logprobs": []});
    let message =
        |status: &str| json!({"id": "i", "type": "message", "status": status, "role": "assistant", "content": [text]});
    vec![
        (
            Dialect::Chat,
            chat(json!({"role": "assistant", "content": "Hi é\n", "refusal": null, "annotations": []}), "stop"),
        ),
        (Dialect::Chat, chat(json!({"role": "assistant", "content": null, "refusal": "No."}), "stop")),
        (Dialect::Chat, chat(json!({"role": "assistant", "content": "", "reasoning_content": "Hm."}), "length")),
        (
            Dialect::Chat,
            chat(
                json!({"role": "assistant", "content": null, "tool_calls": [call("1"), call("2"), custom]}),
                "tool_calls",
            ),
        ),
        (
            Dialect::Chat,
            chat(
                json!({"role": "assistant", "content": "a", "function_call": {"name": "f", "arguments": "{}"}}),
                "function_call",
            ),
        ),
        (
            Dialect::Chat,
            chat(
                json!({"role": "assistant", "content": "a", "annotations": [{"type": "url_citation", "url": "u"}]}),
                "content_filter",
            ),
        ),
        (Dialect::Chat, with_logprobs),
        (
            Dialect::Completions,
            json!({"id": "c", "object": "text_completion", "created": 5, "model": "m",
            "choices": [{"index": 0, "text": "Hi", "logprobs": null, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1}}),
        ),
        (Dialect::Messages, messages(json!([{"type": "text", "text": "Hi"}]), "end_turn")),
        (Dialect::Messages, messages(json!([]), "end_turn")),
        (
            Dialect::Messages,
            messages(
                json!([{"type": "thinking", "thinking": "Hm", "signature": "s"},
            {"type": "redacted_thinking", "data": "d"}, {"type": "text", "text": "a", "citations": [{"type": "char_location"}]},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": [1, {}]}},
            {"type": "tool_use", "id": "t2", "name": "f", "input": {}}]),
                "tool_use",
            ),
        ),
        (
            Dialect::Messages,
            messages(
                json!([{"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": "x"}},
            {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"type": "web_search_result"}]}]),
                "refusal",
            ),
        ),
        (Dialect::Responses, responses(json!([message("completed")]))),
        (
            Dialect::Responses,
            responses(json!([
            {"id": "rs", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}], "encrypted_content": "e"},
            {"id": "f", "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "status": "completed"},
            {"id": "g", "type": "custom_tool_call", "call_id": "d", "name": "g", "input": "free", "status": "completed"},
            {"id": "w", "type": "web_search_call", "status": "completed"},
            {"id": "n", "type": "message", "status": "completed", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}])),
        ),
    ]
}

#[test]
fn every_kind_of_answer_comes_back_from_its_stream() {
    for (dialect, answer) in rows() {
        assert!(is_whole(dialect, answer.to_string().as_bytes()), "{answer}");
        assert_comes_back(dialect, answer.to_string().as_bytes(), &answer.to_string());
    }
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

//! Answers of one provider, as clients of every dialect read them.

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{CHATLIKE, answer};
use crate::dialect::{Asked, Dialect, read_answer};
use crate::usage::{Usage, from_json};

const COUNTED: Usage = Usage {
    input_tokens: 100,
    cached_input_tokens: 60,
    cache_write_tokens: 30,
    output_tokens: 20,
    reasoning_tokens: 5,
    raw: String::new(),
};

/// One answer in each dialect: reasoning, text, two calls, usage as in [`COUNTED`].
fn spoken(dialect: Dialect) -> Value {
    match dialect {
        Dialect::Messages => json!({
            "id": "id1", "type": "message", "role": "assistant", "model": "m1", "stop_reason": "tool_use", "stop_sequence": null,
            "content": [
                { "type": "thinking", "thinking": "Hm.", "signature": "" },
                { "type": "text", "text": "Hello" },
                { "type": "tool_use", "id": "call_1", "name": "read", "input": { "z": 1, "a": 2 } },
                { "type": "tool_use", "id": "call_2", "name": "look", "input": {} },
            ],
            "usage": { "input_tokens": 10, "cache_creation_input_tokens": 30, "cache_read_input_tokens": 60, "output_tokens": 20,
                "output_tokens_details": { "thinking_tokens": 5 } },
        }),
        Dialect::Responses => json!({
            "id": "id1", "object": "response", "created_at": 0, "status": "completed", "error": null, "incomplete_details": null,
            "model": "m1",
            "output": [
                { "id": "rs_id1_0", "type": "reasoning", "summary": [{ "type": "summary_text", "text": "Hm." }] },
                { "id": "msg_id1_1", "type": "message", "status": "completed", "role": "assistant",
                    "content": [{ "type": "output_text", "text": "Hello", "annotations": [], "logprobs": [] }] },
                { "id": "fc_id1_2", "type": "function_call", "call_id": "call_1", "name": "read", "arguments": "{\"z\":1,\"a\":2}", "status": "completed" },
                { "id": "fc_id1_3", "type": "function_call", "call_id": "call_2", "name": "look", "arguments": "{}", "status": "completed" },
            ],
            "usage": { "input_tokens": 100, "input_tokens_details": { "cached_tokens": 60, "cache_write_tokens": 30 }, "output_tokens": 20,
                "output_tokens_details": { "reasoning_tokens": 5 }, "total_tokens": 120 },
            "instructions": null, "max_output_tokens": null, "metadata": {}, "parallel_tool_calls": true, "previous_response_id": null,
            "reasoning": null, "store": false, "temperature": null, "text": { "format": { "type": "text" } }, "tool_choice": "auto",
            "tools": [], "top_p": null, "truncation": "disabled", "user": null,
        }),
        _ => json!({
            "id": "id1", "object": "chat.completion", "created": 0, "model": "m1",
            "choices": [{ "index": 0, "message": { "role": "assistant", "content": "Hello", "refusal": null, "reasoning_content": "Hm.",
                "tool_calls": [
                    { "id": "call_1", "type": "function", "function": { "name": "read", "arguments": "{\"z\":1,\"a\":2}" } },
                    { "id": "call_2", "type": "function", "function": { "name": "look", "arguments": "{}" } },
                ] }, "logprobs": null, "finish_reason": "tool_calls" }],
            "usage": { "prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120,
                "prompt_tokens_details": { "cached_tokens": 60, "cache_write_tokens": 30 },
                "completion_tokens_details": { "reasoning_tokens": 5 } },
        }),
    }
}

#[test]
fn one_answer_in_every_dialect() {
    for (from, to) in CHATLIKE.iter().flat_map(|from| CHATLIKE.map(|to| (*from, to))) {
        let written = answer(from, to, &spoken(from), &Asked::default());
        assert_eq!(written, spoken(to), "{from:?} to {to:?}");
        let usage = from_json(to, written.to_string().as_bytes()).unwrap();
        assert_eq!(Usage { raw: String::new(), ..usage }, COUNTED, "{to:?}");
    }
}

fn finish_of(dialect: Dialect, body: &Value) -> String {
    match dialect {
        Dialect::Chat => body["choices"][0]["finish_reason"].as_str().unwrap().to_owned(),
        Dialect::Messages => body["stop_reason"].as_str().unwrap().to_owned(),
        _ => body["incomplete_details"]["reason"].as_str().or(body["status"].as_str()).unwrap().to_owned(),
    }
}

#[test]
fn finishes() {
    let messages = |reason: &str| json!({ "id": "i", "model": "m", "content": [{ "type": "text", "text": "a" }], "stop_reason": reason, "stop_sequence": "END" });
    let chat = |reason: &str| json!({ "id": "i", "model": "m", "choices": [{ "message": { "content": "a" }, "finish_reason": reason }] });
    let responses = |status: &str, reason: &str| json!({ "id": "i", "model": "m", "output": [], "status": status, "incomplete_details": { "reason": reason } });
    // The provider's answer, then what clients of chat, messages and responses read.
    let rows = [
        (Dialect::Messages, messages("end_turn"), ["stop", "end_turn", "completed"]),
        (Dialect::Messages, messages("stop_sequence"), ["stop", "stop_sequence", "completed"]),
        (Dialect::Messages, messages("max_tokens"), ["length", "max_tokens", "max_output_tokens"]),
        (
            Dialect::Messages,
            messages("model_context_window_exceeded"),
            ["length", "model_context_window_exceeded", "max_output_tokens"],
        ),
        (Dialect::Messages, messages("pause_turn"), ["length", "pause_turn", "max_output_tokens"]),
        (Dialect::Messages, messages("refusal"), ["content_filter", "refusal", "content_filter"]),
        (Dialect::Chat, chat("stop"), ["stop", "end_turn", "completed"]),
        (Dialect::Chat, chat("length"), ["length", "max_tokens", "max_output_tokens"]),
        (Dialect::Chat, chat("content_filter"), ["content_filter", "refusal", "content_filter"]),
        (Dialect::Chat, chat("eos"), ["stop", "end_turn", "completed"]),
        (Dialect::Responses, responses("completed", ""), ["stop", "end_turn", "completed"]),
        (
            Dialect::Responses,
            responses("incomplete", "max_output_tokens"),
            ["length", "max_tokens", "max_output_tokens"],
        ),
        (
            Dialect::Responses,
            responses("incomplete", "content_filter"),
            ["content_filter", "refusal", "content_filter"],
        ),
    ];
    for (from, body, expected) in rows {
        for (to, word) in CHATLIKE.into_iter().zip(expected) {
            assert_eq!(finish_of(to, &answer(from, to, &body, &Asked::default())), word, "{body} to {to:?}");
        }
    }
}

#[test]
fn what_providers_leave_out() {
    // Gemini's empty id, a server that says `stop` after calls and makes no string of the arguments.
    let body = json!({ "model": "", "choices": [{ "finish_reason": "stop", "message": { "tool_calls": [
        { "id": "", "type": "function", "function": { "name": "now", "arguments": { "a": 1 } } },
        { "function": { "name": "now", "arguments": "" } },
    ] } }] });
    let asked = Asked { model: "asked-for".to_owned(), now: 7, ..Asked::default() };
    let written = answer(Dialect::Chat, Dialect::Messages, &body, &asked);
    let (one, two) = (&written["content"][0], &written["content"][1]);
    assert!(one["id"].as_str().unwrap().len() > 10 && one["id"] != two["id"], "{written}");
    assert_eq!((&one["input"], &two["input"]), (&json!({ "a": 1 }), &json!({})));
    assert_eq!((&written["stop_reason"], &written["model"]), (&json!("tool_use"), &json!("asked-for")));
    assert_eq!(written, answer(Dialect::Chat, Dialect::Messages, &body, &asked), "the same at every reading");
    let written = answer(Dialect::Messages, Dialect::Chat, &json!({ "content": [] }), &asked);
    assert_eq!((&written["created"], written.get("usage")), (&json!(7), None), "no count is not a count of zero");
}

#[test]
fn no_answers() {
    let rows = [
        (Dialect::Chat, json!({ "error": { "message": "no" } })),
        (Dialect::Chat, json!({ "choices": [] })),
        (Dialect::Messages, json!({ "type": "error", "error": { "type": "api_error", "message": "no" } })),
        (Dialect::Messages, json!({})),
        (Dialect::Responses, json!({ "status": "failed", "error": { "message": "no" }, "output": [] })),
        (Dialect::Responses, json!([])),
    ];
    for (from, body) in rows {
        assert!(read_answer(from, body.to_string().as_bytes()).is_err(), "{body}");
    }
    assert!(read_answer(Dialect::Chat, b"<html>").is_err());
}

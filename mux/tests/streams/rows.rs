//! One answer, streamed by a provider of each dialect: what a client of each dialect gets, event for event.

use mux::dialect::{Dialect, StreamTranslator};
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::check::check;
use super::{CHATLIKE, asked, chat, events, translate, translate_split, typed};

/// Reasoning, text, two calls of which the second has no arguments, usage with all its details.
fn spoken(dialect: Dialect) -> String {
    match dialect {
        Dialect::Messages => spoken_messages(),
        Dialect::Responses => spoken_responses(),
        _ => chat(&[
            r#"+{"role":"assistant","content":"","reasoning_content":"Hm."}"#,
            r#"+{"content":"Hel"}"#,
            r#"+{"content":"lo","refusal":null,"tool_calls":[]}"#,
            r#"+{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"read","arguments":""}}]}"#,
            r#"+{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]}"#,
            r#"+{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}"#,
            r#"+{"tool_calls":[{"index":1,"id":"call_2","type":"function","function":{"name":"look","arguments":"{}"}}]}"#,
            r#"{"id":"c1","created":5,"model":"m1","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
            r#"{"id":"c1","created":5,"model":"m1","choices":[],"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,
                "prompt_tokens_details":{"cached_tokens":60},"completion_tokens_details":{"reasoning_tokens":5}}}"#
                .replace('\n', " ")
                .as_str(),
            "[DONE]",
        ]),
    }
}

fn spoken_messages() -> String {
    typed(&[
        r#"{"type":"message_start","message":{"id":"c1","type":"message","role":"assistant","content":[],"model":"m1","stop_reason":null,"usage":{"input_tokens":40,"cache_read_input_tokens":60,"output_tokens":1}}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm."}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hel"}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"lo"}}"#,
        r#"{"type":"content_block_stop","index":1}"#,
        r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"call_1","name":"read","input":{}}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":""}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\""}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":":1}"}}"#,
        r#"{"type":"content_block_stop","index":2}"#,
        r#"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"call_2","name":"look","input":{}}}"#,
        r#"{"type":"content_block_stop","index":3}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":20,"output_tokens_details":{"thinking_tokens":5}}}"#,
        r#"{"type":"message_stop"}"#,
    ])
}

fn spoken_responses() -> String {
    typed(&[
        r#"{"type":"response.created","sequence_number":0,"response":{"id":"c1","created_at":5,"model":"m1","status":"in_progress"}}"#,
        r#"{"type":"response.in_progress","response":{"id":"c1","created_at":5,"model":"m1","status":"in_progress"}}"#,
        r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"r","type":"reasoning","summary":[]}}"#,
        r#"{"type":"response.reasoning_summary_part.added","item_id":"r","summary_index":0,"part":{"type":"summary_text","text":""}}"#,
        r#"{"type":"response.reasoning_summary_text.delta","item_id":"r","summary_index":0,"delta":"Hm."}"#,
        r#"{"type":"response.output_item.done","item":{"id":"r","type":"reasoning","summary":[{"type":"summary_text","text":"Hm."}]}}"#,
        r#"{"type":"response.output_item.added","item":{"id":"m","type":"message","role":"assistant","content":[]}}"#,
        r#"{"type":"response.content_part.added","item_id":"m","part":{"type":"output_text","text":""}}"#,
        r#"{"type":"response.output_text.delta","item_id":"m","delta":"Hel"}"#,
        r#"{"type":"response.output_text.delta","item_id":"m","delta":"lo"}"#,
        r#"{"type":"response.output_text.done","item_id":"m","text":"Hello"}"#,
        r#"{"type":"response.content_part.done","item_id":"m","part":{"type":"output_text","text":"Hello"}}"#,
        r#"{"type":"response.output_item.done","item":{"id":"m","type":"message","content":[{"type":"output_text","text":"Hello"}]}}"#,
        r#"{"type":"response.output_item.added","item":{"id":"f","type":"function_call","call_id":"call_1","name":"read","arguments":""}}"#,
        r#"{"type":"response.function_call_arguments.delta","item_id":"f","delta":"{\"a\""}"#,
        r#"{"type":"response.function_call_arguments.delta","item_id":"f","delta":":1}"}"#,
        r#"{"type":"response.function_call_arguments.done","item_id":"f","arguments":"{\"a\":1}"}"#,
        r#"{"type":"response.output_item.done","item":{"id":"f","type":"function_call","call_id":"call_1","name":"read","arguments":"{\"a\":1}"}}"#,
        r#"{"type":"response.output_item.done","item":{"id":"g","type":"function_call","call_id":"call_2","name":"look","arguments":"{}"}}"#,
        r#"{"type":"response.completed","response":{"id":"c1","status":"completed","output":[],"usage":{"input_tokens":100,"input_tokens_details":{"cached_tokens":60},"output_tokens":20,"output_tokens_details":{"reasoning_tokens":5},"total_tokens":120}}}"#,
    ])
}

/// The data of every event, `created` being the provider's 5 or, of Messages, the gateway's 7.
fn written(to: Dialect, created: u64) -> Vec<Value> {
    match to {
        Dialect::Messages => written_messages(),
        Dialect::Responses => written_responses(created),
        _ => written_chat(created),
    }
}

fn written_chat(created: u64) -> Vec<Value> {
    let chunk = |choices: Value| json!({ "id": "c1", "object": "chat.completion.chunk", "created": created, "model": "m1", "choices": choices });
    let choice = |delta: Value, finish: Value| {
        chunk(json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }]))
    };
    let call = |call: Value| choice(json!({ "tool_calls": [call] }), Value::Null);
    let mut usage = chunk(json!([]));
    usage["usage"] = json!({
        "prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120, "prompt_tokens_details": { "cached_tokens": 60 },
        "completion_tokens_details": { "reasoning_tokens": 5 },
    });
    vec![
        choice(json!({ "role": "assistant", "content": "" }), Value::Null),
        choice(json!({ "reasoning_content": "Hm." }), Value::Null),
        choice(json!({ "content": "Hel" }), Value::Null),
        choice(json!({ "content": "lo" }), Value::Null),
        call(
            json!({ "index": 0, "id": "call_1", "type": "function", "function": { "name": "read", "arguments": "" } }),
        ),
        call(json!({ "index": 0, "function": { "arguments": "{\"a\"" } })),
        call(json!({ "index": 0, "function": { "arguments": ":1}" } })),
        call(
            json!({ "index": 1, "id": "call_2", "type": "function", "function": { "name": "look", "arguments": "" } }),
        ),
        call(json!({ "index": 1, "function": { "arguments": "{}" } })),
        choice(json!({}), json!("tool_calls")),
        usage,
        json!("[DONE]"),
    ]
}

fn written_messages() -> Vec<Value> {
    let start = |index, block: Value| json!({ "type": "content_block_start", "index": index, "content_block": block });
    let delta = |index, delta: Value| json!({ "type": "content_block_delta", "index": index, "delta": delta });
    let stop = |index| json!({ "type": "content_block_stop", "index": index });
    let call = |id, name| json!({ "type": "tool_use", "id": id, "name": name, "input": {} });
    vec![
        json!({ "type": "message_start", "message": { "id": "c1", "type": "message", "role": "assistant", "model": "m1", "content": [],
            "stop_reason": null, "stop_sequence": null, "usage": null } }),
        start(0, json!({ "type": "thinking", "thinking": "", "signature": "" })),
        delta(0, json!({ "type": "thinking_delta", "thinking": "Hm." })),
        stop(0),
        start(1, json!({ "type": "text", "text": "" })),
        delta(1, json!({ "type": "text_delta", "text": "Hel" })),
        delta(1, json!({ "type": "text_delta", "text": "lo" })),
        stop(1),
        start(2, call("call_1", "read")),
        delta(2, json!({ "type": "input_json_delta", "partial_json": "{\"a\"" })),
        delta(2, json!({ "type": "input_json_delta", "partial_json": ":1}" })),
        stop(2),
        start(3, call("call_2", "look")),
        delta(3, json!({ "type": "input_json_delta", "partial_json": "{}" })),
        stop(3),
        json!({ "type": "message_delta", "delta": { "stop_reason": "tool_use", "stop_sequence": null }, "usage": { "input_tokens": 40,
            "cache_creation_input_tokens": 0, "cache_read_input_tokens": 60, "output_tokens": 20,
            "output_tokens_details": { "thinking_tokens": 5 } } }),
        json!({ "type": "message_stop" }),
    ]
}

fn written_responses(created: u64) -> Vec<Value> {
    let added =
        |index, item: Value| json!({ "type": "response.output_item.added", "output_index": index, "item": item });
    let done = |index, item: Value| json!({ "type": "response.output_item.done", "output_index": index, "item": item });
    let within = |kind: &str, item: (&str, u64), fields: Value| {
        let mut event = json!({ "type": format!("response.{kind}"), "item_id": item.0, "output_index": item.1 });
        event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        event
    };
    let (thought, message, first, second) = (("rs_c1_0", 0), ("msg_c1_1", 1), ("fc_c1_2", 2), ("fc_c1_3", 3));
    let text = |text: &str| json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] });
    let said = |status: &str, content: Value| json!({ "id": "msg_c1_1", "type": "message", "status": status, "role": "assistant", "content": content });
    let call = |item: (&str, u64), id, name, arguments, status| json!({ "id": item.0, "type": "function_call", "call_id": id, "name": name, "arguments": arguments, "status": status });
    let summary = |text: &str| json!({ "type": "summary_text", "text": text });
    let output = [
        json!({ "id": "rs_c1_0", "type": "reasoning", "summary": [summary("Hm.")] }),
        said("completed", json!([text("Hello")])),
        call(first, "call_1", "read", "{\"a\":1}", "completed"),
        call(second, "call_2", "look", "{}", "completed"),
    ];
    let begun = response(created, "in_progress", json!([]), Value::Null);
    let usage = json!({ "input_tokens": 100, "input_tokens_details": { "cached_tokens": 60, "cache_write_tokens": 0 }, "output_tokens": 20,
        "output_tokens_details": { "reasoning_tokens": 5 }, "total_tokens": 120 });
    let mut events = vec![
        json!({ "type": "response.created", "response": begun }),
        json!({ "type": "response.in_progress", "response": begun }),
        added(0, json!({ "id": "rs_c1_0", "type": "reasoning", "summary": [] })),
        within("reasoning_summary_part.added", thought, json!({ "summary_index": 0, "part": summary("") })),
        within("reasoning_summary_text.delta", thought, json!({ "summary_index": 0, "delta": "Hm." })),
        within("reasoning_summary_text.done", thought, json!({ "summary_index": 0, "text": "Hm." })),
        within("reasoning_summary_part.done", thought, json!({ "summary_index": 0, "part": summary("Hm.") })),
        done(0, output[0].clone()),
        added(1, said("in_progress", json!([]))),
        within("content_part.added", message, json!({ "content_index": 0, "part": text("") })),
        within("output_text.delta", message, json!({ "content_index": 0, "delta": "Hel", "logprobs": [] })),
        within("output_text.delta", message, json!({ "content_index": 0, "delta": "lo", "logprobs": [] })),
        within("output_text.done", message, json!({ "content_index": 0, "text": "Hello", "logprobs": [] })),
        within("content_part.done", message, json!({ "content_index": 0, "part": text("Hello") })),
        done(1, output[1].clone()),
        added(2, call(first, "call_1", "read", "", "in_progress")),
        within("function_call_arguments.delta", first, json!({ "delta": "{\"a\"" })),
        within("function_call_arguments.delta", first, json!({ "delta": ":1}" })),
        within("function_call_arguments.done", first, json!({ "name": "read", "arguments": "{\"a\":1}" })),
        done(2, output[2].clone()),
        added(3, call(second, "call_2", "look", "", "in_progress")),
        within("function_call_arguments.delta", second, json!({ "delta": "{}" })),
        within("function_call_arguments.done", second, json!({ "name": "look", "arguments": "{}" })),
        done(3, output[3].clone()),
        json!({ "type": "response.completed", "response": response(created, "completed", json!(output), usage) }),
    ];
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
    }
    events
}

fn response(created: u64, status: &str, output: Value, usage: Value) -> Value {
    json!({
        "id": "c1", "object": "response", "created_at": created, "status": status, "error": null, "incomplete_details": null,
        "model": "m1", "output": output, "usage": usage, "instructions": null, "max_output_tokens": null, "metadata": {},
        "parallel_tool_calls": true, "previous_response_id": null, "reasoning": null, "store": false, "temperature": null,
        "text": { "format": { "type": "text" } }, "tool_choice": "auto", "tools": [], "top_p": null, "truncation": "disabled",
        "user": null,
    })
}

#[test]
fn an_answer_reaches_clients_of_every_dialect() {
    for from in CHATLIKE {
        let created = if from == Dialect::Messages { 7 } else { 5 };
        for to in CHATLIKE {
            let text = translate(from, to, spoken(from).as_bytes());
            check(to, &text);
            let mut got: Vec<Value> = events(text.as_bytes()).into_iter().map(|event| event.data).collect();
            if to == Dialect::Messages {
                // What is known at the start: from Messages the input, else nothing.
                got[0]["message"]["usage"] = Value::Null;
            }
            let expected = written(to, created);
            for (got, expected) in got.iter().zip(&expected) {
                assert_eq!(got, expected, "{} as {}", from.as_str(), to.as_str());
            }
            assert_eq!(got.len(), expected.len(), "{} as {}", from.as_str(), to.as_str());
        }
    }
}

/// At every byte, and at all of them, with line ends of every kind.
#[test]
fn a_stream_may_be_split_anywhere() {
    for (from, to) in CHATLIKE.into_iter().zip([Dialect::Messages, Dialect::Responses, Dialect::Chat]) {
        for line_end in ["\n", "\r\n", "\r"] {
            let bytes = format!(": hello\n\n{}", spoken(from)).replace('\n', line_end).into_bytes();
            let whole = translate_split(from, to, &asked(), &bytes, usize::MAX);
            check(to, &whole);
            assert_eq!(translate_split(from, to, &asked(), &bytes, 1), whole);
            let step = if line_end == "\r\n" { 1 } else { 17 };
            for at in (1..bytes.len()).step_by(step) {
                let (mut translator, mut out) = (StreamTranslator::new(from, to, &asked()), Vec::new());
                translator.push(&bytes[..at], &mut out);
                translator.push(&bytes[at..], &mut out);
                translator.finish(&mut out);
                assert!(out == whole.as_bytes(), "{} as {} at {at}", from.as_str(), to.as_str());
            }
        }
    }
}

/// Every delta is passed on with the event that brings it.
#[test]
fn a_delta_does_not_wait() {
    for from in CHATLIKE {
        for to in CHATLIKE {
            let bytes = spoken(from).into_bytes();
            let at = memchr::memmem::find(&bytes, b"Hel").unwrap();
            let end = at + memchr::memmem::find(&bytes[at..], b"\n\n").unwrap() + 2;
            let (mut translator, mut out) = (StreamTranslator::new(from, to, &asked()), Vec::new());
            translator.push(&bytes[..end], &mut out);
            assert!(memchr::memmem::find(&out, b"\"Hel\"").is_some());
        }
    }
}

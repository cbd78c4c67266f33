//! Rows: what a Responses client asks, as chat and Messages targets take it, and what is refused by name.

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::dialect::tests::{answer, assert_refused, assert_request, translate};
use crate::dialect::{Asked, Dialect, UNKNOWN};

const FROM: Dialect = Dialect::Responses;

#[test]
fn settings() {
    let schema = json!({ "type": "object" });
    let rows = [
        (
            json!({}),
            json!({ "messages": [{ "role": "user", "content": "hi" }], "max_tokens": null, "stream": null }),
            &[][..],
        ),
        (
            json!({ "instructions": "Be brief." }),
            json!({ "messages": [{ "role": "system", "content": "Be brief." }, { "role": "user", "content": "hi" }] }),
            &[],
        ),
        (json!({ "max_output_tokens": 7, "temperature": 1.5 }), json!({ "max_tokens": 7, "temperature": 1.5 }), &[]),
        (
            json!({ "reasoning": { "effort": "high", "summary": "auto" } }),
            json!({ "reasoning_effort": "high" }),
            &["summary"],
        ),
        (
            json!({ "text": { "verbosity": "low", "format": { "type": "json_schema", "name": "n", "strict": true, "schema": schema } } }),
            json!({ "verbosity": "low", "response_format": { "type": "json_schema", "json_schema": { "name": "n", "schema": schema, "strict": true } } }),
            &[],
        ),
        (
            json!({ "text": { "format": { "type": "json_object" } } }),
            json!({ "response_format": { "type": "json_object" } }),
            &[],
        ),
        (json!({ "store": false, "background": false, "previous_response_id": null }), json!({}), &[]),
        (
            json!({ "include": ["reasoning.encrypted_content"], "client_metadata": {}, "truncation": "auto", "x": 1 }),
            json!({}),
            &["include", "client_metadata", "truncation", UNKNOWN],
        ),
        (
            json!({ "prompt_cache_key": "k", "user": "u", "metadata": { "a": "b" } }),
            json!({ "prompt_cache_key": "k", "user": "u", "metadata": null }),
            &["metadata"],
        ),
        (
            json!({ "tools": [{ "type": "function", "name": "t", "parameters": schema, "strict": false }, { "type": "web_search" }], "tool_choice": "required", "parallel_tool_calls": true }),
            json!({ "tools": [{ "type": "function", "function": { "name": "t", "parameters": schema, "strict": false } }], "tool_choice": "required", "parallel_tool_calls": true }),
            &["web_search"],
        ),
    ];
    for (change, expected, dropped) in rows {
        assert_request(FROM, Dialect::Chat, &change, &expected, dropped);
    }
}

#[test]
fn refusals_name_the_field() {
    let rows = [
        (json!({ "previous_response_id": "resp_1" }), "previous_response_id"),
        (json!({ "conversation": "conv_1" }), "conversation"),
        (json!({ "prompt": { "id": "pmpt_1" } }), "prompt"),
        (json!({ "background": true }), "background"),
        (json!({ "store": true }), "store"),
        (json!({ "top_logprobs": 2 }), "top_logprobs"),
        (json!({ "include": ["message.output_text.logprobs"] }), "include"),
        (json!({ "input": [{ "type": "item_reference", "id": "a" }] }), "input[0]"),
        (json!({ "input": [{ "type": "mcp_call" }] }), "input[0].type"),
        (
            json!({ "input": [{ "role": "user", "content": [{ "type": "input_image", "file_id": "f" }] }] }),
            "input[0].content[0].file_id",
        ),
        (
            json!({ "input": [{ "role": "user", "content": [{ "type": "input_file", "file_url": "data:,x" }] }] }),
            "input[0].content[0].file_url",
        ),
        (json!({ "input": [{ "type": "function_call", "name": "t" }] }), "input[0].call_id"),
        (json!({ "tools": [{ "type": "web_search" }] }), "tools[0]"),
        (
            json!({ "tools": [{ "type": "function", "name": "t" }, { "type": "web_search" }], "tool_choice": { "type": "web_search" } }),
            "tools[1]",
        ),
        (json!({ "tools": [{ "type": "function", "name": "t" }, { "type": "file_search" }] }), "tools[1]"),
        (json!({ "tools": [{ "type": "mcp", "server_label": "x" }] }), "tools[0]"),
        (json!({ "text": { "format": { "type": "grammar" } } }), "text.format.type"),
        (json!({ "input": 5 }), "input"),
    ];
    for (change, field) in rows {
        for to in [Dialect::Chat, Dialect::Messages] {
            assert_refused(FROM, to, &change, field);
        }
    }
}

/// A conversation with every kind of item that a stateless client sends.
fn items() -> Value {
    json!([
        { "type": "message", "role": "developer", "content": [{ "type": "input_text", "text": "dev" }] },
        { "role": "user", "content": [{ "type": "input_text", "text": "see" }, { "type": "input_image", "image_url": "https://x.test/a.png", "detail": "low" }] },
        { "type": "reasoning", "id": "rs_1", "summary": [{ "type": "summary_text", "text": "Hm." }], "encrypted_content": "gAAA" },
        { "type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [{ "type": "output_text", "text": "ok", "annotations": [] }] },
        { "type": "function_call", "id": "fc_1", "call_id": "c1", "namespace": "agents", "name": "spawn", "arguments": "{\"a\":1}" },
        { "type": "custom_tool_call", "call_id": "c2", "name": "edit", "input": "*** Begin" },
        { "type": "local_shell_call", "call_id": "c3", "action": { "type": "exec", "command": ["ls"], "env": {}, "user": null }, "status": "completed" },
        { "type": "function_call_output", "call_id": "c1", "output": [{ "type": "input_text", "text": "done" }] },
        { "type": "custom_tool_call_output", "call_id": "c2", "output": "edited" },
        { "type": "local_shell_call_output", "id": "c3", "output": "a.rs" },
    ])
}

fn tools() -> Value {
    json!([
        { "type": "namespace", "name": "agents", "description": "About agents.", "tools": [{ "type": "function", "name": "spawn", "parameters": { "type": "object" } }] },
        { "type": "custom", "name": "edit", "description": "Edits.", "format": { "type": "text" } },
        { "type": "local_shell" },
    ])
}

#[test]
fn items_become_turns() {
    let body = json!({ "instructions": "sys", "input": items(), "tools": tools() });
    let (chat, translated) = translate(FROM, Dialect::Chat, &body).unwrap();
    let call = |id: &str, name: &str, arguments: &str| json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments } });
    assert_eq!(
        chat["messages"],
        json!([
            { "role": "system", "content": [{ "type": "text", "text": "sys" }, { "type": "text", "text": "dev" }] },
            { "role": "user", "content": [{ "type": "text", "text": "see" }, { "type": "image_url", "image_url": { "url": "https://x.test/a.png", "detail": "low" } }] },
            { "role": "assistant", "content": "ok", "tool_calls": [
                call("c1", "agents__spawn", "{\"a\":1}"), call("c2", "edit", "{\"input\":\"*** Begin\"}"), call("c3", "local_shell", "{\"command\":[\"ls\"],\"env\":{}}")] },
            { "role": "tool", "tool_call_id": "c1", "content": "done" },
            { "role": "tool", "tool_call_id": "c2", "content": "edited" },
            { "role": "tool", "tool_call_id": "c3", "content": "a.rs" },
        ])
    );
    assert_eq!(translated.dropped, ["namespace", "encrypted_content", "thinking"]);

    let (messages, translated) = translate(FROM, Dialect::Messages, &body).unwrap();
    assert_eq!(messages["system"], json!([{ "type": "text", "text": "sys" }, { "type": "text", "text": "dev" }]));
    let kinds = |turn: &Value| {
        turn["content"].as_array().unwrap().iter().map(|block| block["type"].clone()).collect::<Vec<_>>()
    };
    let turns: Vec<_> = messages["messages"].as_array().unwrap().iter().map(kinds).collect();
    assert_eq!(
        json!(turns),
        json!([
            ["text", "image"],
            ["text", "tool_use", "tool_use", "tool_use"],
            ["tool_result", "tool_result", "tool_result"]
        ])
    );
    assert_eq!(translated.dropped, ["namespace", "encrypted_content", "thinking", "detail"]);
}

#[test]
fn calls_come_back_as_the_tools_were_offered() {
    let body = json!({ "input": "hi", "tools": tools(), "user": "u" });
    let (written, translated) = translate(FROM, Dialect::Chat, &body).unwrap();
    let names: Vec<&Value> =
        written["tools"].as_array().unwrap().iter().map(|tool| &tool["function"]["name"]).collect();
    assert_eq!(names, ["agents__spawn", "edit", "local_shell"]);
    let call = |id: &str, name: &str, arguments: &str| json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments } });
    let answered = json!({ "id": "i", "model": "m", "created": 5, "choices": [{ "finish_reason": "tool_calls", "message": { "content": null, "tool_calls": [
        call("c1", "agents__spawn", "{\"a\":1}"), call("c2", "edit", "{\"input\":\"*** Begin\"}"), call("c3", "local_shell", "{\"command\":[\"ls\"]}"),
        call("c4", "other", "") ] } }] });
    let read = answer(Dialect::Chat, FROM, &answered, &translated.asked);
    assert_eq!(
        read["output"],
        json!([
            { "id": "fc_i_0", "type": "function_call", "call_id": "c1", "name": "spawn", "namespace": "agents", "arguments": "{\"a\":1}", "status": "completed" },
            { "id": "ctc_i_1", "type": "custom_tool_call", "call_id": "c2", "name": "edit", "input": "*** Begin", "status": "completed" },
            { "id": "lsh_i_2", "type": "local_shell_call", "call_id": "c3", "action": { "type": "exec", "command": ["ls"], "env": {} }, "status": "completed" },
            { "id": "fc_i_3", "type": "function_call", "call_id": "c4", "name": "other", "arguments": "{}", "status": "completed" },
        ])
    );
    assert_eq!((&read["tools"], &read["user"], &read["usage"]), (&tools(), &json!("u"), &Value::Null));
}

#[test]
fn answers_for_responses_clients() {
    let answered = json!({ "id": "i", "model": "m", "stop_reason": "end_turn", "content": [
        { "type": "thinking", "thinking": "Hm.", "signature": "s" }, { "type": "redacted_thinking", "data": "d" },
        { "type": "text", "text": "a" }, { "type": "text", "text": "b" }, { "type": "tool_use", "id": "c", "name": "t", "input": {} } ] });
    let read = answer(Dialect::Messages, FROM, &answered, &Asked::default());
    let ids: Vec<&Value> = read["output"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
    assert_eq!(ids, ["rs_i_0", "msg_i_1", "fc_i_2"]);
    assert_eq!(read["output"][1]["content"].as_array().unwrap().len(), 2);
}

#[test]
fn targets_that_speak_responses() {
    let rows = [
        (
            json!({}),
            json!({ "store": false, "input": [{ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "hi" }] }] }),
            &[][..],
        ),
        (
            json!({ "reasoning_effort": "low", "max_tokens": 9 }),
            json!({ "reasoning": { "effort": "low" }, "max_output_tokens": 9 }),
            &[],
        ),
        (json!({ "seed": 1, "metadata": { "a": "b" } }), json!({ "metadata": { "a": "b" } }), &["seed"]),
    ];
    for (change, expected, dropped) in rows {
        assert_request(Dialect::Chat, FROM, &change, &expected, dropped);
    }
    assert_refused(Dialect::Chat, FROM, &json!({ "stop": "a" }), "stop");
}

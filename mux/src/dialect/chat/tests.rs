//! Rows: what a chat client asks, as a Messages target takes it, and what is refused by name.

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::dialect::tests::{answer, assert_refused, assert_request, translate, translate_for};
use crate::dialect::{Context, Dialect, UNKNOWN, wire_id};

const TO: Dialect = Dialect::Messages;

#[test]
fn settings() {
    let rows = [
        (
            json!({}),
            json!({ "max_tokens": 4096, "model": "a-model", "temperature": null, "stop_sequences": null, "tools": null }),
            &[][..],
        ),
        (
            json!({ "max_tokens": 7, "temperature": 0, "top_p": 0.5 }),
            json!({ "max_tokens": 7, "temperature": 0.0, "top_p": 0.5 }),
            &[],
        ),
        (json!({ "max_completion_tokens": 9, "max_tokens": 7 }), json!({ "max_tokens": 9 }), &[]),
        (json!({ "stop": "a" }), json!({ "stop_sequences": ["a"] }), &[]),
        (json!({ "stop": ["a", "b"] }), json!({ "stop_sequences": ["a", "b"] }), &[]),
        (json!({ "user": "u", "safety_identifier": "s" }), json!({ "metadata": { "user_id": "s" } }), &[]),
        (
            json!({ "seed": 1, "frequency_penalty": 0.5, "presence_penalty": 0 }),
            json!({}),
            &["seed", "frequency_penalty"],
        ),
        (
            json!({ "metadata": { "a": "b" }, "store": true, "verbosity": "low" }),
            json!({ "metadata": null }),
            &["store", "verbosity", "metadata"],
        ),
        (json!({ "made_up": 1, "also": 2, "n": 1, "logprobs": false, "logit_bias": {} }), json!({}), &[UNKNOWN]),
        (json!({ "service_tier": "default" }), json!({ "service_tier": "standard_only" }), &[]),
        (json!({ "service_tier": "flex" }), json!({ "service_tier": null }), &["service_tier"]),
        (
            json!({ "stream": true, "stream_options": { "include_usage": true } }),
            json!({ "stream": true, "stream_options": null }),
            &[],
        ),
        (
            json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "n", "strict": true, "schema": { "type": "object" } } } }),
            json!({ "output_config": { "format": { "type": "json_schema", "schema": { "type": "object" } } } }),
            &[],
        ),
        (json!({ "response_format": { "type": "text" } }), json!({ "output_config": null }), &[]),
    ];
    for (change, expected, dropped) in rows {
        assert_request(Dialect::Chat, TO, &change, &expected, dropped);
    }
}

#[test]
fn refusals_name_the_field() {
    let user = |part| json!({ "messages": [{ "role": "user", "content": [part] }] });
    let rows = [
        (json!({ "n": 2 }), "n"),
        (json!({ "logprobs": true }), "logprobs"),
        (json!({ "top_logprobs": 3 }), "top_logprobs"),
        (json!({ "logit_bias": { "1": 2 } }), "logit_bias"),
        (json!({ "audio": { "voice": "x" } }), "audio"),
        (json!({ "modalities": ["text", "audio"] }), "modalities"),
        (json!({ "web_search_options": {} }), "web_search_options"),
        (json!({ "temperature": 1.5 }), "temperature"),
        (json!({ "temperature": "warm" }), "temperature"),
        (json!({ "response_format": { "type": "json_object" } }), "response_format"),
        (json!({ "response_format": { "type": "xml" } }), "response_format.type"),
        (json!({ "reasoning_effort": "lots" }), "reasoning_effort"),
        (json!({ "tools": [{ "type": "function" }] }), "tools[0].function"),
        (json!({ "tools": [{ "type": "code_interpreter" }] }), "tools[0].type"),
        (json!({ "messages": [] }), "messages"),
        (json!({ "messages": [{ "role": "robot", "content": "a" }] }), "messages[0].role"),
        (json!({ "messages": [{ "role": "tool", "content": "a" }] }), "messages[0].tool_call_id"),
        (user(json!({ "type": "input_audio", "input_audio": {} })), "messages[0].content[0].type"),
        (user(json!({ "type": "file", "file": { "file_id": "f" } })), "messages[0].content[0].file.file_id"),
        (
            user(json!({ "type": "image_url", "image_url": { "url": "data:image/png,raw" } })),
            "messages[0].content[0].image_url.url",
        ),
        (user(json!({ "type": "file", "file": { "file_data": "data:image/tiff;base64,AA" } })), "messages"),
    ];
    for (change, field) in rows {
        assert_refused(Dialect::Chat, TO, &change, field);
    }
    let error = translate(Dialect::Chat, Dialect::Embeddings, &json!({})).map(|_| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "A chat request cannot be sent to a target that speaks embeddings; choose a target that speaks chat"
    );
}

#[test]
fn messages() {
    let call = |id: &str, arguments: &str| {
        json!({ "role": "assistant", "content": null, "tool_calls": [
        { "id": id, "type": "function", "function": { "name": "read", "arguments": arguments } }] })
    };
    let called = |id: &str, input| json!({ "role": "assistant", "content": [{ "type": "tool_use", "id": id, "name": "read", "input": input }] });
    let result = |id: &str, content| json!({ "role": "user", "content": [{ "type": "tool_result", "tool_use_id": id, "content": content }] });
    let odd = wire_id("f.read:0");
    let rows = [
        // Instructions at the start, of both roles; later ones stay in their place.
        (
            json!([{ "role": "system", "content": "a" }, { "role": "developer", "content": [{ "type": "text", "text": "b" }] },
                { "role": "user", "content": "hi" }, { "role": "system", "content": "now" }]),
            json!([{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }]),
            json!([{ "role": "user", "content": [{ "type": "text", "text": "hi" }, { "type": "text", "text": "<system>\nnow\n</system>" }] }]),
        ),
        // Neighbours are joined; what is empty is left out; the last answer ends without white space.
        (
            json!([{ "role": "user", "content": "a" }, { "role": "assistant", "content": " " }, { "role": "user", "content": "b" },
                { "role": "assistant", "content": "So: " }]),
            json!(null),
            json!([{ "role": "user", "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] }, { "role": "assistant", "content": "So:" }]),
        ),
        // A cache mark; a refusal; reasoning of another model.
        (
            json!([{ "role": "user", "content": [{ "type": "text", "text": "a", "cache_control": { "type": "ephemeral" } }] },
                { "role": "assistant", "content": null, "refusal": "No.", "reasoning_content": "Hm." }, { "role": "user", "content": "b" }]),
            json!(null),
            json!([{ "role": "user", "content": [{ "type": "text", "text": "a", "cache_control": { "type": "ephemeral" } }] },
                { "role": "assistant", "content": "No." }, { "role": "user", "content": "b" }]),
        ),
        // Broken arguments, an id with odd letters, a result without content.
        (
            json!([{ "role": "user", "content": "a" }, call("f.read:0", "{\"a\""), { "role": "tool", "tool_call_id": "f.read:0", "content": "" }]),
            json!(null),
            json!([{ "role": "user", "content": "a" }, called(&odd, json!({ "malformed_arguments": "{\"a\"" })),
                { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": &odd }] }]),
        ),
        // Functions of old have no ids, and some servers give empty ones.
        (
            json!([{ "role": "user", "content": "a" }, { "role": "assistant", "content": null, "function_call": { "name": "read", "arguments": "{}" } },
                { "role": "function", "name": "read", "content": "x" }]),
            json!(null),
            json!([{ "role": "user", "content": "a" }, called("call_function_1", json!({})), result("call_function_1", json!("x"))]),
        ),
        (
            json!([{ "role": "user", "content": "a" }, call("", ""), { "role": "tool", "tool_call_id": "", "content": "x" }]),
            json!(null),
            json!([{ "role": "user", "content": "a" }, called("call_unnamed_0", json!({})), result("call_unnamed_0", json!("x"))]),
        ),
    ];
    for (messages, system, expected) in rows {
        let (written, _) = translate(Dialect::Chat, TO, &json!({ "messages": messages })).unwrap();
        assert_eq!((&written["system"], &written["messages"]), (&system, &expected), "{messages}");
    }
}

#[test]
fn tools() {
    let tools = json!([{ "type": "function", "function": { "name": "read", "description": "", "parameters": { "properties": {} }, "strict": false } }]);
    let written = json!([{ "name": "read", "input_schema": { "properties": {}, "type": "object" } }]);
    let with = |change: Value| {
        let mut body = json!({ "tools": tools });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    };
    let rows = [
        (json!({}), json!(null)),
        (json!({ "tool_choice": "auto" }), json!({ "type": "auto" })),
        (json!({ "tool_choice": "none", "parallel_tool_calls": false }), json!({ "type": "none" })),
        (json!({ "tool_choice": "required" }), json!({ "type": "any" })),
        (
            json!({ "tool_choice": { "type": "function", "function": { "name": "read" } } }),
            json!({ "type": "tool", "name": "read" }),
        ),
        (json!({ "parallel_tool_calls": false }), json!({ "type": "auto", "disable_parallel_tool_use": true })),
        (
            json!({ "tool_choice": { "type": "allowed_tools", "allowed_tools": { "mode": "required", "tools": [{ "type": "function", "function": { "name": "read" } }] } } }),
            json!({ "type": "any" }),
        ),
    ];
    for (change, choice) in rows {
        assert_request(Dialect::Chat, TO, &with(change), &json!({ "tools": written, "tool_choice": choice }), &[]);
    }
    // Calls without tools: declared, and not to be called.
    let history = json!({ "messages": [{ "role": "user", "content": "a" }, { "role": "assistant", "tool_calls": [
        { "id": "c", "type": "function", "function": { "name": "read", "arguments": "{}" } }] }, { "role": "tool", "tool_call_id": "c", "content": "x" }] });
    let declared = json!({ "tools": [{ "name": "read", "input_schema": { "type": "object", "properties": {} } }], "tool_choice": { "type": "none" } });
    assert_request(Dialect::Chat, TO, &history, &declared, &[]);
}

#[test]
fn tools_that_are_renamed_come_back_as_they_were() {
    let long = "x".repeat(70);
    let body = json!({ "messages": [{ "role": "user", "content": "a" }], "tools": [
        { "type": "custom", "custom": { "name": "edit", "description": "Edits.", "format": { "type": "grammar", "grammar": { "syntax": "lark", "definition": "start: X" } } } },
        { "type": "function", "function": { "name": long } },
    ] });
    let (written, translated) = translate(Dialect::Chat, TO, &body).unwrap();
    assert_eq!(written["tools"][0]["description"], "Edits.\n\nThe input must match this lark grammar:\nstart: X");
    assert_eq!(written["tools"][0]["input_schema"]["required"], json!(["input"]));
    let answered = json!({ "id": "i", "model": "m", "stop_reason": "tool_use", "content": [
        { "type": "tool_use", "id": "1", "name": "edit", "input": { "input": "a\nb" } },
        { "type": "tool_use", "id": "2", "name": written["tools"][1]["name"], "input": { "input": "a" } },
    ] });
    let read = answer(TO, Dialect::Chat, &answered, &translated.asked);
    assert_eq!(
        read["choices"][0]["message"]["tool_calls"],
        json!([
            { "id": "1", "type": "custom", "custom": { "name": "edit", "input": "a\nb" } },
            { "id": "2", "type": "function", "function": { "name": long, "arguments": "{\"input\":\"a\"}" } },
        ])
    );
}

#[test]
fn functions_of_old_are_answered_as_such() {
    let body = json!({ "messages": [{ "role": "user", "content": "a" }], "functions": [{ "name": "read" }], "function_call": { "name": "read" } });
    let (written, translated) = translate(Dialect::Chat, TO, &body).unwrap();
    assert_eq!(written["tool_choice"], json!({ "type": "tool", "name": "read", "disable_parallel_tool_use": true }));
    let answered = json!({ "content": [{ "type": "tool_use", "id": "1", "name": "read", "input": {} }], "stop_reason": "tool_use" });
    let choice = &answer(TO, Dialect::Chat, &answered, &translated.asked)["choices"][0];
    assert_eq!(choice["message"]["function_call"], json!({ "name": "read", "arguments": "{}" }));
    assert_eq!((choice["message"].get("tool_calls"), &choice["finish_reason"]), (None, &json!("function_call")));
}

#[test]
fn thinking_where_the_target_takes_it() {
    let tool_loop = json!([{ "role": "user", "content": "a" }, { "role": "assistant", "tool_calls": [
        { "id": "c", "type": "function", "function": { "name": "t", "arguments": "{}" } }] }, { "role": "tool", "tool_call_id": "c", "content": "x" }]);
    let tools = json!([{ "type": "function", "function": { "name": "t" } }]);
    let budget = |tokens: u64| json!({ "type": "enabled", "budget_tokens": tokens });
    let rows = [
        ("m", json!({ "reasoning_effort": "low", "max_tokens": 9000 }), budget(4096), json!(null), &[][..]),
        ("m", json!({ "reasoning_effort": "high", "max_tokens": 9000 }), budget(6750), json!(null), &[]),
        ("m", json!({ "reasoning_effort": "minimal", "max_tokens": 1000 }), json!(null), json!(null), &["thinking"]),
        ("m", json!({ "reasoning_effort": "none" }), json!({ "type": "disabled" }), json!(null), &[]),
        ("m", json!({ "reasoning": { "max_tokens": 2000 } }), budget(2000), json!(null), &[]),
        ("m", json!({ "reasoning": { "enabled": false } }), json!({ "type": "disabled" }), json!(null), &[]),
        (
            "m",
            json!({ "reasoning_effort": "low", "temperature": 0, "top_p": 0.5, "max_tokens": 9000 }),
            budget(4096),
            json!(null),
            &["temperature", "top_p"],
        ),
        (
            "m",
            json!({ "reasoning_effort": "low", "tools": tools, "tool_choice": "required" }),
            json!(null),
            json!(null),
            &["thinking"],
        ),
        (
            "m",
            json!({ "reasoning_effort": "low", "tools": tools, "messages": tool_loop }),
            json!(null),
            json!(null),
            &["thinking"],
        ),
        (
            "claude-opus-4-6",
            json!({ "reasoning_effort": "low", "tools": tools, "messages": tool_loop }),
            json!({ "type": "adaptive" }),
            json!({ "effort": "low" }),
            &[],
        ),
        (
            "claude-opus-4-6",
            json!({ "reasoning_effort": "xhigh" }),
            json!({ "type": "adaptive" }),
            json!({ "effort": "high" }),
            &[],
        ),
        (
            "claude-opus-5",
            json!({ "reasoning_effort": "xhigh" }),
            json!({ "type": "adaptive" }),
            json!({ "effort": "xhigh" }),
            &[],
        ),
        ("claude-3-opus-20240229", json!({ "reasoning_effort": "low" }), json!(null), json!(null), &["thinking"]),
        ("claude-sonnet-4-5", json!({ "temperature": 0.5, "top_p": 0.5 }), json!(null), json!(null), &["top_p"]),
        (
            "claude-opus-4-7",
            json!({ "temperature": 0.5, "top_p": 0.5 }),
            json!(null),
            json!(null),
            &["temperature", "top_p"],
        ),
    ];
    for (model, body, thinking, config, dropped) in rows {
        assert_thinking(model, body, &thinking, &config, dropped);
    }
}

fn assert_thinking(model: &str, mut body: Value, thinking: &Value, config: &Value, dropped: &[&str]) {
    let messages = json!([{ "role": "user", "content": "a" }]);
    body.as_object_mut().unwrap().entry("messages").or_insert(messages);
    let context = Context { model, max_tokens_default: 4_096, extensions: false };
    let (written, translated) = translate_for(&context, Dialect::Chat, TO, &body).unwrap();
    let case = format!("{model} {body}");
    assert_eq!((&written["thinking"], &written["output_config"]), (thinking, config), "{case}");
    assert_eq!(translated.dropped, dropped, "{case}");
}

//! There and back: what both dialects of a pair can say is the same afterwards.

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{CHATLIKE, translate, translate_for};
use crate::dialect::{Context, Dialect};

const PIXEL: &str = "iVBORw0KGgo=";

fn chat() -> Value {
    json!({
        "model": "a-model",
        "max_tokens": 9000,
        "temperature": 0.25,
        "top_p": 0.5,
        "reasoning_effort": "low",
        "response_format": { "type": "json_schema", "json_schema": { "name": "response", "schema": { "type": "object", "z": 1, "a": 2 } } },
        "user": "u1",
        "service_tier": "auto",
        "stream": true,
        "stream_options": { "include_usage": true },
        "tools": [
            { "type": "function", "function": { "name": "read", "description": "Reads.", "parameters": { "type": "object", "properties": { "z": {}, "a": {} } } } },
            { "type": "function", "function": { "name": "look", "parameters": { "type": "object", "properties": {} }, "strict": true } },
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": false,
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": [
                { "type": "text", "text": "What is this?" },
                { "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{PIXEL}") } },
                { "type": "image_url", "image_url": { "url": "https://example.test/a.png" } },
                { "type": "file", "file": { "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA" } },
            ] },
            { "role": "assistant", "content": "Let me see.", "tool_calls": [
                { "id": "call_1", "type": "function", "function": { "name": "read", "arguments": "{\"z\":1.50,\"a\":[]}" } },
                { "id": "call_2", "type": "function", "function": { "name": "look", "arguments": "{}" } },
            ] },
            { "role": "tool", "tool_call_id": "call_1", "content": "text" },
            { "role": "tool", "tool_call_id": "call_2", "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] },
            { "role": "user", "content": "Go on." },
        ],
    })
}

/// Fields whose way there and back changes no meaning, only their spelling.
fn settled(mut body: Value, via: Dialect) -> Value {
    let map = body.as_object_mut().unwrap();
    if via == Dialect::Messages {
        // Thinking on: the target refuses these beside it.
        map.remove("temperature");
        map.remove("top_p");
    } else {
        // What OpenAI assumes must be told to Responses, which assumes otherwise; an image's detail too.
        map["tools"][0]["function"]["strict"] = json!(false);
        for part in map["messages"][1]["content"].as_array_mut().unwrap() {
            if part["type"] == "image_url" {
                part["image_url"]["detail"] = json!("auto");
            }
        }
    }
    body
}

/// Arguments compare by value, objects by their fields and their order.
fn spelled(body: &Value) -> String {
    let mut body = body.clone();
    for message in body["messages"].as_array_mut().unwrap() {
        for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
            let arguments = call["function"]["arguments"].as_str().unwrap().to_owned();
            call["function"]["arguments"] = serde_json::from_str(&arguments).unwrap();
        }
    }
    let mut fields: Vec<String> =
        body.as_object().unwrap().iter().map(|(name, value)| format!("{name}: {value}")).collect();
    fields.sort();
    fields.join("\n")
}

#[test]
fn chat_there_and_back() {
    for via in [Dialect::Messages, Dialect::Responses] {
        let sent = settled(chat(), via);
        let (there, translated) = translate(Dialect::Chat, via, &sent).unwrap();
        assert_eq!(translated.dropped, [""; 0], "{via:?}");
        let (back, translated) = translate(via, Dialect::Chat, &there).unwrap();
        assert_eq!(translated.dropped, [""; 0], "{via:?}");
        assert_eq!(spelled(&back), spelled(&sent), "{via:?}");
    }
}

#[test]
fn messages_there_and_back() {
    let sent = json!({
        "model": "a-model",
        "max_tokens": 9000,
        "thinking": { "type": "enabled", "budget_tokens": 4096 },
        "metadata": { "user_id": "u1" },
        "tools": [{ "name": "read", "input_schema": { "type": "object", "z": 1, "a": 2 }, "cache_control": { "type": "ephemeral" } }],
        "tool_choice": { "type": "none" },
        "system": [{ "type": "text", "text": "one" }, { "type": "text", "text": "two", "cache_control": { "type": "ephemeral", "ttl": "1h" } }],
        "messages": [
            { "role": "user", "content": "hi" },
            { "role": "assistant", "content": [{ "type": "tool_use", "id": "toolu_1", "name": "read", "input": { "z": 1.5, "a": [null] } }] },
            { "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "toolu_1", "content": "text", "cache_control": { "type": "ephemeral" } },
                { "type": "text", "text": "and", "cache_control": { "type": "ephemeral" } },
            ] },
            { "role": "assistant", "content": "done" },
            { "role": "user", "content": "thanks" },
        ],
    });
    let context = Context { model: "a-model", max_tokens_default: 1, extensions: true };
    let (there, translated) = translate_for(&context, Dialect::Messages, Dialect::Chat, &sent).unwrap();
    assert_eq!(translated.dropped, [""; 0]);
    let (back, translated) = translate(Dialect::Chat, Dialect::Messages, &there).unwrap();
    assert_eq!(translated.dropped, [""; 0]);
    let order = |mut body: Value| {
        body.as_object_mut().unwrap().sort_keys();
        body.to_string()
    };
    assert_eq!(order(back), order(sent));
}

#[test]
fn a_second_trip_changes_nothing() {
    for (from, via) in CHATLIKE.iter().flat_map(|from| CHATLIKE.map(|via| (*from, via))) {
        let (first, _) = translate(Dialect::Chat, from, &chat()).unwrap();
        let trip = |body: &Value| translate(via, from, &translate(from, via, body).unwrap().0).unwrap().0;
        let once = trip(&first);
        assert_eq!(trip(&once).to_string(), once.to_string(), "{from:?} via {via:?}");
    }
}

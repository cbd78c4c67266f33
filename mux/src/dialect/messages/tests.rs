//! Rows: what a Messages client asks, as a chat target takes it, and what is refused by name.

use serde_json::json;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::dialect::tests::{answer, assert_refused, assert_request, translate, translate_for};
use crate::dialect::{Asked, Context, Dialect, UNKNOWN};

const TO: Dialect = Dialect::Chat;

#[test]
fn settings() {
    let rows = [
        (json!({}), json!({ "max_tokens": 9000, "model": "a-model", "temperature": null, "stream": null }), &[][..]),
        (
            json!({ "stop_sequences": ["a"], "temperature": 1.0, "top_p": 0.5 }),
            json!({ "stop": ["a"], "temperature": 1.0, "top_p": 0.5 }),
            &[],
        ),
        (json!({ "top_k": 5 }), json!({ "top_k": null }), &["top_k"]),
        (json!({ "metadata": { "user_id": "u", "other": 1 } }), json!({ "user": "u" }), &[UNKNOWN]),
        (json!({ "metadata": { "user_id": "u".repeat(65) } }), json!({ "user": null }), &["user"]),
        (
            json!({ "service_tier": "standard_only", "context_management": {}, "mcp_servers": [] }),
            json!({ "service_tier": "default" }),
            &["context_management"],
        ),
        (json!({ "stream": true }), json!({ "stream": true, "stream_options": { "include_usage": true } }), &[]),
        (
            json!({ "thinking": { "type": "enabled", "budget_tokens": 5000 } }),
            json!({ "reasoning_effort": "low" }),
            &[],
        ),
        (
            json!({ "thinking": { "type": "adaptive" }, "output_config": { "effort": "max" } }),
            json!({ "reasoning_effort": "xhigh" }),
            &[],
        ),
        (json!({ "output_config": { "effort": "medium" } }), json!({ "reasoning_effort": "medium" }), &[]),
        (json!({ "thinking": { "type": "disabled" } }), json!({ "reasoning_effort": null }), &["thinking"]),
        (
            json!({ "output_format": { "type": "json_schema", "schema": { "type": "object" } } }),
            json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "response", "schema": { "type": "object" } } } }),
            &[],
        ),
        (
            json!({ "tools": [{ "name": "t", "input_schema": {}, "defer_loading": true }, { "type": "web_search_20250305", "name": "web_search" }] }),
            json!({ "tools": [{ "type": "function", "function": { "name": "t", "parameters": {} } }], "tool_choice": null }),
            &["defer_loading", "web_search"],
        ),
        (
            json!({ "tools": [{ "name": "t" }], "tool_choice": { "type": "tool", "name": "t", "disable_parallel_tool_use": true } }),
            json!({ "tool_choice": { "type": "function", "function": { "name": "t" } }, "parallel_tool_calls": false }),
            &[],
        ),
        (json!({ "tool_choice": { "type": "auto" } }), json!({ "tool_choice": null }), &[]),
    ];
    for (change, expected, dropped) in rows {
        assert_request(Dialect::Messages, TO, &change, &expected, dropped);
    }
}

#[test]
fn refusals_name_the_field() {
    let user = |block| json!({ "messages": [{ "role": "user", "content": [block] }] });
    let search = json!({ "type": "web_search_20250305", "name": "web_search" });
    let rows = [
        (json!({ "stop_sequences": ["a", "b", "c", "d", "e"] }), "stop_sequences"),
        (json!({ "mcp_servers": [{}] }), "mcp_servers"),
        (json!({ "container": "c" }), "container"),
        (json!({ "inference_geo": "us" }), "inference_geo"),
        (json!({ "tools": [search] }), "tools[0]"),
        (
            json!({ "tools": [{ "name": "t" }, search], "tool_choice": { "type": "tool", "name": "web_search" } }),
            "tools[1]",
        ),
        (json!({ "tools": [{ "name": "t" }, { "type": "code_execution_20250522", "name": "x" }] }), "tools[1]"),
        (json!({ "tools": [{ "type": "bash_20250124", "name": "bash" }] }), "tools[0]"),
        (json!({ "max_tokens": "many" }), "max_tokens"),
        (
            user(json!({ "type": "image", "source": { "type": "file", "file_id": "f" } })),
            "messages[0].content[0].source.file_id",
        ),
        (
            user(json!({ "type": "image", "source": { "type": "url", "url": "data:,x" } })),
            "messages[0].content[0].source.url",
        ),
        (
            user(json!({ "type": "image", "source": { "type": "base64", "media_type": "a,b", "data": "AA" } })),
            "messages[0].content[0].source.media_type",
        ),
        (user(json!({ "type": "container_upload" })), "messages[0].content[0].type"),
        (user(json!({ "type": "document", "source": { "type": "url", "url": "https://x.test/a.pdf" } })), "messages"),
        (user(json!({ "type": "tool_use", "id": "a", "name": "t", "input": {} })), "messages"),
    ];
    for (change, field) in rows {
        assert_refused(Dialect::Messages, TO, &change, field);
    }
}

#[test]
fn messages() {
    let image = json!({ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "AA" } });
    let image_url = json!({ "type": "image_url", "image_url": { "url": "data:image/png;base64,AA" } });
    let rows = [
        // System blocks are one message; a call's result comes before the user's words.
        (
            json!([{ "role": "user", "content": "hi" },
                { "role": "assistant", "content": [{ "type": "thinking", "thinking": "Hm.", "signature": "s" }, { "type": "redacted_thinking", "data": "d" },
                    { "type": "text", "text": "a" }, { "type": "tool_use", "id": "c", "name": "t", "input": { "b": 1, "a": 2 } }] },
                { "role": "user", "content": [{ "type": "text", "text": "and" }, { "type": "tool_result", "tool_use_id": "c", "content": "x", "is_error": true }] }]),
            json!([{ "role": "system", "content": [{ "type": "text", "text": "one" }, { "type": "text", "text": "two" }] },
                { "role": "user", "content": "hi" },
                { "role": "assistant", "content": "a", "tool_calls": [{ "id": "c", "type": "function", "function": { "name": "t", "arguments": "{\"b\":1,\"a\":2}" } }] },
                { "role": "tool", "tool_call_id": "c", "content": "Error: x" },
                { "role": "user", "content": "and" }]),
        ),
        // Images in a result go where a user shows them, after all results.
        (
            json!([{ "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "c", "content": [image] }, { "type": "tool_result", "tool_use_id": "d" }, { "type": "text", "text": "?" }] }]),
            json!([{ "role": "system", "content": [{ "type": "text", "text": "one" }, { "type": "text", "text": "two" }] },
                { "role": "tool", "tool_call_id": "c", "content": "The result's content is in the next message." },
                { "role": "tool", "tool_call_id": "d", "content": "" },
                { "role": "user", "content": [{ "type": "text", "text": "Content of the result of tool call c:" }, image_url, { "type": "text", "text": "?" }] }]),
        ),
        // Documents of text are text; what a search of the provider's own did is left out.
        (
            json!([{ "role": "user", "content": [
                { "type": "document", "title": "a.md", "source": { "type": "text", "media_type": "text/plain", "data": "# A" } },
                { "type": "document", "source": { "type": "base64", "media_type": "application/pdf", "data": "AA" } }] },
                { "role": "assistant", "content": [{ "type": "server_tool_use", "id": "s", "name": "web_search", "input": {} }, { "type": "text", "text": "found" }] },
                { "role": "assistant", "content": "more" }]),
            json!([{ "role": "system", "content": [{ "type": "text", "text": "one" }, { "type": "text", "text": "two" }] },
                { "role": "user", "content": [{ "type": "text", "text": "a.md\n\n# A" },
                    { "type": "file", "file": { "filename": "document.pdf", "file_data": "data:application/pdf;base64,AA" } }] },
                { "role": "assistant", "content": [{ "type": "text", "text": "found" }, { "type": "text", "text": "more" }] }]),
        ),
    ];
    let system = json!([{ "type": "text", "text": "one" }, { "type": "text", "text": "two", "cache_control": { "type": "ephemeral" } }]);
    for (messages, expected) in rows {
        let (written, translated) =
            translate(Dialect::Messages, TO, &json!({ "system": system, "messages": messages })).unwrap();
        assert_eq!(written["messages"], expected, "{messages}");
        assert!(translated.dropped.contains(&"cache_control"), "{:?}", translated.dropped);
    }
}

#[test]
fn models_that_must_be_told_otherwise() {
    let thinking = json!({ "type": "enabled", "budget_tokens": 5000 });
    let body = json!({ "max_tokens": 9000, "top_k": 4, "thinking": thinking, "messages": [{ "role": "user", "content": "a" },
        { "role": "assistant", "content": [{ "type": "thinking", "thinking": "Hm.", "signature": "" }, { "type": "text", "text": "b" }] }] });
    // Model, extensions; then max_tokens, max_completion_tokens, effort, reasoning in the history, top_k.
    let rows = [
        ("gpt-4o", false, json!([9000, null, null, null, null]), &["top_k", "thinking"][..]),
        ("gpt-5", false, json!([null, 9000, "low", null, null]), &["top_k", "thinking"]),
        ("qwen3", true, json!([9000, null, "low", "Hm.", 4]), &[]),
    ];
    for (model, extensions, expected, dropped) in rows {
        let context = Context { model, max_tokens_default: 1, extensions };
        let (written, translated) = translate_for(&context, Dialect::Messages, TO, &body).unwrap();
        let fields = ["max_tokens", "max_completion_tokens", "reasoning_effort"].map(|name| written[name].clone());
        let [one, two, three] = fields;
        let found = json!([one, two, three, written["messages"][1]["reasoning_content"], written["top_k"]]);
        assert_eq!((found, translated.dropped.as_slice()), (expected, dropped), "{model}");
    }
}

#[test]
fn a_turn_that_goes_on_without_its_thoughts_thinks_no_more() {
    let call = json!({ "id": "c", "type": "function", "function": { "name": "f", "arguments": "{}" } });
    let result = json!({ "role": "tool", "tool_call_id": "c", "content": "r" });
    for (last, thinks) in [("next", true), (" ", false), ("", false)] {
        let messages = json!([{ "role": "user", "content": "go" }, { "role": "assistant", "content": null, "tool_calls": [call] },
            result, { "role": "user", "content": last }]);
        let body = json!({ "reasoning_effort": "low", "max_tokens": 9_000, "messages": messages });
        let (written, translated) = translate(Dialect::Chat, Dialect::Messages, &body).unwrap();
        assert_eq!((written["thinking"].is_object(), translated.dropped.is_empty()), (thinks, thinks), "{last:?}");
    }
}

#[test]
fn answers_for_messages_clients() {
    // No usage: zeros, since the API has no other way; a refusal; reasoning of a model that signs nothing.
    let answered = json!({ "id": "i", "model": "m", "choices": [{ "finish_reason": "stop", "message": { "content": null, "refusal": "No.", "reasoning": "Hm." } }] });
    let written = answer(Dialect::Chat, Dialect::Messages, &answered, &Asked::default());
    assert_eq!(
        written["content"],
        json!([{ "type": "thinking", "thinking": "Hm.", "signature": "" }, { "type": "text", "text": "No." }])
    );
    assert_eq!((&written["stop_reason"], &written["usage"]["input_tokens"]), (&json!("refusal"), &json!(0)));
}

//! Streams of odd order or with things left out, by row: what a client hears in the end.

use mux::dialect::model::ToolKind;
use mux::dialect::{Asked, AskedTool, Dialect};
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::check::check;
use super::heard::{Heard, hear};
use super::{CHATLIKE, asked, chat, events, translate, translate_split, typed};

const FINISH: &str = r#"{"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const START: &str =
    r#"{"type":"message_start","message":{"id":"c1","model":"m1","usage":{"input_tokens":3,"output_tokens":1}}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;

/// What every client is to hear: text, thinking, calls by name and arguments, finish.
type Row<'a> = (&'a str, String, &'a str, &'a str, &'a [(&'a str, &'a str)], &'a str);

fn assert_rows(from: Dialect, rows: &[Row<'_>]) {
    for (name, bytes, text, thinking, calls, finish) in rows {
        for to in CHATLIKE {
            let translated = translate(from, to, bytes.as_bytes());
            check(to, &translated);
            let Heard { text: said, thinking: thought, calls: called, finish: finished, is_complete, .. } =
                hear(to, translated.as_bytes());
            assert_eq!((said.as_str(), thought.replace("\n\n", "").as_str()), (*text, *thinking), "{name}");
            let called: Vec<_> =
                called.iter().map(|(_, name, arguments)| (name.as_str(), arguments.as_str())).collect();
            assert_eq!(called, *calls, "{name} as {}", to.as_str());
            assert_eq!((finished, is_complete), (*finish, true), "{name} as {}", to.as_str());
        }
    }
}

#[test]
fn odd_streams_of_chat_providers() {
    let tool = |index: usize, fields: &str| format!(r#"+{{"tool_calls":[{{"index":{index},{fields}}}]}}"#);
    let begin = |index, id: &str, name: &str, arguments: &str| {
        let function = json!({ "name": name, "arguments": arguments });
        tool(index, &format!(r#""id":"{id}","type":"function","function":{function}"#))
    };
    let more = |index, arguments: &str| tool(index, &format!(r#""function":{}"#, json!({ "arguments": arguments })));
    let stream = |chunks: &[String]| {
        let chunks: Vec<&str> = chunks.iter().map(String::as_str).chain([FINISH, "[DONE]"]).collect();
        chat(&chunks)
    };
    let calls: &[_] = &[("a", r#"{"x":1}"#), ("b", r#"{"y":2}"#)];
    let rows: &[Row<'_>] = &[
        (
            "interleaved calls",
            stream(&[begin(0, "1", "a", ""), begin(1, "2", "b", ""), more(1, r#"{"y":"#), more(0, r#"{"x":"#), more(0, "1}"), more(1, "2}")]),
            "", "", calls, "calls",
        ),
        (
            "a call goes on after text",
            stream(&[begin(0, "1", "a", r#"{"x":"#), r#"+{"content":"Hi"}"#.to_owned(), more(0, "1}"), begin(1, "2", "b", r#"{"y":2}"#)]),
            "Hi", "", calls, "calls",
        ),
        ("all calls are 0, told apart by id", stream(&[begin(0, "1", "a", r#"{"x":1}"#), begin(0, "2", "b", r#"{"y":2}"#)]), "", "", calls, "calls"),
        ("all calls are 0, without ids", stream(&[begin(0, "", "a", r#"{"x":1}"#), begin(0, "", "b", r#"{"y":2}"#)]), "", "", calls, "calls"),
        ("counted from 3", stream(&[begin(3, "1", "a", r#"{"x":1}"#), begin(5, "2", "b", r#"{"y":2}"#)]), "", "", calls, "calls"),
        ("name and id again with every fragment", stream(&[begin(0, "1", "a", r#"{"x""#), begin(0, "1", "a", ":1}")]), "", "", &calls[..1], "calls"),
        ("arguments that are no string", stream(&[tool(0, r#""id":"1","function":{"name":"a","arguments":{"x":1}}"#)]), "", "", &calls[..1], "calls"),
        ("a function call of old", stream(&[r#"+{"function_call":{"name":"a","arguments":"{\"x\""}}"#.to_owned(), r#"+{"function_call":{"arguments":":1}"}}"#.to_owned()]), "", "", &calls[..1], "calls"),
        ("no arguments", stream(&[begin(0, "1", "a", "")]), "", "", &[("a", "{}")], "calls"),
        ("reasoning under two names", stream(&[r#"+{"reasoning":"Hm","reasoning_content":"Hm","content":"Hi"}"#.to_owned()]), "Hi", "Hm", &[], "stop"),
        ("content in parts", stream(&[r#"+{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm"}]},{"type":"text","text":"Hi"}]}"#.to_owned()]), "Hi", "Hm", &[], "stop"),
        ("thoughts between texts", stream(&[r#"+{"content":"A"}"#.to_owned(), r#"+{"reasoning":"x"}"#.to_owned(), r#"+{"content":"B"}"#.to_owned(), r#"+{"reasoning":"y"}"#.to_owned()]), "AB", "xy", &[], "stop"),
        ("another choice", stream(&[r#"{"id":"c1","choices":[{"index":1,"delta":{"content":"no"}},{"index":0,"delta":{"content":"yes"}}]}"#.to_owned()]), "yes", "", &[], "stop"),
        ("all in one chunk", stream(&[r#"{"id":"c1","choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"length"}]}"#.to_owned()]).replace(&chat(&[FINISH]), ""), "Hi", "", &[], "length"),
        ("no choices first, no [DONE]", chat(&[r#"{"id":"","model":"","choices":[]}"#, r#"+{"content":"Hi"}"#, FINISH]), "Hi", "", &[], "stop"),
        ("no finish reason", chat(&[r#"+{"content":"Hi"}"#, "[DONE]"]), "Hi", "", &[], "stop"),
        ("no last blank line", chat(&[r#"+{"content":"Hi"}"#, FINISH, "[DONE]"]).trim_end().to_owned(), "Hi", "", &[], "stop"),
        ("text after the finish reason", chat(&[FINISH, r#"+{"content":"Hi"}"#, "[DONE]"]), "Hi", "", &[], "stop"),
        ("filtered", chat(&[r#"{"id":"c1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"content_filter"}]}"#, "[DONE]"]), "Hi", "", &[], "filtered"),
    ];
    assert_rows(Dialect::Chat, rows);
}

#[test]
fn odd_streams_of_messages_providers() {
    let stream = |events: &[&str], reason: &str| {
        let end =
            format!(r#"{{"type":"message_delta","delta":{{"stop_reason":"{reason}"}},"usage":{{"output_tokens":9}}}}"#);
        typed(&[&[START], events, &[end.as_str(), STOP]].concat())
    };
    let text = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"Hi"}}"#;
    let tool = r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"1","name":"a","input":{"x":1}}}"#;
    let fragment = |json: &str| {
        format!(
            r#"{{"type":"content_block_delta","index":1,"delta":{{"type":"input_json_delta","partial_json":{}}}}}"#,
            json!(json)
        )
    };
    let (half, rest) = (fragment(r#"{"x":"#), fragment("1}"));
    let stop = |index: u64| format!(r#"{{"type":"content_block_stop","index":{index}}}"#);
    let (stop_0, stop_1) = (stop(0), stop(1));
    let calls: &[_] = &[("a", r#"{"x":1}"#)];
    let rows: &[Row<'_>] = &[
        ("duplicate start", stream(&[START, text, &stop_0], "end_turn"), "Hi", "", &[], "stop"),
        (
            "text closed after the call was opened",
            stream(&[text, tool, &half, &stop_0, &rest, &stop_1], "tool_use"),
            "Hi",
            "",
            calls,
            "calls",
        ),
        ("input comes with the block", stream(&[tool, &stop_1], "tool_use"), "", "", calls, "calls"),
        ("blocks left open", stream(&[text, tool, &half, &rest], "tool_use"), "Hi", "", calls, "calls"),
        (
            "a tool of the provider's own",
            stream(&[text, &stop_0, &tool.replace("tool_use", "server_tool_use"), &half, &rest, &stop_1], "end_turn"),
            "Hi",
            "",
            &[],
            "stop",
        ),
        (
            "pings anywhere",
            stream(&[r#"{"type":"ping"}"#, text, r#"{"type":"ping"}"#], "max_tokens"),
            "Hi",
            "",
            &[],
            "length",
        ),
        ("unknown events", stream(&[r#"{"type":"news","index":0}"#, text], "refusal"), "Hi", "", &[], "filtered"),
    ];
    assert_rows(Dialect::Messages, rows);
}

#[test]
fn odd_streams_of_responses_providers() {
    let end = r#"{"type":"response.completed","response":{"id":"c1","status":"completed","output":[]}}"#;
    let item = |item: &str| format!(r#"{{"type":"response.output_item.done","item":{item}}}"#);
    let call = item(r#"{"id":"f","type":"function_call","call_id":"1","name":"a","arguments":"{\"x\":1}"}"#);
    let message = r#"{"id":"m","type":"message","content":[{"type":"output_text","text":"Hi"}]}"#;
    let thought = item(r#"{"id":"r","type":"reasoning","summary":[{"text":"H"},{"text":"m"}]}"#);
    let whole = format!(
        r#"{{"type":"response.incomplete","response":{{"id":"c1","status":"incomplete","incomplete_details":{{"reason":"max_output_tokens"}},"output":[{message}]}}}}"#
    );
    let calls: &[_] = &[("a", r#"{"x":1}"#)];
    let rows: &[Row<'_>] = &[
        ("only whole items", typed(&[&thought, &item(message), &call, end]), "Hi", "Hm", calls, "calls"),
        ("only the whole response", typed(&[&whole]), "Hi", "", &[], "length"),
        ("an item twice", typed(&[&item(message), &item(message), end]), "Hi", "", &[], "stop"),
        (
            "reasoning and its summary",
            typed(&[
                r#"{"type":"response.output_item.added","item":{"id":"r","type":"reasoning"}}"#,
                r#"{"type":"response.reasoning_text.delta","item_id":"r","delta":"Hm"}"#,
                r#"{"type":"response.reasoning_summary_text.delta","item_id":"r","delta":"short"}"#,
                &thought,
                end,
            ]),
            "",
            "Hm",
            &[],
            "stop",
        ),
        (
            "text of no item",
            typed(&[r#"{"type":"response.output_text.delta","item_id":"x","delta":"Hi"}"#, end]),
            "Hi",
            "",
            &[],
            "stop",
        ),
    ];
    assert_rows(Dialect::Responses, rows);
}

#[test]
fn signatures_stay_within_messages() {
    let thinking = |index: u64, kind: &str, field: &str, text: &str| {
        format!(r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"{kind}","{field}":"{text}"}}}}"#)
    };
    let block = r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}"#;
    let redacted =
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"SECRET"}}"#;
    let (hm, signature) =
        (thinking(0, "thinking_delta", "thinking", "Hm"), thinking(0, "signature_delta", "signature", "SIGNED"));
    let bytes = typed(&[START, block, &hm, &signature, redacted, STOP]);
    for to in CHATLIKE {
        let text = translate(Dialect::Messages, to, bytes.as_bytes());
        check(to, &text);
        assert_eq!(hear(to, text.as_bytes()).thinking, "Hm");
        for word in ["SIGNED", "SECRET"] {
            assert_eq!(text.contains(word), to == Dialect::Messages, "{word} as {}", to.as_str());
        }
    }
}

#[test]
fn calls_come_back_as_the_client_offered_the_tool() {
    let tool = |wire_name: &str, name: &str, kind| AskedTool {
        wire_name: wire_name.to_owned(),
        name: name.to_owned(),
        namespace: None,
        kind,
    };
    let asked = Asked {
        tools: vec![
            tool("patch", "patch", ToolKind::Custom),
            tool("sh", "local_shell", ToolKind::LocalShell),
            tool("a_b", "a.b", ToolKind::Function),
        ],
        ..asked()
    };
    let call = |index: u64, name: &str, arguments: Value| {
        let function = json!({ "name": name, "arguments": arguments.to_string() });
        format!(r#"+{{"tool_calls":[{{"index":{index},"id":"{index}","function":{function}}}]}}"#)
    };
    let chunks = [
        call(0, "patch", json!({ "input": "+\"\n" })),
        call(1, "sh", json!({ "command": ["ls"] })),
        call(2, "a_b", json!({})),
    ];
    let bytes = chat(&[&chunks[0], &chunks[1], &chunks[2], "[DONE]"]);
    let responses = translate_split(Dialect::Chat, Dialect::Responses, &asked, bytes.as_bytes(), 5);
    check(Dialect::Responses, &responses);
    let output = events(responses.as_bytes()).pop().unwrap().data["response"]["output"].take();
    let expected = json!([
        { "id": output[0]["id"], "type": "custom_tool_call", "call_id": "0", "name": "patch", "input": "+\"\n", "status": "completed" },
        { "id": output[1]["id"], "type": "local_shell_call", "call_id": "1", "action": { "type": "exec", "command": ["ls"], "env": {} }, "status": "completed" },
        { "id": output[2]["id"], "type": "function_call", "call_id": "2", "name": "a.b", "arguments": "{}", "status": "completed" },
    ]);
    assert_eq!(output, expected);
    let chat = translate_split(Dialect::Chat, Dialect::Chat, &asked, bytes.as_bytes(), 5);
    let calls: Vec<Value> = events(chat.as_bytes())
        .iter()
        .map(|event| event.data["choices"][0]["delta"]["tool_calls"][0].clone())
        .collect();
    assert_eq!(
        calls[1],
        json!({ "index": 0, "id": "0", "type": "custom", "custom": { "name": "patch", "input": "" } })
    );
    assert_eq!(calls[2], json!({ "index": 0, "custom": { "input": "+\"\n" } }));
    assert_eq!(calls[5]["function"]["name"], "a.b");
}

#[test]
fn a_chat_client_gets_what_it_asked_for() {
    let usage = r#"{"id":"c1","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#;
    let call = r#"+{"tool_calls":[{"index":0,"id":"1","function":{"name":"a","arguments":"{}"}}]}"#;
    let bytes = chat(&[call, FINISH, usage, "[DONE]"]);
    let quiet = translate_split(Dialect::Chat, Dialect::Chat, &Asked::default(), bytes.as_bytes(), 9);
    assert!(!quiet.contains("usage"), "{quiet}");
    let legacy = Asked { legacy_functions: true, ..asked() };
    let old = translate_split(Dialect::Chat, Dialect::Chat, &legacy, bytes.as_bytes(), 9);
    let deltas: Vec<Value> =
        events(old.as_bytes()).iter().map(|event| event.data["choices"][0]["delta"].clone()).collect();
    assert_eq!(deltas[1], json!({ "function_call": { "name": "a", "arguments": "" } }));
    assert_eq!(deltas[2], json!({ "function_call": { "arguments": "{}" } }));
    assert!(old.contains(r#""finish_reason":"function_call""#), "{old}");
}

#[test]
fn signs_of_life_are_passed_on() {
    let bytes = ": working\n\n".to_owned()
        + &chat(&[r#"+{"content":"Hi"}"#])
        + ": working\r\n\r\n"
        + &chat(&[FINISH, "[DONE]"]);
    // An event without data would trouble clients.
    let empty = bytes.replace("\n: working", "\n: working\ndata:\nid: 7");
    let ping = typed(&[START, r#"{"type":"ping"}"#, STOP]);
    let rows = [
        (Dialect::Chat, Dialect::Responses, &bytes, ": working\n\n", 2),
        (Dialect::Chat, Dialect::Responses, &empty, ": working\n\n", 2),
        (Dialect::Chat, Dialect::Messages, &bytes, ": working", 1),
        (Dialect::Chat, Dialect::Messages, &bytes, "event: ping", 1),
        (Dialect::Messages, Dialect::Chat, &ping, ": ping", 1),
        (Dialect::Messages, Dialect::Messages, &ping, "event: ping", 1),
    ];
    for (from, to, bytes, sign, count) in rows {
        let text = translate(from, to, bytes.as_bytes());
        check(to, &text);
        assert_eq!(text.matches(sign).count(), count, "{text}");
    }
}

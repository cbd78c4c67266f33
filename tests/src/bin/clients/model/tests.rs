//! The model's side of a conversation, in rows.

use std::path::Path;

use serde_json::{Value, json};

use super::ask::{Ask, Delivery, Dialect, Input, Tool};
use super::script::{self, Turn};
use super::tools::{Arguments, Wish, call};
use super::{Tokens, chat, messages, responses, strict};
use crate::demo;

const REPO: &str = "/demo";

fn tool(name: &str, required: &[&str], properties: Value) -> Tool {
    let schema = json!({"type": "object", "required": required, "properties": properties});
    Tool { name: name.to_owned(), input: Input::Json(schema) }
}

fn read(tools: &[Tool]) -> Option<(String, Arguments)> {
    call(tools, &Wish::Read("src/app.py"), Path::new(REPO))
}

fn edit(tools: &[Tool]) -> Option<(String, Arguments)> {
    call(tools, &Wish::Edit(&demo::EDIT), Path::new(REPO))
}

fn text() -> Value {
    json!({"type": "string"})
}

#[test]
fn files_are_read_by_whatever_reads() {
    let objects = json!({"type": "array", "items": {"type": "object", "required": ["path"],
        "properties": {"path": text(), "end_line": {"type": "integer"}}}});
    let rows = [
        (
            tool("Read", &["file_path"], json!({"file_path": text(), "limit": {"type": "integer"}})),
            json!({"file_path": "/demo/src/app.py"}),
        ),
        (
            tool("builtin_read_file", &["filepath"], json!({"filepath": text()})),
            json!({"filepath": "/demo/src/app.py"}),
        ),
        (tool("read_files", &["files"], json!({"files": objects})), json!({"files": [{"path": "/demo/src/app.py"}]})),
        (
            tool("exec_command", &["cmd"], json!({"cmd": text(), "login": {"type": "boolean"}})),
            json!({"cmd": "cat /demo/src/app.py"}),
        ),
        (
            tool("local_shell", &["command"], json!({"command": {"type": "array"}})),
            json!({"command": ["sh", "-c", "cat /demo/src/app.py"]}),
        ),
        (
            tool("run_commands", &["commands"], json!({"commands": {"type": "array", "items": text()}})),
            json!({"commands": ["cat /demo/src/app.py"]}),
        ),
        (
            tool(
                "Bash",
                &["command", "description", "mode"],
                json!({"command": text(), "description": text(), "mode": {"enum": ["a", "b"]}}),
            ),
            json!({"command": "cat /demo/src/app.py", "description": "a step", "mode": "a"}),
        ),
    ];
    for (tool, arguments) in rows {
        assert_eq!(read(std::slice::from_ref(&tool)), Some((tool.name.clone(), Arguments::Json(arguments))));
    }
}

#[test]
fn edits_are_made_by_whatever_replaces() {
    let (old, new) = (demo::EDIT.old, demo::EDIT.new);
    let changes = json!({"type": "array", "items": {"type": "object", "properties": {"old_string": text(), "new_string": text()}}});
    let rows = [
        (
            tool(
                "Edit",
                &["file_path"],
                json!({"file_path": text(), "old_string": text(), "new_string": text(), "replace_all": {"type": "boolean"}}),
            ),
            json!({"file_path": "/demo/README.md", "old_string": old, "new_string": new}),
        ),
        (
            tool("MultiEdit", &["file_path", "edits"], json!({"file_path": text(), "edits": changes})),
            json!({"file_path": "/demo/README.md", "edits": [{"old_string": old, "new_string": new}]}),
        ),
        (
            tool(
                "editor",
                &["path"],
                json!({"path": text(), "old_text": text(), "new_text": text(), "insert_line": {"type": "integer"}}),
            ),
            json!({"path": "/demo/README.md", "old_text": old, "new_text": new}),
        ),
        (
            tool("shell", &["command"], json!({"command": text()})),
            json!({"command": format!("sed -i 's/{old}/{new}/' /demo/README.md")}),
        ),
    ];
    for (tool, arguments) in rows {
        assert_eq!(edit(std::slice::from_ref(&tool)), Some((tool.name.clone(), Arguments::Json(arguments))));
    }
}

#[test]
fn a_patch_is_text_also_in_an_object() {
    let patch = "*** Begin Patch\n*** Update File: /demo/README.md\n@@\n-Nobody has checked this project.\n\
        +This project was checked.\n*** End Patch\n";
    let custom = Tool { name: "apply_patch".into(), input: Input::Text };
    assert_eq!(edit(&[custom]), Some(("apply_patch".into(), Arguments::Text(patch.into()))));
    let wrapped = tool("apply_patch", &["input"], json!({"input": text()}));
    assert_eq!(edit(&[wrapped]), Some(("apply_patch".into(), Arguments::Json(json!({"input": patch})))));
}

#[test]
fn tools_that_only_look_alike_are_left_alone() {
    let rows = [
        tool("NotebookEdit", &["notebook_path"], json!({"notebook_path": text(), "new_source": text()})),
        tool("team_read_mailbox", &[], json!({"unread_only": {"type": "boolean"}})),
        tool("view_image", &["path"], json!({"path": text()})),
        tool("write_stdin", &["chars"], json!({"chars": text()})),
        tool("Skill", &["command"], json!({"command": text()})),
        Tool { name: "grammar".into(), input: Input::Text },
    ];
    for tool in rows {
        assert_eq!((read(std::slice::from_ref(&tool)), edit(std::slice::from_ref(&tool))), (None, None), "{tool:?}");
    }
}

/// A request of each dialect in which a tool ran twice and all files were seen.
fn requests() -> [(Dialect, Value); 3] {
    let schema = json!({"type": "object", "properties": {"cmd": {"type": "string"}}});
    let seen = format!("{} {} {}", demo::APP.mark, demo::CLIENT.mark, demo::README.mark);
    let chat = json!({"model": "m", "stream": true, "stream_options": {"include_usage": true},
        "tools": [{"type": "function", "function": {"name": "shell", "parameters": schema}}],
        "messages": [{"role": "user", "content": "hi"}, {"role": "tool", "content": seen}, {"role": "tool", "content": [{"type": "text", "text": seen}]}]});
    let result = json!({"type": "tool_result", "tool_use_id": "t", "content": seen});
    let messages = json!({"model": "m", "stream": true, "tools": [{"name": "shell", "input_schema": schema}, {"type": "web_search_1", "name": "search"}],
        "messages": [{"role": "user", "content": "hi"}, {"role": "user", "content": [result, result, {"type": "text", "text": "go on"}]}]});
    let responses = json!({"model": "m", "stream": true, "tools": [{"type": "function", "name": "shell", "parameters": schema}, {"type": "web_search"}],
        "input": [{"type": "message", "role": "user", "content": "hi"}, {"type": "function_call_output", "output": seen}, {"type": "custom_tool_call_output", "output": seen}]});
    [(Dialect::Chat, chat), (Dialect::Messages, messages), (Dialect::Responses, responses)]
}

#[test]
fn a_request_of_any_dialect_is_read_alike() {
    let wanted = Tool {
        name: "shell".into(),
        input: Input::Json(json!({"type": "object", "properties": {"cmd": {"type": "string"}}})),
    };
    for (dialect, body) in requests() {
        let ask = Ask::read(dialect, &body);
        assert_eq!((&ask.tools, ask.results), (&vec![wanted.clone()], 2), "{dialect:?}");
        assert_eq!((ask.delivery, ask.model.as_str()), (Delivery::StreamWithUsage, "m"), "{dialect:?}");
        let Turn::Call { arguments, .. } = script::next(&ask, Path::new(REPO)) else { panic!("{dialect:?}: no call") };
        assert_eq!(arguments, Arguments::Json(json!({"cmd": "cat /demo/README.md"})), "{dialect:?}");
    }
    let silent = json!({"messages": [], "stream": true});
    assert!(!Ask::read(Dialect::Chat, &silent).hears_usage());
    assert!(Ask::read(Dialect::Messages, &silent).hears_usage());
    assert_eq!(Ask::read(Dialect::Chat, &json!({"messages": []})).delivery, Delivery::Plain);
}

#[test]
fn it_is_done_only_if_every_file_was_seen() {
    let say = |results: usize, contents: String| {
        let results = (0..results).map(|_| json!({"role": "tool", "content": contents}));
        let tool = json!({"type": "function", "function": {"name": "shell", "parameters": {"properties": {"cmd": {"type": "string"}}}}});
        let body = json!({"messages": results.collect::<Vec<Value>>(), "tools": [tool]});
        script::next(&Ask::read(Dialect::Chat, &body), Path::new(REPO))
    };
    let (app, client, readme) = (demo::APP.mark, demo::CLIENT.mark, demo::README.mark);
    assert_eq!(say(4, format!("{app} {client} {readme}")), Turn::Say("Done.".into()));
    assert_eq!(say(4, format!("{app} {client}")), Turn::Say("What is in README.md?".into()));
    assert!(matches!(say(3, app.to_owned()), Turn::Call { .. }));
}

#[test]
fn without_tools_there_is_text() {
    let say = |content: String| {
        let body = json!({"messages": [{"role": "user", "content": content}]});
        script::next(&Ask::read(Dialect::Chat, &body), Path::new(REPO))
    };
    assert_eq!(say("Find a title".into()), Turn::Say(script::ASIDE.into()));
    let files = format!("{} {} {}", demo::APP.mark, demo::CLIENT.mark, demo::README.mark);
    let Turn::Say(text) = say(format!("Use SEARCH/REPLACE blocks. {files}")) else { panic!("a call without tools") };
    assert!(text.starts_with("README.md\n```\n<<<<<<< SEARCH\nNobody") && script::is_done(&text), "{text}");
    assert!(!script::is_done("Not Done. yet\nDone"));
}

/// Data of the events of a stream; of a plain answer, its body.
fn said(dialect: Dialect, stream: bool, turn: &Turn) -> Vec<Value> {
    let ask = Ask::read(
        dialect,
        &json!({"stream": stream, "stream_options": {"include_usage": true},
        "thinking": {"type": "adaptive"}, "reasoning": {}}),
    );
    let tokens = Tokens::of_answer(3, dialect);
    let answer = match dialect {
        Dialect::Chat => chat::answer(&ask, turn, &tokens),
        Dialect::Messages => messages::answer(&ask, turn, &tokens),
        Dialect::Responses => responses::answer(&ask, turn, &tokens),
    };
    let text: String = answer.pieces.iter().map(|(_, piece)| String::from_utf8_lossy(piece).into_owned()).collect();
    if !stream {
        return vec![serde_json::from_str(&text).expect("an answer is JSON")];
    }
    text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect()
}

/// All texts at `pointer`, one after the other.
fn joined(values: &[Value], pointer: &str) -> String {
    values.iter().filter_map(|value| value.pointer(pointer)?.as_str()).collect()
}

#[test]
fn a_stream_says_what_a_plain_answer_says() {
    let words = Turn::Say("Words, and more of them: ü.".into());
    let arguments = json!({"path": "/demo/src/app.py", "text": "say \"ü\"\n"});
    let call = Turn::Call { tool: "tool".into(), arguments: Arguments::Json(arguments.clone()) };
    // Where the words of a plain answer and of a stream are, then the same of the arguments, then usage in both.
    let rows = [
        (
            Dialect::Chat,
            ["/choices/0/message/content", "/choices/0/delta/content"],
            ["/choices/0/message/tool_calls/0/function/arguments", "/choices/0/delta/tool_calls/0/function/arguments"],
            ["/usage", "/usage"],
        ),
        (
            Dialect::Responses,
            ["/output/1/content/0/text", "/delta"],
            ["/output/1/arguments", "/delta"],
            ["/usage", "/response/usage"],
        ),
    ];
    for (dialect, text, written, usage) in rows {
        for (turn, [plain, streamed], expected) in
            [(&words, text, "Words, and more of them: ü.".to_owned()), (&call, written, arguments.to_string())]
        {
            assert_eq!(joined(&said(dialect, false, turn), plain), expected, "{dialect:?}");
            let mut events = said(dialect, true, turn);
            events.retain(|event| event["type"] != "response.reasoning_summary_text.delta");
            assert_eq!(joined(&events, streamed), expected, "{dialect:?}");
        }
        let of_plain = said(dialect, false, &words)[0].pointer(usage[0]).cloned();
        let of_stream = said(dialect, true, &words).iter().rev().find_map(|event| event.pointer(usage[1]).cloned());
        assert_eq!(of_plain, of_stream, "{dialect:?}");
        assert!(of_plain.is_some_and(|usage| usage["total_tokens"] == 1_111 + 89), "{dialect:?}");
    }
    let plain = said(Dialect::Messages, false, &call);
    let streamed = said(Dialect::Messages, true, &call);
    assert_eq!(plain[0]["content"][2]["input"], arguments);
    assert_eq!(joined(&streamed, "/delta/partial_json"), arguments.to_string());
    assert_eq!(joined(&said(Dialect::Messages, true, &words), "/delta/text"), "Words, and more of them: ü.");
    let usage = &plain[0]["usage"];
    assert_eq!(usage["output_tokens"], streamed[streamed.len() - 2]["usage"]["output_tokens"]);
    assert_eq!(usage["cache_read_input_tokens"], streamed[0]["message"]["usage"]["cache_read_input_tokens"]);
}

#[test]
fn thoughts_come_first_where_they_are_asked_for() {
    let words = Turn::Say("Words.".into());
    let rows = [
        (Dialect::Chat, "/choices/0/message/reasoning_content", "/choices/0/delta/reasoning_content"),
        (Dialect::Messages, "/content/0/thinking", "/delta/thinking"),
        (Dialect::Responses, "/output/0/summary/0/text", "/item/summary/0/text"),
    ];
    for (dialect, plain, streamed) in rows {
        let (whole, mut events) = (said(dialect, false, &words), said(dialect, true, &words));
        events.retain(|event| event["type"] != "response.output_item.added");
        assert_eq!(joined(&whole, plain), script::THOUGHT, "{dialect:?}");
        assert_eq!(joined(&events, streamed), script::THOUGHT, "{dialect:?}");
    }
    assert_eq!(joined(&said(Dialect::Messages, true, &words), "/delta/signature"), "signed-1111");
    for body in [json!({}), json!({"thinking": {"type": "disabled"}})] {
        assert!(!Ask::read(Dialect::Messages, &body).thinks && !Ask::read(Dialect::Responses, &body).thinks);
    }
}

#[test]
fn what_a_provider_would_refuse_is_refused() {
    let call = json!({"role": "assistant", "content": null, "tool_calls": [{"id": "a"}]});
    let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "x"});
    let chat = |messages: Value| (Dialect::Chat, json!({"messages": messages}));
    let thought = |signature: &str| json!({"type": "thinking", "thinking": "x", "signature": signature});
    let using = |first: Value| json!({"role": "assistant", "content": [first, {"type": "tool_use", "id": "a"}]});
    let used = |id: &str| json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id}]});
    let preface = json!({"type": "text", "text": "x"});
    let messages = |messages: Value| {
        let thinking = json!({"type": "enabled", "budget_tokens": 1_024});
        (Dialect::Messages, json!({"max_tokens": 2_000, "thinking": thinking, "messages": messages}))
    };
    let responses = |input: Value| (Dialect::Responses, json!({"input": input}));
    let function = json!({"type": "function_call", "call_id": "a"});
    let output = json!({"type": "function_call_output", "call_id": "a"});
    let budget = json!({"max_tokens": 1_024, "thinking": {"budget_tokens": 1_024}, "messages": []});
    let rows = [
        (chat(json!([call, result("a")])), None),
        (chat(json!([call, result("b")])), Some("result of `b`")),
        (chat(json!([call, {"role": "user", "content": "x"}])), Some("`a` has no result")),
        (chat(json!([call])), Some("`a` has no result")),
        (chat(json!([{"role": "assistant", "content": null}])), Some("is empty")),
        (messages(json!([using(thought("signed-1")), used("a")])), None),
        (messages(json!([using(preface.clone()), used("a")])), Some("begin with a thought")),
        (messages(json!([using(preface), used("a"), {"role": "user", "content": "go on"}])), None),
        (messages(json!([using(thought("")), used("a")])), Some("not signed")),
        (messages(json!([using(thought("signed-1")), used("b")])), Some("follow calls of")),
        (messages(json!([using(thought("signed-1"))])), Some("`a` has no result")),
        ((Dialect::Messages, json!({"messages": []})), Some("max_tokens")),
        ((Dialect::Messages, budget), Some("budget_tokens")),
        (responses(json!([{"role": "user", "content": "x"}, function, output])), None),
        (responses(json!([output])), Some("follows no call")),
        (responses(json!([function])), Some("no output")),
        (responses(json!([{"type": "reasoning", "summary": []}])), Some("not encrypted")),
        (responses(json!("words")), None),
    ];
    for ((dialect, body), expected) in rows {
        let objection = strict::in_body(dialect, &body);
        let holds = |expected: &str| objection.as_deref().is_some_and(|text| text.contains(expected));
        assert!(expected.map_or(objection.is_none(), holds), "{body}: {objection:?}, not {expected:?}");
    }
}

type Headers = &'static [(&'static str, &'static str)];

#[test]
fn only_the_providers_own_key_is_taken() {
    const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");
    const OWN: (&str, &str) = ("x-api-key", "key-of-x");
    let rows: [(Dialect, Headers, bool); 7] = [
        (Dialect::Chat, &[("authorization", "Bearer key-of-x")], true),
        (Dialect::Chat, &[("authorization", "Bearer any-key")], false),
        (Dialect::Responses, &[("authorization", "Bearer key-of-x"), ("x-api-key", "any-key")], false),
        (Dialect::Messages, &[OWN, VERSION], true),
        (Dialect::Messages, &[OWN, VERSION, ("authorization", "Bearer any-key")], false),
        (Dialect::Messages, &[OWN], false),
        (Dialect::Messages, &[VERSION], false),
    ];
    for (dialect, headers, taken) in rows {
        let header = |name: &str| headers.iter().find(|(own, _)| *own == name).map(|(_, value)| *value);
        assert_eq!(strict::in_headers(dialect, header).is_none(), taken, "{dialect:?} {headers:?}");
    }
}

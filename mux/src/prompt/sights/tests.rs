use proptest::prelude::*;
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::sights;
use crate::endpoint::Endpoint::{self, ChatCompletions, Completions, Messages, Responses};
pub use crate::prompt::Source;
use crate::prompt::read::tests::{any_request, strings};
use crate::prompt::{Needs, read};

fn seen(endpoint: Endpoint, body: &[u8], needs: Needs) -> Vec<(String, Source, usize)> {
    let prompt = read(endpoint, body, needs).unwrap();
    let mut found = Vec::new();
    sights(&prompt, |sight| found.push((sight.path.to_owned(), sight.source, sight.message)));
    found
}

/// `path source message` of each sight, for `messages`, `input` or `prompt`.
fn shown(endpoint: Endpoint, content: &Value) -> String {
    let body = json!({ "messages": content, "input": content, "prompt": content });
    let show = |(path, source, message): (String, Source, usize)| format!("{path} {} {message}", source.as_str());
    let shown: Vec<_> = seen(endpoint, body.to_string().as_bytes(), Needs::ALL).into_iter().map(show).collect();
    shown.join(", ")
}

/// What is seen in a user's message of this text.
pub fn user(text: &str) -> Vec<(String, Source)> {
    let body = json!({ "messages": [{ "role": "user", "content": text }] }).to_string();
    seen(ChatCompletions, body.as_bytes(), Needs::ALL).into_iter().map(|(path, source, _)| (path, source)).collect()
}

#[test]
fn what_stands_in_a_users_text() {
    let block = |path: &str| format!("```py {path}\nx\n```");
    for (text, expected) in [
        ("Here:\n\na.py\n```py\nb.py\n```\nand c.py".to_owned(), "a.py block, c.py mention"),
        ("See a.py:\n```py\nx\n```".to_owned(), "a.py mention"),
        (format!("<file path=\"a.md\">\n{}\n</file>\n{}", block("b.py"), block("c.py")), "a.md markup, c.py block"),
        ("```html\n<file path=\"a.py\">x</file>\n```".to_owned(), ""),
        ("<documents><document index=\"1\"><source>a.py</source><document_content>b.py</document_content></document></documents>".to_owned(), "a.py markup"),
        ("<path>a.py</path>\n<content>\nb.py\n```py c.py\n```\n</content>\nfix d.py".to_owned(), "a.py markup, d.py mention"),
        ("<path>a.py</path>".to_owned(), "a.py mention"),
        (format!("<system-reminder>\n{} b.py\n</system-reminder>\nfix c.py", block("a.py")), "c.py mention"),
        (format!("<environment_details>\n# Open tabs\na.py\n</environment_details>\n{}", block("b.py")), "b.py block"),
        ("# AGENTS.md instructions for /repo\n\n<INSTRUCTIONS>a.py</INSTRUCTIONS>".to_owned(), ""),
        ("<task>\nfix a.py\n</task>".to_owned(), "a.py mention"),
        ("```diff\n--- a/a.py\n+++ b/a.py\n@@\n+b.py\n```".to_owned(), "a.py patch"),
        ("```\ndiff --git a/a.py b/a.py\n```".to_owned(), "a.py patch"),
        ("```python\na.py\n<<<<<<< SEARCH\nx\n=======\n>>>>>>> REPLACE\n```".to_owned(), "a.py block"),
        ("path/to/filename.js\n```\n// entire file content ...\n```".to_owned(), ""),
        ("```py a.py\nnever closed b.py".to_owned(), "a.py block"),
    ] {
        let found: Vec<_> = user(&text).iter().map(|(path, source)| format!("{path} {}", source.as_str())).collect();
        assert_eq!(found.join(", "), expected, "{text}");
    }
}

#[test]
fn brackets_may_be_escaped() {
    let body = br#"{"messages":[{"role":"user","content":"\u003cfile path=\"a.py\"\u003e\n```py b.py\n```\n\u003c/file\u003e\n```py c.py\n```"}]}"#;
    assert_eq!(
        seen(ChatCompletions, body, Needs::ALL),
        [("a.py".into(), Source::Markup, 0), ("c.py".into(), Source::Block, 0)]
    );
}

#[test]
fn chat() {
    let block = |path: &str| format!("Here:\n```ts {path}\nlet a = `b`;\n```\n");
    let call = |arguments: Value| json!({ "id": "1", "function": { "name": "f", "arguments": arguments.to_string() } });
    let messages = json!([
        { "role": "system", "content": block("system.ts") },
        { "role": "developer", "content": block("developer.ts") },
        { "content": [{ "type": "text", "text": block("a.ts") }, { "text": block("b.ts"), "type": "text" }], "role": "user" },
        { "role": "assistant", "content": block("c.ts"), "tool_calls": [call(json!({ "path": "d.ts" })), call(json!({ "cmd": "cat e.ts" }))] },
        { "role": "tool", "content": block("inside.ts") },
        { "role": "tool", "content": "Content of f.ts:\ninside.ts" },
        { "role": "assistant", "content": null, "function_call": { "name": "f", "arguments": "{\"file_path\":\"g.ts\"}" } },
        { "role": "assistant", "tool_calls": [{ "type": "custom", "custom": { "input": "*** Begin Patch\n*** Add File: h.ts\n*** End Patch" } }] },
        { "role": "user", "content": [{ "type": "file", "file": { "filename": "i.pdf", "file_data": "data:x;base64,eA==" } }] },
        { "role": "assistant", "content": "<read_file>\n<path>j.ts</path>\n</read_file>" },
    ]);
    assert_eq!(
        shown(ChatCompletions, &messages),
        "a.ts block 2, b.ts block 2, c.ts block 3, d.ts tool_call 3, e.ts command 3, f.ts tool_result 5, \
         g.ts tool_call 6, h.ts patch 7, i.pdf markup 8, j.ts tool_call 9"
    );
}

#[test]
fn messages() {
    let messages = json!([
        { "role": "user", "content": [{ "type": "text", "text": "Read a.py" }, { "type": "document", "title": "b.md", "source": { "type": "text", "data": "x" } }] },
        { "role": "assistant", "content": [{ "type": "thinking", "thinking": "c.py" }, { "id": "1", "input": { "file_path": "a.py" }, "type": "tool_use" }] },
        { "role": "user", "content": [
            { "content": [{ "type": "text", "text": "<file path=\"d.py\">\ne.py\n```py f.py\n```</file>" }], "tool_use_id": "1", "type": "tool_result" },
            { "type": "text", "text": "<system-reminder>g.py</system-reminder>" },
        ] },
        { "role": "user", "content": [{ "type": "tool_result", "content": "{\"path\":\"h.py\",\"content\":\"i.py\"}" }, { "type": "image", "source": { "type": "base64", "data": "eA==" } }] },
    ]);
    assert_eq!(
        shown(Messages, &messages),
        "a.py mention 0, b.md markup 0, a.py tool_call 1, d.py tool_result 2, h.py tool_result 3"
    );
}

#[test]
fn responses() {
    let items = json!([
        { "type": "message", "role": "developer", "content": [{ "type": "input_text", "text": "```py a.py\n```" }] },
        { "role": "user", "content": [{ "type": "input_text", "text": "Fix b.py" }, { "type": "input_file", "filename": "c.csv", "file_data": "x" }] },
        { "type": "reasoning", "summary": [{ "type": "summary_text", "text": "d.py" }] },
        { "type": "function_call", "name": "f", "arguments": "{\"cmd\":\"sed -i 's/x/y/' e.py\"}" },
        { "type": "function_call_output", "output": "Output:\nf.py" },
        { "type": "custom_tool_call", "name": "apply_patch", "input": "*** Begin Patch\n*** Update File: g.py\n*** End Patch" },
        { "type": "local_shell_call", "action": { "type": "exec", "command": ["bash", "-lc", "cat h.py"] } },
        { "type": "shell_call", "action": { "commands": ["cat i.py", "ls j.py"] } },
        { "type": "apply_patch_call", "operation": { "type": "update_file", "path": "k.py", "diff": "@@\n+l.py" } },
        { "type": "function_call_output", "output": [{ "type": "input_text", "text": "File: m.py\nx" }] },
        { "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "```py n.py\n```" }] },
    ]);
    assert_eq!(
        shown(Responses, &items),
        "b.py mention 1, c.csv markup 1, e.py command 3, g.py patch 5, h.py command 6, i.py command 7, \
         k.py tool_call 8, m.py tool_result 9, n.py block 10"
    );
    assert_eq!(shown(Responses, &json!("```py a.py\nb.py\n```\nc.py")), "a.py block 0, c.py mention 0");
}

#[test]
fn completions() {
    assert_eq!(shown(Completions, &json!("<fim_prefix># path: a.py\nx<fim_suffix>")), "a.py fim 0");
    assert_eq!(shown(Completions, &json!(["// a.ts\nx", 1, "// b.ts\ny"])), "a.ts fim 0, b.ts fim 0");
    assert_eq!(shown(Completions, &json!("Explain:\n```py a.py\n```")), "a.py block 0");
    assert_eq!(shown(Endpoint::Embeddings, &json!("```py a.py\n```")), "");
}

#[test]
fn examples_that_are_taken_back_do_not_count() {
    let say = |role: &str, text: &str| json!({ "role": role, "content": text });
    let back = "I switched to a new code base. Please don't consider the above files or try to edit them any longer.";
    for text in [back, "Ignore the files above.", "The earlier files are not to be considered."] {
        let messages = json!([
            say("user", "fix a.py"),
            say("assistant", "```py b.py\n```"),
            say("user", text),
            say("assistant", "Ok. ```"),
            say("user", "fix c.py"),
        ]);
        assert_eq!(shown(ChatCompletions, &messages), "c.py mention 4", "{text}");
    }
    let messages = json!([say("user", "fix a.py"), say("assistant", back), say("user", "and the above files")]);
    assert_eq!(shown(ChatCompletions, &messages), "a.py mention 0");
}

#[test]
fn odd_shapes_name_nothing() {
    let messages = json!([
        { "role": "user", "content": [1, null, { "text": 3 }, { "type": "image_url" }, ["a.py"]] },
        { "role": "user", "content": { "text": "```py a.py\n```" } },
        { "role": "assistant", "tool_calls": [null, { "function": 1 }, { "function": { "arguments": { "path": "a.py" } } }] },
        { "role": 1, "content": "a.py" },
        {},
    ]);
    for endpoint in [ChatCompletions, Messages, Responses] {
        assert_eq!(shown(endpoint, &messages), "");
    }
}

#[test]
fn only_what_is_needed_is_reported() {
    let body = json!({ "messages": [{ "role": "user", "content": "```py a.py\n```\nb.py" }] }).to_string();
    let sources = |needs| {
        seen(ChatCompletions, body.as_bytes(), needs).into_iter().map(|(_, source, _)| source).collect::<Vec<_>>()
    };
    assert_eq!(sources(Needs { files: true, ..Needs::default() }), [Source::Block]);
    assert_eq!(sources(Needs { mentions: true, ..Needs::default() }), [Source::Mention]);
    assert_eq!(sources(Needs { turns: true, tokens: true, images: true, ..Needs::default() }), []);
}

proptest! {
    #[test]
    fn every_path_comes_from_the_body((endpoint, body) in any_request()) {
        let bytes = serde_json::to_vec(&body).unwrap();
        let prompt = read(endpoint, &bytes, Needs::ALL).unwrap();
        // A shell puts a word together from pieces in quotes.
        let bare = |text: &str| text.replace(['"', '\'', '\\'], "");
        let texts: Vec<String> = strings(&body).iter().map(|text| bare(text)).collect();
        let messages = prompt.conversation.messages.len();
        sights(&prompt, |sight| {
            assert!(texts.iter().any(|text| text.contains(&bare(sight.path))), "{sight:?} in {body}");
            assert!(sight.message < messages);
            assert!(prompt.turn_of(sight.message) <= prompt.turns.starts.len());
        });
    }
}

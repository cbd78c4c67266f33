//! Custom instructions: in front of the request's own system prompt, and every other byte as it was.

use muxspace_tests::{Options, Stack};
use reqwest::Method;
use serde_json::{Value, json};

const WORKSPACE: &str = "Say \"please\".\nAlways.";
const RULE: &str = "Cite sources – briefly.";

/// As they stand inside a JSON string.
fn escaped(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn instructions_stand_in_front_in_every_dialect() {
    let (stack, one, _two) = Stack::with_providers(Options::default()).await;
    stack.api.add_provider_of("claude", "anthropic", &one.endpoint()).await;
    let body = json!({"text": WORKSPACE});
    stack.api.call(Method::PUT, "/workspaces/default/instructions?wait=applied", Some(body)).await.accepted();
    let rules = json!([
        {"name": "messages", "when": {"request": "messages"}, "target": "claude/m", "instructions": RULE},
        {"name": "rest", "target": "one/m", "instructions": RULE},
    ]);
    stack.api.put_rules("default", rules).await;
    let alone = escaped(&format!("{WORKSPACE}\n\n{RULE}"));
    let front = escaped(&format!("{WORKSPACE}\n\n{RULE}\n\n"));
    let chat = "/v1/mux/chat/completions";
    // What the client sends, with `@` where the instructions must come in front of a text, `#` where they come alone.
    let rows = [
        (
            chat,
            r#"{"model":"m", "x" : 1.0,"messages":[ {"role":"system","content":"@Be \u0062rief."},{"role":"user","content":"hi"}]}"#,
        ),
        (
            chat,
            r#"{"model":"m","messages":[{"content":[{"type":"text","text":"@A","cache_control":{"type":"ephemeral"}}],"role":"developer"}]}"#,
        ),
        (chat, r##"{"model":"m","messages":[{"role":"system","content":"#"}]}"##),
        ("/v1/mux/messages", r#"{"model":"m","max_tokens":1,"messages":[],"system":"@You are x."}"#),
        (
            "/v1/mux/messages",
            r#"{"model":"m","messages":[],"system":[{"type":"text","text":"@A","cache_control":{"type":"ephemeral"}},{"type":"text","text":"B"}]}"#,
        ),
        ("/v1/mux/responses", r#"{"model":"m","input":"hi","instructions":"@Own."}"#),
        ("/v1/mux/completions", r#"{"model":"m","prompt":"hi"}"#),
        ("/v1/mux/completions", r#"{"model":"m","prompt":"hi","suffix":"there"}"#),
        ("/v1/mux/embeddings", r#"{"model":"m","input":"hi"}"#),
    ];
    for (path, template) in rows {
        let sent = template.replace(['@', '#'], "");
        let expected = template.replace('@', &front).replace('#', &alone);
        let reply = stack.send_bytes(path, &[], sent).await;
        assert_eq!(reply.status, 200, "{template}: {}", reply.text());
        assert_eq!(String::from_utf8_lossy(&one.last().body), expected, "{template}");
    }
    // Where there is no system prompt, they become it.
    for (path, sent, pointer) in [
        (chat, json!({"messages": [{"role": "user", "content": "hi"}]}), "/messages/0/content"),
        (chat, json!({"messages": []}), "/messages/0/content"),
        ("/v1/mux/messages", json!({"max_tokens": 1, "messages": []}), "/system"),
        ("/v1/mux/messages", json!({"max_tokens": 1, "messages": [], "system": null}), "/system"),
        ("/v1/mux/responses", json!({"input": "hi"}), "/instructions"),
        ("/v1/mux/responses", json!({"input": "hi", "instructions": null}), "/instructions"),
    ] {
        let reply = stack.send(path, sent.clone()).await;
        assert_eq!(reply.status, 200, "{sent}: {}", reply.text());
        let got = one.last().json();
        assert_eq!(got.pointer(pointer), Some(&json!(format!("{WORKSPACE}\n\n{RULE}"))), "{sent} became {got}");
    }
}

/// A provider's prompt cache hits only where the bytes before the new turn are the same as last time.
#[tokio::test(flavor = "multi_thread")]
async fn each_turn_begins_with_the_bytes_of_the_turn_before() {
    let (stack, one, _two) = Stack::with_providers(Options::default()).await;
    let body = json!({"text": WORKSPACE});
    stack.api.call(Method::PUT, "/workspaces/default/instructions?wait=applied", Some(body)).await.accepted();
    let mut messages =
        r#"{"model":"mini","messages":[{"role":"system","content":"S"},{"role":"user","content":"1"}"#.to_owned();
    let mut before = Vec::new();
    for turn in 2..6 {
        assert_eq!(stack.send_bytes("/v1/mux/chat/completions", &[], format!("{messages}]}}")).await.status, 200);
        let now = one.last().body.to_vec();
        assert!(now.starts_with(&before), "turn {turn} is not a continuation");
        before = now[..now.len() - 2].to_vec();
        messages += &format!(r#",{{"role":"assistant","content":"ok"}},{{"role":"user","content":"{turn}"}}"#);
    }
}

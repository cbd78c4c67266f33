//! Each condition of a rule, asked through a real Envoy, in the dialects that clients speak.

use muxspace_tests::client::Reply;
use muxspace_tests::{Options, Stack};
use serde_json::{Value, json};

async fn rule_of(stack: &Stack, path: &str, headers: &[(&str, &str)], body: &Value) -> String {
    let reply: Reply = stack.send_bytes(path, headers, body.to_string()).await;
    assert_eq!(reply.status, 200, "{path} {body}: {}", reply.text());
    reply.header("x-muxspace-rule").to_owned()
}

fn chat(text: &str) -> Value {
    json!({"model": "gpt-x", "messages": [{"role": "user", "content": text}]})
}

const IMAGE: &str = "data:image/png;base64,iVBORw0KGgo=";

#[tokio::test(flavor = "multi_thread")]
async fn every_condition_decides() {
    let (stack, one, _two) = Stack::with_providers(Options::default()).await;
    stack.api.add_provider_of("claude", "anthropic", &one.endpoint()).await;
    let image = json!([{"role": "user", "content": [{"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": IMAGE}}]}]);
    let tool = json!([{"type": "function", "function": {"name": "f", "parameters": {}}}]);
    let with = |field: &str, value: Value| {
        let mut body = chat("hello");
        body[field] = value;
        body
    };
    let chat_path = "/v1/mux/chat/completions";
    let rows: [(Value, &str, Value, bool); 22] = [
        (json!({"file": "*.py"}), chat_path, chat("```py a/b.py\nx\n```"), true),
        (json!({"file": "*.py"}), chat_path, chat("fix a/b.py please"), false),
        (json!({"mention": "b.py"}), chat_path, chat("fix a/b.py please"), true),
        (json!({"mention": "b.py"}), chat_path, chat("fix it please"), false),
        (json!({"language": ["Rust", "typescript"]}), chat_path, chat("```ts web/a.ts\nx\n```"), true),
        (json!({"language": "rust"}), chat_path, chat("```ts web/a.ts\nx\n```"), false),
        (json!({"request": "chat"}), chat_path, chat("hello"), true),
        (json!({"request": ["fim", "embedding"]}), chat_path, chat("hello"), false),
        (json!({"request": "fim"}), "/v1/mux/completions", json!({"prompt": "a", "suffix": "b"}), true),
        (json!({"request": "completion"}), "/v1/mux/completions", json!({"prompt": "a"}), true),
        (json!({"request": "embedding"}), "/v1/mux/embeddings", json!({"input": ["a"]}), true),
        (json!({"request": "responses"}), "/v1/mux/v1/responses", json!({"input": "a"}), true),
        (json!({"model": "gpt-*"}), chat_path, chat("hello"), true),
        (json!({"model": ["o*", "claude*"]}), chat_path, chat("hello"), false),
        (json!({"min_tokens": 1_000}), chat_path, chat(&"word ".repeat(2_000)), true),
        (json!({"min_tokens": 1_000}), chat_path, chat("hello"), false),
        (json!({"max_tokens": 1_000}), chat_path, chat("hello"), true),
        (json!({"tools": true}), chat_path, with("tools", tool.clone()), true),
        (json!({"tools": true}), chat_path, with("tools", json!([])), false),
        (json!({"images": true}), chat_path, with("messages", image), true),
        (json!({"thinking": true}), chat_path, with("reasoning_effort", json!("high")), true),
        (json!({"thinking": false, "images": false, "tools": false}), chat_path, chat("hello"), true),
    ];
    for (when, path, body, matches) in rows {
        let rules = json!([{"name": "hit", "when": when, "target": "two/hit"}, {"name": "miss", "target": "one/miss"}]);
        stack.api.put_rules("default", rules).await;
        let expected = if matches { "hit" } else { "miss" };
        assert_eq!(rule_of(&stack, path, &[], &body).await, expected, "{when} on {body}");
    }
    let rules = json!([
        {"name": "red", "when": {"header": {"name": "x-team", "value": "red*"}}, "target": "one/red"},
        {"name": "messages", "when": {"request": "messages"}, "target": "claude/sonnet"},
        {"name": "miss", "target": "one/miss"},
    ]);
    stack.api.put_rules("default", rules).await;
    assert_eq!(rule_of(&stack, chat_path, &[("X-Team", "red-2")], &chat("hi")).await, "red");
    assert_eq!(rule_of(&stack, chat_path, &[("x-team", "blue")], &chat("hi")).await, "miss");
    let messages = json!({"model": "x", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    assert_eq!(rule_of(&stack, "/v1/mux/v1/messages?beta=true", &[], &messages).await, "messages");
    let seen = one.last();
    assert_eq!((seen.path.as_str(), seen.header("x-api-key")), ("/v1/messages?beta=true", Some("key-of-claude")));
    assert_eq!((seen.header("anthropic-version"), seen.header("authorization")), (Some("2023-06-01"), None));
    assert_eq!(seen.json()["model"], "sonnet");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_said_to_a_provider_is_refused() {
    let (stack, one, _two) = Stack::with_providers(Options::default()).await;
    stack.api.add_provider_of("claude", "anthropic", &one.endpoint()).await;
    stack.api.put_rules("default", json!([{"name": "all", "target": "claude/sonnet"}])).await;
    for (path, body) in [("/v1/mux/completions", json!({"prompt": "x"})), ("/v1/mux/embeddings", json!({"input": "x"}))]
    {
        let reply = stack.send(path, body).await;
        assert_eq!((reply.status.as_u16(), reply.error_code().as_str()), (422, "untranslatable"), "{path}");
        assert!(reply.text().contains("`claude`") && reply.text().contains("messages"), "{}", reply.text());
    }
    assert!(one.prompts().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_turn_alone_can_decide() {
    let (stack, _one, _two) = Stack::with_providers(Options::default()).await;
    let rules = json!([
        {"name": "last", "when": {"file": "*.md"}, "turns": "last", "target": "one/last"},
        {"name": "ever", "when": {"file": "*.md"}, "target": "one/ever"},
        {"name": "else", "target": "one/else"},
    ]);
    stack.api.put_rules("default", rules).await;
    let file = json!({"role": "user", "content": "```md a.md\nx\n```"});
    let (answer, next) = (json!({"role": "assistant", "content": "ok"}), json!({"role": "user", "content": "go on"}));
    for (messages, rule) in [(json!([file]), "last"), (json!([file, answer, next]), "ever"), (json!([next]), "else")] {
        let body = json!({"model": "x", "messages": messages});
        assert_eq!(rule_of(&stack, "/v1/mux/chat/completions", &[], &body).await, rule, "{body}");
    }
}

/// A conversation of a coding agent: what its tools bring into context comes after the user's turn.
#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_not_swapped_in_mid_thought() {
    let (stack, _one, _two) = Stack::with_providers(Options::default()).await;
    let rules =
        json!([{"name": "python", "when": {"file": "*.py"}, "target": "two/py"}, {"name": "else", "target": "one/x"}]);
    stack.api.put_rules("default", rules).await;
    let mut messages = vec![json!({"role": "user", "content": "tidy up"})];
    messages.push(json!({"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function",
        "function": {"name": "read", "arguments": "{\"file_path\":\"a.py\"}"}}]}));
    messages.push(json!({"role": "tool", "tool_call_id": "1", "content": "x = 1"}));
    let ask = async |messages: &[Value]| {
        let body = json!({"model": "x", "messages": messages});
        rule_of(&stack, "/v1/mux/chat/completions", &[], &body).await
    };
    assert_eq!(ask(&messages).await, "python", "by default the next request may go elsewhere");
    let patch = json!({"settings": {"switch": "user_turn"}});
    let patched = stack.api.call(reqwest::Method::PATCH, "/workspaces/default?wait=applied", Some(patch)).await;
    patched.accepted();
    assert_eq!(ask(&messages[..1]).await, "else");
    assert_eq!(ask(&messages).await, "else", "tool calls answer the user's turn");
    messages.push(json!({"role": "assistant", "content": "done"}));
    messages.push(json!({"role": "user", "content": "thanks, now test it"}));
    assert_eq!(ask(&messages).await, "python", "the next turn sees what came before it");
}

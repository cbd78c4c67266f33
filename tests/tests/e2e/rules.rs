//! Which rule decides.

use muxspace_tests::{Options, Stack};
use serde_json::{Value, json};

/// Asks with these user turns, and says which rule and model answered.
async fn routed(stack: &Stack, messages: Value) -> (String, String) {
    let reply = stack.send("/v1/mux/chat/completions", json!({"model": "x", "messages": messages})).await;
    assert_eq!(reply.status, 200, "{messages}: {}", reply.text());
    assert_eq!(reply.header("x-muxspace-workspace"), "default");
    (reply.header("x-muxspace-rule").to_owned(), reply.json()["model"].as_str().unwrap_or_default().to_owned())
}

fn user(text: &str) -> Value {
    json!([{"role": "user", "content": text}])
}

const MARKDOWN: &str = "```md docs/guide.md\n# Guide\n```\n";
const SCRIPT: &str = "```js src/app.js\nlet a = 1\n```\n";

#[tokio::test(flavor = "multi_thread")]
async fn the_first_rule_that_matches_decides() {
    let (stack, _one, _two) = Stack::with_providers(Options::default()).await;
    let rules = json!([
        {"name": "docs", "when": {"file": "*.md"}, "target": "one/mini"},
        {"name": "scripts", "when": {"file": [".js"]}, "target": "two/claude"},
        {"name": "rest", "target": "one/local"},
    ]);
    stack.api.put_rules("default", rules).await;

    let tool_call = json!([{"role": "user", "content": "go on"}, {"role": "assistant", "content": null, "tool_calls":
        [{"id": "1", "type": "function", "function": {"name": "read", "arguments": "{\"file_path\": \"lib/view.js\"}"}}]}]);
    let rows: [(&str, Value, &str, &str); 12] = [
        ("both files", user(&format!("{SCRIPT}{MARKDOWN}")), "docs", "mini"),
        ("both files, the other way round", user(&format!("{MARKDOWN}{SCRIPT}")), "docs", "mini"),
        ("one script", user(SCRIPT), "scripts", "claude"),
        (".js also matches .jsx", user("```jsx src/App.jsx\n<a/>\n```"), "scripts", "claude"),
        ("*.md does not match .mdx", user("```mdx a.mdx\nx\n```"), "rest", "local"),
        ("no file at all", user("hello"), "rest", "local"),
        ("a name without a language", user("```README.md\nx\n```"), "docs", "mini"),
        ("a title", user("```js title=\"src/app.js\"\nx\n```"), "scripts", "claude"),
        ("a path on the line before", user("src/app.js\n```\nx\n```"), "scripts", "claude"),
        (
            "a name in a system prompt is not in context",
            json!([{"role": "system", "content": MARKDOWN}, {"role": "user", "content": "hello"}]),
            "rest",
            "local",
        ),
        ("an argument of a tool call", tool_call, "scripts", "claude"),
        (
            "an earlier turn counts",
            json!([{"role": "user", "content": MARKDOWN}, {"role": "assistant", "content": "ok"},
            {"role": "user", "content": [{"type": "text", "text": SCRIPT}]}]),
            "docs",
            "mini",
        ),
    ];
    for (what, messages, rule, model) in rows {
        assert_eq!(routed(&stack, messages).await, (rule.to_owned(), model.to_owned()), "{what}");
    }

    // The order of rules decides: the same prompt, the rules the other way round.
    let turned = json!([
        {"name": "scripts", "when": {"file": [".js"]}, "target": "two/claude"},
        {"name": "docs", "when": {"file": "*.md"}, "target": "one/mini"},
    ]);
    stack.api.put_rules("default", turned).await;
    assert_eq!(routed(&stack, user(&format!("{MARKDOWN}{SCRIPT}"))).await.0, "scripts");

    // No rule matches and there is no catch-all.
    let reply = stack.prompt("hello").await;
    assert_eq!((reply.status.as_u16(), reply.error_code().as_str()), (404, "no_matching_rule"));
    assert!(reply.text().contains("default"), "the workspace is named: {}", reply.text());
    stack.api.put_rules("default", json!([])).await;
    assert_eq!(stack.prompt("hello").await.error_code(), "no_matching_rule");
}

#[tokio::test(flavor = "multi_thread")]
async fn globs_and_substrings_of_paths() {
    let (stack, _one, _two) = Stack::with_providers(Options::default()).await;
    let rows = [
        ("*.py", "pkg/mod.py", true),
        ("*.py", "pkg/mod.pyi", false),
        (".py", "pkg/mod.pyi", true),
        ("src/*.rs", "src/main.rs", true),
        ("test_?.py", "a/test_1.py", true),
        ("test_?.py", "a/test_12.py", false),
        ("[mM]akefile", "tools/Makefile", true),
        ("docs/", "a/docs/b.txt", true),
        ("docs/", "docs.txt", false),
    ];
    for (pattern, path, matches) in rows {
        let rules = json!([
            {"name": "hit", "when": {"file": pattern}, "target": "two/hit"},
            {"name": "miss", "target": "one/miss"},
        ]);
        stack.api.put_rules("default", rules).await;
        let expected = if matches { "hit" } else { "miss" };
        let prompt = user(&format!("```text {path}\nx\n```"));
        assert_eq!(routed(&stack, prompt).await.0, expected, "{pattern} on {path}");
    }
}

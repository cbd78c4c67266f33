//! `/explain` and what a real Envoy does: always the same.

use std::collections::BTreeMap;

use fastrand::Rng;
use futures_util::{StreamExt, stream};
use muxspace_tests::{Options, Provider, Stack};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::TURN;

const RULE_SETS: usize = 200;
const PROMPTS: usize = 200;
const AT_ONCE: usize = 16;
/// Any; the same in every run, so that a failure comes again.
const SEED: u64 = 20_261_124;

const PATHS: [&str; 10] = [
    "src/app.py",
    "src/lib.rs",
    "web/client.ts",
    "web/App.tsx",
    "docs/guide.md",
    "README.md",
    "Makefile",
    "infra/main.tf",
    "a/b/c/deep.go",
    "test_x.py",
];
const PATTERNS: [&str; 12] =
    ["*.py", ".ts", "src/", "src/*.rs", "**/deep.*", "README", "test_?.py", "[MR]*", "docs/**", "*.md", "main.tf", "x"];
const LANGUAGES: [&str; 6] = ["python", "rust", "typescript", "markdown", "make", "go"];
const MODELS: [&str; 5] = ["gpt-5", "one/other", "claude/sonnet", "mock", ""];
const GLOBS: [&str; 4] = ["gpt-*", "*sonnet", "one/*", "m?ck"];
const TARGETS: [&str; 5] = ["one/a", "one/b", "two/c", "claude/d", "requested"];
const KINDS: [&str; 6] = ["chat", "fim", "completion", "embedding", "responses", "messages"];
const TEAMS: [&str; 3] = ["red", "red-2", "blue"];

fn some(rng: &mut Rng, all: &[&str]) -> Vec<String> {
    (0..rng.usize(1..3)).map(|_| one(rng, all).to_owned()).collect()
}

fn one<'a>(rng: &mut Rng, all: &[&'a str]) -> &'a str {
    rng.choice(all).copied().unwrap_or_default()
}

fn rules(rng: &mut Rng) -> Value {
    let rule = |rng: &mut Rng, index: usize| {
        let mut when = Map::new();
        for _ in 0..rng.usize(0..3) {
            let (name, value) = condition(rng);
            when.insert(name.to_owned(), value);
        }
        let turns = if rng.u8(0..4) == 0 { "last" } else { "all" };
        json!({"name": format!("rule-{index}"), "when": when, "turns": turns, "target": one(rng, &TARGETS)})
    };
    let count = rng.usize(1..8);
    let mut rules: Vec<Value> = (0..count).map(|index| rule(rng, index)).collect();
    if rng.u8(0..3) > 0 {
        rules.push(json!({"name": "messages", "when": {"request": "messages"}, "target": "claude/rest"}));
        rules.push(json!({"name": "rest", "target": "one/rest"}));
    }
    Value::Array(rules)
}

fn condition(rng: &mut Rng) -> (&'static str, Value) {
    match rng.u8(0..11) {
        0 => ("file", json!(some(rng, &PATTERNS))),
        1 => ("mention", json!(some(rng, &PATTERNS))),
        2 => ("language", json!(some(rng, &LANGUAGES))),
        3 => ("request", json!(some(rng, &KINDS))),
        4 => ("model", json!(some(rng, &GLOBS))),
        5 => ("header", json!([{"name": "x-team", "value": format!("{}*", one(rng, &TEAMS))}])),
        6 => ("min_tokens", json!(rng.u32(0..300))),
        7 => ("max_tokens", json!(rng.u32(50..2_000))),
        8 => ("tools", json!(rng.bool())),
        9 => ("images", json!(rng.bool())),
        _ => ("thinking", json!(rng.bool())),
    }
}

struct Prompt {
    endpoint: &'static str,
    team: Option<&'static str>,
    body: Value,
}

/// Something that a user or a tool may write.
fn text(rng: &mut Rng) -> String {
    let path = one(rng, &PATHS);
    match rng.u8(0..7) {
        0 => format!("Look:\n```text {path}\nlet a = 1;\n```\n"),
        1 => format!("{path}\n```\nx\n```"),
        2 => format!("please fix {path} and then rest"),
        3 => format!("<file path=\"{path}\">\nx\n</file>"),
        4 => format!("```diff\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+b\n```"),
        5 => "word ".repeat(rng.usize(1..400)),
        _ => format!("<system-reminder>\nsee {path}\n</system-reminder>\n"),
    }
}

fn arguments(rng: &mut Rng) -> Value {
    let path = one(rng, &PATHS);
    match rng.u8(0..4) {
        0 => json!({"file_path": path}),
        1 => json!({"cmd": format!("cat {path} | head -5")}),
        2 => json!({"files": [{"path": path}]}),
        _ => json!({"query": path}),
    }
}

fn prompt(rng: &mut Rng) -> Prompt {
    let mut body = Map::new();
    if rng.u8(0..5) > 0 {
        body.insert("model".to_owned(), json!(one(rng, &MODELS)));
    }
    let turns = rng.usize(1..4);
    let endpoint = match rng.u8(0..10) {
        0..=3 => {
            body.insert("messages".to_owned(), chat(rng, turns));
            if rng.bool() {
                body.insert("reasoning_effort".to_owned(), json!("low"));
            }
            "chat/completions"
        }
        4..=6 => {
            body.insert("messages".to_owned(), messages(rng, turns));
            if rng.bool() {
                body.insert("thinking".to_owned(), json!({"type": "enabled", "budget_tokens": 1_024}));
            }
            "messages"
        }
        7 | 8 => {
            body.insert("input".to_owned(), input(rng, turns));
            "responses"
        }
        _ if rng.bool() => {
            body.insert("prompt".to_owned(), json!(format!("# path: {}\ndef f(", one(rng, &PATHS))));
            if rng.bool() {
                body.insert("suffix".to_owned(), json!("\n"));
            }
            "completions"
        }
        _ => {
            body.insert("input".to_owned(), json!(text(rng)));
            "embeddings"
        }
    };
    if rng.bool() {
        body.insert("tools".to_owned(), json!([{"type": "function", "name": "f"}]));
    }
    let team = if rng.bool() { rng.choice(TEAMS) } else { None };
    Prompt { endpoint, team, body: Value::Object(body) }
}

fn chat(rng: &mut Rng, turns: usize) -> Value {
    let mut all = vec![json!({"role": "system", "content": text(rng)})];
    for turn in 0..turns {
        let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}});
        all.push(match rng.u8(0..4) {
            0 => json!({"role": "user", "content": [{"type": "text", "text": text(rng)}, image]}),
            _ => json!({"role": "user", "content": text(rng)}),
        });
        if rng.bool() {
            let arguments = arguments(rng).to_string();
            let call = json!({"id": format!("c{turn}"), "type": "function", "function": {"name": "f", "arguments": arguments}});
            all.push(json!({"role": "assistant", "content": null, "tool_calls": [call]}));
            all.push(json!({"role": "tool", "tool_call_id": format!("c{turn}"), "content": text(rng)}));
        } else {
            all.push(json!({"role": "assistant", "content": text(rng)}));
        }
    }
    Value::Array(all)
}

fn messages(rng: &mut Rng, turns: usize) -> Value {
    let mut all = Vec::new();
    for turn in 0..turns {
        all.push(json!({"role": "user", "content": [{"type": "text", "text": text(rng)}]}));
        if rng.bool() {
            let call = json!({"type": "tool_use", "id": format!("t{turn}"), "name": "f", "input": arguments(rng)});
            all.push(json!({"role": "assistant", "content": [call]}));
            let result = json!({"type": "tool_result", "tool_use_id": format!("t{turn}"), "content": text(rng)});
            all.push(json!({"role": "user", "content": [result]}));
        } else {
            all.push(json!({"role": "assistant", "content": text(rng)}));
        }
    }
    Value::Array(all)
}

fn input(rng: &mut Rng, turns: usize) -> Value {
    let mut all = Vec::new();
    for turn in 0..turns {
        all.push(json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text(rng)}]}));
        let (id, arguments) = (format!("c{turn}"), arguments(rng).to_string());
        all.push(json!({"type": "function_call", "call_id": id, "name": "f", "arguments": arguments}));
        all.push(json!({"type": "function_call_output", "call_id": id, "output": text(rng)}));
    }
    Value::Array(all)
}

/// Rule and target, or the code of the refusal.
type Outcome = (String, String);

async fn done(stack: &Stack, prompt: &Prompt) -> Outcome {
    let team = prompt.team.map(|team| ("x-team", team));
    let path = format!("/v1/mux/{}", prompt.endpoint);
    let reply = stack.send_bytes(&path, team.as_slice(), prompt.body.to_string()).await;
    match reply.status.as_u16() {
        200 => (reply.header("x-muxspace-rule").to_owned(), reply.header("x-muxspace-target").to_owned()),
        status => ("refused".to_owned(), status.to_string()),
    }
}

async fn explained(stack: &Stack, prompt: &Prompt) -> Outcome {
    let headers: BTreeMap<_, _> = prompt.team.iter().map(|team| ("X-Team", *team)).collect();
    let ask = json!({"endpoint": prompt.endpoint, "headers": headers, "body": prompt.body.to_string()});
    let reply = stack.api.call(Method::POST, "/explain", Some(ask)).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let (decision, refusal) = (&reply.body["decision"], &reply.body["refusal"]);
    if decision.is_null() {
        return ("refused".to_owned(), refusal["status"].to_string());
    }
    let text = |field: &str| decision[field].as_str().unwrap_or_default().to_owned();
    let first = reply.body["rules"].as_array().into_iter().flatten().find(|rule| rule["matched"] == true);
    assert_eq!(first.map(|rule| &rule["name"]), Some(&decision["rule"]), "the first rule that matches decides");
    (text("rule"), text("target"))
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_says_what_envoy_does() {
    let _turn = TURN.lock().await;
    let provider = Provider::start().await;
    let stack = Stack::start(Options { concurrency: 2, ..Options::default() }).await;
    for (name, kind) in [("one", "openai"), ("two", "vllm"), ("claude", "anthropic")] {
        stack.api.add_provider_of(name, kind, &provider.endpoint()).await;
    }
    let mut rng = Rng::with_seed(SEED);
    let prompts: Vec<Prompt> = (0..PROMPTS).map(|_| prompt(&mut rng)).collect();
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for set in 0..RULE_SETS {
        let rules = rules(&mut rng);
        stack.api.put_rules("default", rules.clone()).await;
        if set % 10 == 0 {
            let switch = if set % 20 == 0 { "user_turn" } else { "anytime" };
            let patch = json!({"settings": {"switch": switch}});
            stack.api.call(Method::PATCH, "/workspaces/default?wait=applied", Some(patch)).await.accepted();
        }
        let both = stream::iter(&prompts)
            .map(async |prompt| (prompt, done(&stack, prompt).await, explained(&stack, prompt).await));
        let mut both = both.buffer_unordered(AT_ONCE);
        while let Some((prompt, done, explained)) = both.next().await {
            assert_eq!(done, explained, "{rules}\n{} {:?} {}", prompt.endpoint, prompt.team, prompt.body);
            *outcomes.entry(done.0).or_default() += 1;
        }
        provider.forget();
    }
    println!("{RULE_SETS} rule sets x {PROMPTS} prompts agree: {outcomes:?}");
    assert!(outcomes.len() >= 6, "the prompts are told apart: {outcomes:?}");
}

//! `/api/v1/explain`

use serde_json::{Value, json};

use crate::support::{Answer, Api};

const PATH: &str = "/api/v1/explain";

async fn api() -> Api {
    let api = Api::with_provider().await;
    let anthropic = json!({"name": "a", "type": "anthropic", "endpoint": "http://127.0.0.1:9/base/v1"});
    api.post("/api/v1/providers", anthropic).await.expect(201);
    let rules = json!([
        {"name": "docs", "when": {"file": "*.md", "tools": false}, "target": "p/mini"},
        {"name": "asked", "when": {"model": "p/*"}, "target": "requested"},
        {"name": "claude", "when": {"request": "messages"}, "target": "a/claude"},
        {"name": "rest", "when": {"header": {"name": "x-team", "value": "red"}}, "target": "p/large"},
    ]);
    let made = api.put("/api/v1/workspaces/default/rules", rules).await.expect(200);
    api.published(made.revision()).await;
    api
}

fn prompt(text: &str) -> Value {
    json!({"model": "x", "messages": [{"role": "user", "content": text}]})
}

fn matched(answer: &Answer) -> Vec<(String, Value)> {
    let rules = answer.json["rules"].as_array().unwrap();
    rules.iter().map(|rule| (rule["name"].as_str().unwrap().to_owned(), rule["failed_condition"].clone())).collect()
}

#[tokio::test]
async fn files_rules_and_decision_are_told() {
    let api = api().await;
    let body = prompt("Look:\n```md docs/a.md\n# A\n```\n");
    let answer = api.post(PATH, json!({"endpoint": "chat/completions", "body": body})).await.expect(200);
    let doc = &answer.json;
    assert_eq!(
        (&doc["workspace"], &doc["session"], &doc["request"]),
        (&json!("default"), &json!("default"), &json!("chat"))
    );
    assert_eq!(doc["files"], json!([{"path": "docs/a.md", "source": "block", "turn": 1}]));
    assert!(doc["estimated_tokens"].as_u64() > Some(10));
    let failed = ["docs", "asked", "claude", "rest"].map(str::to_owned);
    let reasons = [Value::Null, json!("model"), json!("request"), json!("header")];
    assert_eq!(matched(&answer), failed.into_iter().zip(reasons).collect::<Vec<_>>());
    assert_eq!(doc["decision"], json!({"rule": "docs", "target": "p/mini", "targets": ["p/mini"]}));
    assert_eq!(doc["would_send"], json!({"dialect": "chat", "path": "/v1/chat/completions", "model": "mini"}));
    assert!(doc["refusal"].is_null());
}

#[tokio::test]
async fn headers_paths_and_bodies_as_text_count() {
    let api = api().await;
    let red = json!({"endpoint": "chat/completions", "headers": {"X-Team": "red"}, "body": prompt("hi").to_string()});
    assert_eq!(api.post(PATH, red).await.expect(200).json["decision"]["rule"], "rest");
    let named = json!({"endpoint": "/v1/chat/completions", "body": {"model": "p/any", "messages": []}});
    let answer = api.post(PATH, named).await.expect(200);
    assert_eq!(answer.json["decision"], json!({"rule": null, "target": "p/any", "targets": ["p/any"]}));
    let messages = json!({"endpoint": "messages?beta=true", "body": {"max_tokens": 1, "messages": []}});
    let answer = api.post(PATH, messages).await.expect(200);
    let sent = json!({"dialect": "messages", "path": "/base/v1/messages?beta=true", "model": "claude"});
    assert_eq!(answer.json["would_send"], sent);
    assert_eq!(answer.json["rules"][1]["failed_condition"], "model");
}

#[tokio::test]
async fn what_would_be_refused_says_so() {
    let api = api().await;
    for (endpoint, body, code, status) in [
        ("chat/completions", prompt("hi"), "no_matching_rule", 404),
        ("chat/completions", json!({"model": 1, "messages": []}), "invalid_request", 400),
        ("chat/completions", json!("{\"messages\":["), "invalid_json", 400),
        ("/v1/chat/completions", prompt("hi"), "model_not_found", 404),
        ("/v1/completions", json!({"model": "a/m", "prompt": "x"}), "untranslatable", 422),
    ] {
        let answer = api.post(PATH, json!({"endpoint": endpoint, "body": body})).await.expect(200);
        let refusal = &answer.json["refusal"];
        assert_eq!((&refusal["code"], &refusal["status"]), (&json!(code), &json!(status)), "{endpoint} {body}");
        assert!(answer.json["decision"].is_null() && answer.json["would_send"].is_null());
    }
}

#[tokio::test]
async fn workspaces_and_sessions_are_chosen_as_on_the_request_path() {
    let api = api().await;
    let rules = json!([{"name": "own", "target": "p/team"}]);
    let made = api.post("/api/v1/workspaces", json!({"name": "team", "rules": rules})).await.expect(201);
    api.published(made.revision()).await;
    for (endpoint, place, workspace) in [
        ("chat/completions", json!({"workspace": "Team"}), "team"),
        ("/w/team/v1/mux/chat/completions", json!({}), "team"),
        ("/w/default/v1/mux/chat/completions", json!({"workspace": "team"}), "default"),
        ("chat/completions", json!({"session": "default"}), "default"),
    ] {
        let mut ask = place;
        ask["endpoint"] = json!(endpoint);
        ask["body"] = prompt("hi");
        assert_eq!(api.post(PATH, ask).await.expect(200).json["workspace"], workspace, "{endpoint}");
    }
    for place in [json!({"workspace": "none"}), json!({"session": "none"}), json!({"workspace": "a b"})] {
        let mut ask = place;
        ask["endpoint"] = json!("chat/completions");
        ask["body"] = prompt("hi");
        api.post(PATH, ask).await.expect_problem(404, "not_found");
    }
    let bad = api.post(PATH, json!({"endpoint": "poems", "body": {}})).await;
    assert_eq!(bad.expect_problem(400, "invalid_request"), ["/endpoint"]);
    let bad = api.post(PATH, json!({"endpoint": "messages", "body": {}, "colour": 1})).await;
    assert_eq!(bad.expect_problem(400, "invalid_request"), ["/colour"]);
    api.post(PATH, json!({"endpoint": "messages"})).await.expect_problem(400, "invalid_request");
}

#[tokio::test]
async fn names_of_the_workspace_lead_where_they_say() {
    let api = api().await;
    let workspace = json!({"name": "team", "rules": []});
    api.post("/api/v1/workspaces", workspace).await.expect(201);
    for (alias, model, enabled) in [("fast", "p/mini", true), ("deep", "a/claude", true), ("off", "p/large", false)] {
        let body = json!({"alias": alias, "model": model, "enabled": enabled});
        api.post("/api/v1/workspaces/team/models", body).await.expect(201);
    }
    let targets = json!([{"model": "off"}, {"model": "fast"}, {"model": "deep"}]);
    let both = json!({"name": "both", "targets": targets});
    api.post("/api/v1/workspaces/team/deployments", both).await.expect(201);
    let rules =
        json!([{"name": "named", "when": {"file": "*.md"}, "target": "both"}, {"name": "rest", "target": "fast"}]);
    let made = api.put("/api/v1/workspaces/team/rules", rules).await.expect(200);
    api.published(made.revision()).await;
    let ask = |endpoint: &str, model: &str, text: &str| {
        let body = json!({"model": model, "messages": [{"role": "user", "content": text}]});
        json!({"workspace": "team", "endpoint": endpoint, "body": body})
    };
    let document = "```md a.md\n# A\n```";
    for (endpoint, model, text, expected) in [
        (
            "chat/completions",
            "x",
            document,
            json!({"rule": "named", "target": "both", "targets": ["p/mini", "a/claude"]}),
        ),
        ("chat/completions", "x", "hi", json!({"rule": "rest", "target": "p/mini", "targets": ["p/mini"]})),
        (
            "/v1/chat/completions",
            "both",
            "hi",
            json!({"rule": null, "target": "both", "targets": ["p/mini", "a/claude"]}),
        ),
        ("/v1/chat/completions", "deep", "hi", json!({"rule": null, "target": "a/claude", "targets": ["a/claude"]})),
    ] {
        let answer = api.post(PATH, ask(endpoint, model, text)).await.expect(200);
        assert_eq!(answer.json["decision"], expected, "{endpoint} {model} {text}");
    }
    for (model, code, status) in [("off", "not_allowed", 403), ("p/mini", "model_not_found", 404)] {
        let answer = api.post(PATH, ask("/v1/chat/completions", model, "hi")).await.expect(200);
        let refusal = &answer.json["refusal"];
        assert_eq!((&refusal["code"], &refusal["status"]), (&json!(code), &json!(status)), "{model}");
    }
}

#[tokio::test]
async fn a_key_says_where_its_requests_are_and_what_they_may_name() {
    let api = api().await;
    let rules = json!([{"name": "own", "target": "p/team"}]);
    api.post("/api/v1/workspaces", json!({"name": "team", "rules": rules})).await.expect(201);
    let keys = "/api/v1/workspaces/team/keys";
    let mut ids = Vec::new();
    for body in [
        json!({"name": "own"}),
        json!({"name": "bound", "session": "default"}),
        json!({"name": "narrow", "scopes": {"endpoints": ["messages"], "models": "none"}}),
    ] {
        ids.push(api.post(keys, body).await.expect(201).json["id"].clone());
    }
    let [own, bound, narrow] = ids.as_slice() else { panic!() };
    let over = api.post(keys, json!({"name": "over"})).await.expect(201).json["id"].clone();
    let ended = api.patch(&format!("{keys}/{over}"), json!({"expires_at": "2000-01-01"})).await.expect(200);
    api.published(ended.revision()).await;

    let ask = |id: &Value, endpoint: &str| json!({"endpoint": endpoint, "key_id": id, "body": prompt("hi")});
    for (id, workspace, session) in [(own, "team", Value::Null), (bound, "default", json!("default"))] {
        let doc = api.post(PATH, ask(id, "chat/completions")).await.expect(200).json;
        assert_eq!((&doc["workspace"], &doc["session"]), (&json!(workspace), &session));
    }
    let doc = api.post(PATH, ask(own, "/w/team/v1/mux/chat/completions")).await.expect(200).json;
    assert_eq!(doc["decision"]["rule"], "own");
    for (id, endpoint, code) in [
        (narrow, "chat/completions", "not_allowed"),
        (narrow, "messages", "not_allowed"),
        (own, "/w/default/v1/mux/chat/completions", "not_allowed"),
        (own, "/s/default/v1/mux/chat/completions", "not_allowed"),
        (&over, "chat/completions", "invalid_api_key"),
    ] {
        let doc = api.post(PATH, ask(id, endpoint)).await.expect(200).json;
        assert_eq!(doc["refusal"]["code"], code, "{endpoint} {doc}");
    }
    let none = api.post(PATH, ask(&json!(999), "messages")).await;
    assert_eq!(none.expect_problem(400, "invalid_request"), ["/key_id"]);
    let mut both = ask(own, "messages");
    both["workspace"] = json!("team");
    assert_eq!(api.post(PATH, both).await.expect_problem(400, "invalid_request"), ["/key_id"]);
    let archived = api.post("/api/v1/workspaces/team/archive", json!({})).await.expect(200);
    api.published(archived.revision()).await;
    assert_eq!(api.post(PATH, ask(own, "messages")).await.expect_problem(400, "invalid_request"), ["/key_id"]);
}

#[tokio::test]
async fn a_whole_prompt_fits() {
    let api = api().await;
    let large = json!({"endpoint": "chat/completions", "body": prompt(&"x".repeat(8 << 20))});
    let answer = api.post(PATH, large).await.expect(200);
    assert!(answer.json["estimated_tokens"].as_u64() > Some(2_000_000));
}

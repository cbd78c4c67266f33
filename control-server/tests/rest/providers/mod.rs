//! `/api/v1/providers`

mod endpoints;
mod kinds;
mod models;

use serde_json::json;

use crate::support::{Api, Fake, model_server};

const PROVIDERS: &str = "/api/v1/providers";
const MODELS: &str = r#"{"data":[{"id":"b"},{"id":"a/x"},{"id":""}]}"#;

#[tokio::test]
async fn a_provider_is_saved_and_asked_for_its_models() {
    let api = Api::start().await;
    let endpoint = model_server(200, MODELS).await;
    let body = json!({"name": "Local", "type": "vllm", "endpoint": endpoint, "description": "in the rack",
        "auth": {"type": "api_key", "api_key": "sk-secret"}});
    let made = api.post(PROVIDERS, body).await.expect(201);
    assert_eq!(made.json["name"], "local");
    assert_eq!(made.json["type"], "vllm");
    assert_eq!(made.json["endpoint"], endpoint);
    assert_eq!(made.json["auth"], json!({"type": "api_key", "configured": true}));
    assert_eq!(made.json["status"]["reachable"], true);
    assert!(made.json["status"]["error"].is_null());
    assert_eq!(made.revision(), 2);
    assert!(!String::from_utf8_lossy(&made.bytes).contains("sk-secret"));
    assert_eq!(api.get("/api/v1/providers/local").await.expect(200).json, made.json);
    assert_eq!(api.get(PROVIDERS).await.expect(200).items(), [made.json]);
}

#[tokio::test]
async fn one_that_does_not_answer_is_saved_unless_it_must() {
    let api = Api::start().await;
    let body = |name: &str| json!({"name": name, "type": "openai", "endpoint": "http://127.0.0.1:9/v1"});
    let saved = api.post(PROVIDERS, body("a")).await.expect(201);
    assert_eq!(saved.json["status"]["reachable"], false);
    assert!(saved.json["status"]["error"].as_str().unwrap().contains("refused"), "{}", saved.json);
    let required = "/api/v1/providers?require=reachable";
    api.post(required, body("b")).await.expect_problem(422, "provider_unreachable");
    api.get("/api/v1/providers/b").await.expect_problem(404, "not_found");
    for (status, answer) in [(500, MODELS), (302, ""), (200, "<html>"), (200, "{}")] {
        let body = json!({"name": "c", "type": "openai", "endpoint": model_server(status, answer).await});
        api.post(required, body).await.expect_problem(422, "provider_unreachable");
    }
}

#[tokio::test]
async fn malformed_providers_are_refused() {
    let api = Api::start().await;
    let rows = [
        (json!({"name": "a", "type": "openai", "endpoint": "ftp://host"}), "/endpoint"),
        (json!({"name": "a", "type": "openai", "endpoint": "https://u:p@host"}), "/endpoint"),
        (json!({"name": "a", "type": "openai", "endpoint": "https://host/v1?a=b"}), "/endpoint"),
        (json!({"name": "a", "type": "openai", "endpoint": "host"}), "/endpoint"),
        (json!({"name": "a", "type": "other"}), "/type"),
        (json!({"name": "a b", "type": "openai"}), "/name"),
        (json!({"name": "a", "type": "openai", "key": "x"}), "/key"),
        (json!({"name": "a", "type": "openai", "auth": {"type": "magic"}}), "/auth/type"),
        (json!({"name": "a", "type": "openai", "auth": {"type": "none", "api_key": "x"}}), "/auth/api_key"),
        (json!({"name": "a", "type": "openai", "auth": {"type": "api_key", "api_key": "a\r\nb"}}), "/auth/api_key"),
        (json!({"name": "a", "type": "openai", "auth": {"type": "passthrough", "api_key": "x"}}), "/auth/api_key"),
        (json!({"name": "a", "type": "openai", "description": "x".repeat(4_097)}), "/description"),
        (json!({"name": "a", "type": "openai", "models": [""]}), "/models/0"),
    ];
    for (body, pointer) in rows {
        let answer = api.post(PROVIDERS, body).await;
        assert_eq!(answer.expect_problem(400, "invalid_request"), [pointer]);
    }
    let both = api.post(PROVIDERS, json!({"name": "a", "type": "other", "endpoint": "x"})).await;
    assert_eq!(both.expect_problem(400, "invalid_request"), ["/type", "/endpoint"]);
    assert!(api.get(PROVIDERS).await.items().is_empty());
}

#[tokio::test]
async fn names_are_unique() {
    let api = Api::with_provider().await;
    let again = api.post(PROVIDERS, json!({"name": "P", "type": "ollama"})).await;
    again.expect_problem(409, "name_taken");
    api.post(PROVIDERS, json!({"name": "q", "type": "openai", "endpoint": "http://127.0.0.1:9"})).await.expect(201);
    api.patch("/api/v1/providers/q", json!({"name": "p"})).await.expect_problem(409, "name_taken");
}

#[tokio::test]
async fn a_change_keeps_what_is_not_given() {
    let api = Api::start().await;
    let fake = Fake::at("/v1/models", json!({"data": []})).await;
    let endpoint = format!("{}/v1", fake.origin);
    let last_key = || fake.seen().last().unwrap().header("authorization").to_owned();
    let auth = json!({"type": "api_key", "api_key": "sk-1"});
    let body = json!({"name": "p", "type": "openai", "endpoint": "http://127.0.0.1:9/v1", "auth": auth});
    api.post(PROVIDERS, body).await.expect(201);
    let path = "/api/v1/providers/p";

    let described = api.patch(path, json!({"description": "x"})).await.expect(200);
    assert_eq!(described.json["auth"]["configured"], true);
    let moved = api.patch(path, json!({"endpoint": endpoint})).await.expect(200);
    assert_eq!((&moved.json["status"]["reachable"], &moved.json["description"]), (&json!(true), &json!("x")));
    assert_eq!(last_key(), "Bearer sk-1", "the stored key was sent");
    for blank in [json!({"type": "api_key", "api_key": ""}), json!({"api_key": "  "}), json!({"type": "api_key"})] {
        let kept = api.patch(path, json!({"auth": blank})).await.expect(200);
        assert_eq!((kept.revision(), last_key().as_str()), (moved.revision(), "Bearer sk-1"));
    }
    api.patch(path, json!({"auth": {"api_key": "sk-2"}})).await.expect(200);
    assert_eq!(last_key(), "Bearer sk-2");
    for kind in ["passthrough", "none"] {
        let cleared = api.patch(path, json!({"auth": {"type": kind}})).await.expect(200);
        assert_eq!(cleared.json["auth"], json!({"type": kind, "configured": false}));
        assert_eq!(last_key(), "");
    }

    let refused = api.patch(path, json!({"endpoint": "nowhere"})).await;
    assert_eq!(refused.expect_problem(400, "invalid_request"), ["/endpoint"]);
    api.patch(path, json!({"colour": 1})).await.expect_problem(400, "invalid_request");
    api.patch("/api/v1/providers/none", json!({})).await.expect_problem(404, "not_found");
    assert_eq!(api.get(path).await.json["endpoint"], endpoint);
}

#[tokio::test]
async fn a_provider_in_use_goes_only_by_force() {
    let api = Api::with_provider().await;
    let rules = "/api/v1/workspaces/default/rules";
    api.put(rules, json!([{"name": "all", "target": "p/m"}])).await.expect(200);
    let refused = api.delete("/api/v1/providers/p").await;
    assert_eq!(refused.json["used_by"], json!([{"workspace": "default", "rule": "all"}]));
    let detail = refused.json["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("`default`") && detail.contains("`all`"), "{detail}");
    refused.expect_problem(409, "in_use");
    api.get("/api/v1/providers/p").await.expect(200);
    let removed = api.delete("/api/v1/providers/p?force=true").await.expect(204);
    assert_eq!(removed.revision(), 4);
    assert_eq!(api.get(rules).await.items()[0]["broken"], true);
    api.delete("/api/v1/providers/p").await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn a_new_name_is_carried_into_the_rules() {
    let api = Api::with_provider().await;
    let rules = "/api/v1/workspaces/default/rules";
    api.put(rules, json!([{"target": "p/m"}])).await.expect(200);
    api.patch("/api/v1/providers/p", json!({"name": "q"})).await.expect(200);
    assert_eq!(api.get(rules).await.items()[0]["target"], "q/m");
    api.get("/api/v1/providers/p").await.expect_problem(404, "not_found");
}

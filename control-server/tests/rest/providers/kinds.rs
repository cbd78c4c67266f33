//! What follows from a provider's type.

use mux::config::{Auth, KeyHeader};
use serde_json::{Value, json};

use crate::support::{Api, Fake};

const PROVIDERS: &str = "/api/v1/providers";
const KINDS: [&str; 7] = ["openai", "anthropic", "openrouter", "vllm", "ollama", "lmstudio", "llamacpp"];

#[tokio::test]
async fn a_type_fills_in_endpoint_and_auth() {
    let api = Api::start().await;
    let rows = [
        ("openai", "https://api.openai.com/v1", "api_key"),
        ("anthropic", "https://api.anthropic.com", "api_key"),
        ("openrouter", "https://openrouter.ai/api/v1", "api_key"),
        ("vllm", "http://localhost:8000/v1", "none"),
        ("ollama", "http://localhost:11434", "none"),
        ("lmstudio", "http://localhost:1234/v1", "none"),
        ("llamacpp", "http://localhost:8080/v1", "none"),
    ];
    for (kind, endpoint, auth) in rows {
        let made = api.post(PROVIDERS, json!({"name": kind, "type": kind})).await.expect(201);
        assert_eq!(made.json["endpoint"], endpoint);
        assert_eq!(made.json["auth"], json!({"type": auth, "configured": false}), "{kind}");
    }
    let moved = json!({"endpoint": "http://127.0.0.1:9/x"});
    api.patch("/api/v1/providers/ollama", moved).await.expect(200);
    let back = api.patch("/api/v1/providers/ollama", json!({"endpoint": ""})).await.expect(200);
    assert_eq!(back.json["endpoint"], "http://localhost:11434", "an empty one is the type's own");
}

/// What a provider of this type lists, and where.
fn list(kind: &str) -> (&'static str, Value) {
    match kind {
        "ollama" => ("/api/tags", json!({"models": [{"name": "m:latest"}]})),
        "anthropic" => ("/v1/models?limit=1000", json!({"data": [{"id": "m:latest"}], "has_more": false})),
        "openrouter" => ("/api/v1/models", json!({"data": [{"id": "m:latest"}]})),
        _ => ("/v1/models", json!({"data": [{"id": "m:latest"}]})),
    }
}

#[tokio::test]
async fn every_type_is_asked_in_its_own_way() {
    for kind in KINDS {
        let api = Api::start().await;
        let (path, body) = list(kind);
        let fake = Fake::at(path, body).await;
        // A mere host, whatever the type, reaches the API.
        let auth = json!({"type": "api_key", "api_key": "sk-1"});
        let body = json!({"name": "p", "type": kind, "endpoint": fake.origin, "auth": auth});
        let made = api.post("/api/v1/providers?require=reachable", body).await.expect(201);
        assert_eq!((&made.json["endpoint"], &made.json["status"]["reachable"]), (&json!(fake.origin), &json!(true)));
        assert_eq!(api.get("/api/v1/providers/p/models").await.items()[0]["id"], "m:latest");
        let asked = fake.seen().remove(0);
        let headers = ["authorization", "x-api-key", "anthropic-version"].map(|name| asked.header(name).to_owned());
        let expected = if kind == "anthropic" { ["", "sk-1", "2023-06-01"] } else { ["Bearer sk-1", "", ""] };
        assert_eq!(headers, expected, "{kind}");

        let data_plane = api.store.provider(&"p".parse().unwrap()).await.unwrap().data_plane();
        let base_path = if kind == "openrouter" { "/api/v1" } else { "/v1" };
        assert_eq!(&*data_plane.base_path, base_path, "{kind}");
        let header = if kind == "anthropic" { KeyHeader::XApiKey } else { KeyHeader::Bearer };
        assert_eq!(data_plane.auth, Auth::Key { header, key: "sk-1".into() }, "{kind}");
    }
}

#[tokio::test]
async fn every_type_is_saved_also_when_it_does_not_answer() {
    let api = Api::start().await;
    for kind in KINDS {
        let body = json!({"name": kind, "type": kind, "endpoint": "http://127.0.0.1:9"});
        let status = api.post(PROVIDERS, body.clone()).await.expect(201).json["status"].clone();
        assert_eq!(status["reachable"], false, "{kind}");
        assert!(status["error"].as_str().unwrap().contains("refused"), "{kind}: {status}");
        api.delete(&format!("{PROVIDERS}/{kind}")).await.expect(204);
        let required = api.post("/api/v1/providers?require=reachable", body).await;
        required.expect_problem(422, "provider_unreachable");
        api.get(&format!("{PROVIDERS}/{kind}")).await.expect_problem(404, "not_found");
    }
}

#[tokio::test]
async fn every_type_keeps_its_rules_when_it_is_renamed_and_leaves_them_broken_when_it_goes() {
    let rules = "/api/v1/workspaces/default/rules";
    for kind in KINDS {
        let api = Api::start().await;
        let body = json!({"name": "p", "type": kind, "endpoint": "http://127.0.0.1:9"});
        api.post(PROVIDERS, body).await.expect(201);
        api.put(rules, json!([{"name": "all", "target": "p/m"}])).await.expect(200);
        api.patch("/api/v1/providers/p", json!({"name": "q"})).await.expect(200);
        assert_eq!(api.get(rules).await.items()[0]["target"], "q/m", "{kind}");
        api.delete("/api/v1/providers/q").await.expect_problem(409, "in_use");
        api.delete("/api/v1/providers/q?force=true").await.expect(204);
        assert_eq!(api.get(rules).await.items()[0]["broken"], true, "{kind}");
    }
}

#[tokio::test]
async fn the_clients_own_credential_goes_on_where_that_is_wanted() {
    let api = Api::start().await;
    let auth = json!({"type": "passthrough"});
    let body = json!({"name": "p", "type": "anthropic", "endpoint": "http://127.0.0.1:9", "auth": auth});
    let made = api.post(PROVIDERS, body).await.expect(201);
    assert_eq!(made.json["auth"], json!({"type": "passthrough", "configured": false}));
    let auth = api.store.provider(&"p".parse().unwrap()).await.unwrap().data_plane().auth;
    assert_eq!(auth, Auth::Passthrough);
    let kept = api.patch("/api/v1/providers/p", json!({"description": "x"})).await.expect(200);
    assert_eq!(kept.json["auth"]["type"], "passthrough");
    let keyed = api.patch("/api/v1/providers/p", json!({"auth": {"api_key": "sk-1"}})).await.expect(200);
    assert_eq!(keyed.json["auth"], json!({"type": "api_key", "configured": true}));
}

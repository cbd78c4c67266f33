//! The paths that clients use, and what the answer's headers say.

use muxspace_tests::{Options, Stack};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn every_path_leads_to_its_workspace() {
    let (stack, _one, _two) = Stack::with_providers(Options::default()).await;
    stack.api.add_workspace("team", json!([{"name": "team rule", "target": "two/large"}])).await;
    let rows = [
        ("/v1/mux/chat/completions", "x", "default", "one/mini"),
        ("/v1/mux/v1/chat/completions", "two/large", "default", "one/mini"),
        ("/v1/chat/completions", "mux", "default", "one/mini"),
        ("/v1/chat/completions", "two/any/model", "default", "two/any/model"),
        ("/w/team/v1/mux/chat/completions", "x", "team", "two/large"),
        ("/w/team/v1/chat/completions", "mux", "team", "two/large"),
        ("/w/Team/v1/mux/v1/chat/completions", "x", "team", "two/large"),
        ("/s/default/v1/mux/chat/completions", "x", "default", "one/mini"),
        ("/s/default/v1/chat/completions?a=b", "one/other", "default", "one/other"),
    ];
    for (path, model, workspace, target) in rows {
        let reply = stack.send(path, json!({"model": model, "messages": []})).await;
        assert_eq!(reply.status, 200, "{path} {model}: {}", reply.text());
        assert_eq!(reply.header("x-muxspace-workspace"), workspace, "{path} {model}");
        assert_eq!(reply.header("x-muxspace-target"), target, "{path} {model}");
        assert_eq!(reply.json()["model"], target.split_once('/').expect("provider/model").1, "{path} {model}");
        let is_by_rule = path.contains("/mux/") || model == "mux";
        assert_eq!(!reply.header("x-muxspace-rule").is_empty(), is_by_rule, "{path} {model}");
    }

    stack.api.activate("team").await;
    let reply = stack.prompt("hi").await;
    assert_eq!((reply.header("x-muxspace-workspace"), reply.header("x-muxspace-target")), ("team", "two/large"));

    for (path, model, code) in [
        ("/v1/chat/completions", "nobody/x", "model_not_found"),
        ("/v1/chat/completions", "unheard-of", "model_not_found"),
        ("/w/nobody/v1/mux/chat/completions", "x", "unknown_workspace"),
        ("/s/nobody/v1/mux/chat/completions", "x", "unknown_session"),
    ] {
        let reply = stack.send(path, json!({"model": model, "messages": []})).await;
        assert_eq!((reply.status.as_u16(), reply.error_code().as_str()), (404, code), "{path} {model}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_listed_by_the_filter() {
    let (stack, one, _two) = Stack::with_providers(Options::default()).await;
    for path in ["/v1/mux/models", "/v1/models", "/v1/mux/v1/models", "/w/default/v1/models"] {
        let reply = stack.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        let list = reply.json();
        assert_eq!(list["object"], "list", "{path}");
        let ids: Vec<&str> =
            list["data"].as_array().into_iter().flatten().filter_map(|model| model["id"].as_str()).collect();
        assert_eq!(ids, ["mux", "one/mini"], "{path}");
    }
    assert_eq!(one.prompts().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_serves_its_open_pages() {
    let (stack, _one, _two) = Stack::with_providers(Options::default()).await;
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
        let (status, body) = stack.api.get_open(path).await;
        assert_eq!(status, 200, "{path}: {body}");
    }
    let (status, _) = stack.api.get_open("/api/v1/providers").await;
    assert_eq!(status, 401, "the API asks for a token");
    let providers = stack.api.get("/providers").await;
    assert!(!providers.to_string().contains("key-of-"), "a key is shown: {providers}");
    let nodes = stack.api.nodes().await;
    let revisions: Vec<Value> = nodes.iter().map(|node| node["revision_acked"].clone()).collect();
    assert!(revisions.iter().all(|revision| revision.as_u64() > Some(0)), "{nodes:?}");
}

//! `/api/v1/workspaces/{name}/models`

use mux::config::Name;
use serde_json::{Value, json};

use crate::support::{Api, model_server};

const MODELS: &str = "/api/v1/workspaces/default/models";
const DEPLOYMENTS: &str = "/api/v1/workspaces/default/deployments";
const RULES: &str = "/api/v1/workspaces/default/rules";

fn at(alias: &str) -> String {
    format!("{MODELS}/{alias}")
}

async fn api_with(aliases: &[&str]) -> Api {
    let api = Api::with_provider().await;
    for alias in aliases {
        api.post(MODELS, json!({"alias": alias, "model": format!("p/{alias}")})).await.expect(201);
    }
    api
}

/// The aliases that a filter would know.
async fn sent(api: &Api) -> Vec<String> {
    let revision = *api.store.committed().borrow();
    api.published(revision).await;
    let default: Name = "default".parse().unwrap();
    let snapshot = api.publisher.snapshot_for(std::slice::from_ref(&default), &[], None).unwrap();
    let mut names: Vec<_> = snapshot.workspace("default").unwrap().models.keys().map(ToString::to_string).collect();
    names.sort();
    names
}

#[tokio::test]
async fn models_are_added_changed_listed_and_removed() {
    let api = Api::with_provider().await;
    assert_eq!(api.get(MODELS).await.expect(200).json, json!({"items": [], "next_cursor": null}));
    let made = api.post(MODELS, json!({"alias": "fast", "model": "p/vendor/mini"})).await.expect(201);
    let fast = json!({"alias": "fast", "model": "p/vendor/mini", "enabled": true, "requests_per_minute": null});
    assert_eq!(made.json, fast);
    assert_eq!(made.revision(), 3);
    let other = json!({"alias": "Llama3.1:8b", "model": "p/llama", "enabled": false, "requests_per_minute": 60});
    assert_eq!(api.post(MODELS, other.clone()).await.expect(201).json, other);
    assert_eq!(api.get(MODELS).await.expect(200).items(), [other, fast.clone()]);
    assert_eq!(sent(&api).await, ["Llama3.1:8b", "fast"]);

    let changed = api.patch(&at("fast"), json!({"enabled": false, "requests_per_minute": 5})).await.expect(200);
    let expected = json!({"alias": "fast", "model": "p/vendor/mini", "enabled": false, "requests_per_minute": 5});
    assert_eq!(changed.json, expected);
    let same = api.patch(&at("fast"), changed.json.clone()).await.expect(200);
    assert_eq!(same.revision(), changed.revision(), "what is read can be sent, and is no change");
    let cleared = json!({"enabled": true, "requests_per_minute": null});
    assert_eq!(api.patch(&at("fast"), cleared).await.expect(200).json, fast);
    let waited = api.patch(&format!("{}?wait=applied", at("Llama3.1%3A8b")), json!({"model": "p/m"})).await.expect(200);
    assert_eq!(waited.headers["x-muxspace-lagging-nodes"], "none");

    let gone = api.delete(&at("fast")).await.expect(204);
    assert_eq!(gone.revision(), waited.revision() + 1);
    api.delete(&at("fast")).await.expect_problem(404, "not_found");
    assert_eq!(sent(&api).await, ["Llama3.1:8b"]);
}

#[tokio::test]
async fn a_refused_model_changes_nothing() {
    let api = api_with(&["kept"]).await;
    let before = *api.store.committed().borrow();
    let fine = |more: Value| {
        let mut body = json!({"alias": "a", "model": "p/m"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let rows: [(Value, &[&str]); 12] = [
        (fine(json!({"alias": "mux"})), &["/alias"]),
        (fine(json!({"alias": "requested"})), &["/alias"]),
        (fine(json!({"alias": "p/m"})), &["/alias"]),
        (fine(json!({"alias": ""})), &["/alias"]),
        (fine(json!({"alias": "a".repeat(64), "model": "m"})), &["/alias", "/model"]),
        (fine(json!({"model": "p/"})), &["/model"]),
        (fine(json!({"model": "none/m"})), &["/model"]),
        (fine(json!({"requests_per_minute": 0})), &["/requests_per_minute"]),
        (fine(json!({"requests_per_minute": -1})), &["/requests_per_minute"]),
        (fine(json!({"enabled": 1})), &["/enabled"]),
        (fine(json!({"weight": 1})), &["/weight"]),
        (json!([fine(json!({}))]), &[""]),
    ];
    for (body, pointers) in rows {
        let answer = api.post(MODELS, body.clone()).await;
        assert_eq!(answer.expect_problem(400, "invalid_request"), pointers, "{body}");
    }
    for (body, pointer) in [
        (json!({"alias": "a b"}), "/alias"),
        (json!({"model": "none/m"}), "/model"),
        (json!({"requests_per_minute": 0}), "/requests_per_minute"),
        (json!({"cache": true}), "/cache"),
    ] {
        assert_eq!(api.patch(&at("kept"), body).await.expect_problem(400, "invalid_request"), [pointer]);
    }
    api.post(MODELS, json!({"alias": "kept", "model": "p/m"})).await.expect_problem(409, "name_taken");
    for path in ["/api/v1/workspaces/none/models", "/api/v1/workspaces/a%20b/models"] {
        api.get(path).await.expect_problem(404, "not_found");
        api.post(path, fine(json!({}))).await.expect_problem(404, "not_found");
    }
    api.patch(&at("none"), json!({})).await.expect_problem(404, "not_found");
    api.delete(&at("a%20b")).await.expect_problem(404, "not_found");
    api.delete(&format!("{}?forced=true", at("kept"))).await.expect_problem(400, "invalid_query");
    assert_eq!(*api.store.committed().borrow(), before);
}

#[tokio::test]
async fn lists_page() {
    let api = api_with(&["a", "b", "c", "d", "e"]).await;
    let first = api.get(&format!("{MODELS}?limit=3")).await.expect(200);
    let second = format!("{MODELS}?limit=3&cursor={}", first.json["next_cursor"].as_str().unwrap());
    let second = api.get(&second).await.expect(200);
    let aliases: Vec<_> = first.items().iter().chain(second.items()).map(|item| item["alias"].clone()).collect();
    assert_eq!(aliases, ["a", "b", "c", "d", "e"]);
    assert!(second.json["next_cursor"].is_null());
    api.get(&format!("{MODELS}?limit=501")).await.expect_problem(400, "invalid_query");
}

#[tokio::test]
async fn a_new_alias_is_carried_into_what_uses_the_model() {
    let api = api_with(&["a", "b"]).await;
    api.post(DEPLOYMENTS, json!({"name": "d", "targets": [{"model": "a"}, {"model": "b"}]})).await.expect(201);
    api.put(RULES, json!([{"name": "r", "target": "a"}])).await.expect(200);
    api.patch(&at("a"), json!({"alias": "b"})).await.expect_problem(409, "name_taken");
    api.patch(&at("a"), json!({"alias": "d"})).await.expect_problem(409, "name_taken");
    assert_eq!(api.patch(&at("a"), json!({"alias": "A"})).await.expect(200).json["alias"], "A");
    assert_eq!(api.get(RULES).await.expect(200).items(), [json!({"name": "r", "when": {}, "target": "A"})]);
    let targets = api.get(&format!("{DEPLOYMENTS}/d")).await.expect(200).json["targets"].clone();
    assert_eq!(targets, json!([{"model": "A", "weight": 1}, {"model": "b", "weight": 1}]));
    assert_eq!(sent(&api).await, ["A", "b"]);
}

#[tokio::test]
async fn one_that_is_used_goes_by_force_alone() {
    let api = api_with(&["a", "b"]).await;
    api.post(DEPLOYMENTS, json!({"name": "d", "targets": [{"model": "a"}, {"model": "b"}]})).await.expect(201);
    api.post(DEPLOYMENTS, json!({"name": "lone", "targets": [{"model": "a"}]})).await.expect(201);
    let rules = json!([{"name": "r", "target": "a"}, {"name": "s", "target": "lone"}, {"name": "t", "target": "d"}]);
    api.put(RULES, rules.clone()).await.expect(200);
    let refused = api.delete(&at("a")).await;
    let used_by = json!([
        {"workspace": "default", "rule": "r"},
        {"workspace": "default", "deployment": "d"},
        {"workspace": "default", "deployment": "lone"},
    ]);
    assert_eq!(refused.json["used_by"], used_by);
    let detail = refused.json["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("rule `r` of workspace `default`") && detail.contains("?force=true"), "{detail}");
    refused.expect_problem(409, "in_use");
    api.delete(&format!("{}?force=true", at("a"))).await.expect(204);
    let marks = |items: &[Value]| -> Vec<bool> { items.iter().map(|item| item["broken"] == true).collect() };
    assert_eq!(marks(api.get(RULES).await.expect(200).items()), [true, true, false]);
    let listed = api.get(DEPLOYMENTS).await.expect(200);
    assert_eq!(marks(listed.items()), [false, true]);
    assert_eq!(marks(listed.items()[0]["targets"].as_array().unwrap()), [true, false]);
    api.put(RULES, rules).await.expect_problem(400, "invalid_request");
    api.post(MODELS, json!({"alias": "a", "model": "p/m"})).await.expect(201);
    assert_eq!(marks(api.get(RULES).await.expect(200).items()), [false, false, false], "it is whole again");
}

#[tokio::test]
async fn a_provider_takes_its_models_along() {
    let api = api_with(&["a"]).await;
    api.post(DEPLOYMENTS, json!({"name": "d", "targets": [{"model": "a"}]})).await.expect(201);
    api.patch("/api/v1/providers/p", json!({"name": "q"})).await.expect(200);
    assert_eq!(api.get(MODELS).await.expect(200).items()[0]["model"], "q/a");
    let refused = api.delete("/api/v1/providers/q").await;
    assert_eq!(refused.json["used_by"], json!([{"workspace": "default", "model": "a"}]));
    refused.expect_problem(409, "in_use");
    assert_eq!(sent(&api).await, ["a"]);
    api.delete("/api/v1/providers/q?force=true").await.expect(204);
    let model = api.get(MODELS).await.expect(200).items()[0].clone();
    assert_eq!((&model["model"], &model["broken"]), (&json!("q/a"), &json!(true)));
    assert_eq!(api.get(&format!("{DEPLOYMENTS}/d")).await.expect(200).json["broken"], true);
    assert!(sent(&api).await.is_empty());
    let switched = api.patch(&at("a"), json!({"enabled": false})).await.expect(200);
    assert_eq!(switched.json["broken"], true, "a broken one can be changed");
    let provider = json!({"name": "q", "type": "openai", "endpoint": "http://127.0.0.1:9/v1"});
    api.post("/api/v1/providers", provider).await.expect(201);
    assert_eq!(sent(&api).await, ["a"]);
}

#[tokio::test]
async fn a_model_in_use_outlives_its_listing() {
    let api = Api::start().await;
    let endpoint = model_server(200, r#"{"data": [{"id": "one"}, {"id": "two"}]}"#).await;
    let provider = json!({"name": "p", "type": "openai", "endpoint": endpoint});
    api.post("/api/v1/providers", provider).await.expect(201);
    api.post(MODELS, json!({"alias": "a", "model": "p/one"})).await.expect(201);
    let emptier = model_server(200, r#"{"data": [{"id": "three"}]}"#).await;
    api.patch("/api/v1/providers/p", json!({"endpoint": emptier})).await.expect(200);
    let listed = api.get("/api/v1/providers/p/models").await.expect(200);
    let models: Vec<_> = listed.items().iter().map(|item| (item["id"].clone(), item["missing"] == true)).collect();
    assert_eq!(models, [(json!("one"), true), (json!("three"), false)]);
}

#[tokio::test]
async fn who_changed_what_is_kept() {
    let api = api_with(&["a"]).await;
    api.patch(&at("a"), json!({"alias": "b"})).await.expect(200);
    api.delete(&at("b")).await.expect(204);
    let audit = api.get("/api/v1/audit?kind=workspace&name=default").await.expect(200);
    let actions: Vec<_> = audit.items().iter().take(3).map(|entry| entry["action"].clone()).collect();
    assert_eq!(actions, ["remove_model", "rename_model", "add_model"]);
    let shown = json!({"model": {"alias": "a", "model": "p/a", "enabled": true}});
    assert_eq!((&audit.items()[1]["before"], &audit.items()[2]["after"]), (&shown, &shown));
}

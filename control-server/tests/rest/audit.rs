//! `/api/v1/audit`

use serde_json::{Value, json};

use crate::support::Api;

/// Action, kind and name of each item.
fn what(items: &[Value]) -> Vec<String> {
    let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
    items.iter().map(|item| ["action", "kind", "name"].map(|field| text(item, field)).join(" ")).collect()
}

#[tokio::test]
async fn every_write_is_told_newest_first() {
    let api = Api::start().await;
    let workspaces = "/api/v1/workspaces";
    api.post(workspaces, json!({"name": "w", "rules": [{"target": "requested"}]})).await.expect(201);
    api.put("/api/v1/workspaces/w/rules", json!([])).await.expect(200);
    api.put("/api/v1/workspaces/w/rules", json!([])).await.expect(200);
    api.put("/api/v1/workspaces/w/instructions", json!({"text": "i"})).await.expect(200);
    let renamed = api.patch("/api/v1/workspaces/w", json!({"name": "v"})).await.expect(200);
    api.post("/api/v1/workspaces/v/activate", json!({})).await.expect(200);
    api.post("/api/v1/sessions", json!({"id": "s", "active_workspace": "v"})).await.expect(201);
    api.patch("/api/v1/sessions/s", json!({"label": "l"})).await.expect(200);
    api.delete("/api/v1/sessions/s").await.expect(204);
    api.post("/api/v1/workspaces/default/activate", json!({})).await.expect(200);
    api.post("/api/v1/workspaces/v/archive", json!({})).await.expect(200);
    api.post("/api/v1/workspaces/v/recover", json!({})).await.expect(200);
    let document = json!({"apiVersion": "muxspace/v1", "kind": "Workspace", "metadata": {"name": "v"}});
    api.post("/api/v1/workspaces/import?mode=replace", document).await.expect(200);
    api.post("/api/v1/workspaces/v/archive", json!({})).await.expect(200);
    api.delete("/api/v1/workspaces/v").await.expect(204);

    let all = api.get("/api/v1/audit?kind=workspace").await.expect(200);
    let expected = [
        "delete workspace v",
        "archive workspace v",
        "import workspace v",
        "recover workspace v",
        "archive workspace v",
        "rename workspace v",
        "update workspace w",
        "replace_rules workspace w",
        "create workspace w",
    ];
    assert_eq!(what(all.items()), expected);
    let sessions = api.get("/api/v1/audit?kind=session").await.expect(200);
    let expected = [
        "activate session default",
        "delete session s",
        "update session s",
        "create session s",
        "activate session default",
    ];
    assert_eq!(what(sessions.items()), expected);

    let rename = &all.items()[5];
    assert_eq!((&rename["before"]["name"], &rename["after"]["name"]), (&json!("w"), &json!("v")));
    assert_eq!((&rename["actor"], &rename["revision"]), (&json!("admin"), &json!(renamed.revision())));
    assert!(rename["at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(all.items()[7]["before"], json!({"rules": [{"name": "rule-1", "target": "requested"}]}));
    assert_eq!(all.items()[7]["after"], json!({"rules": []}));
    assert_eq!((&all.items()[0]["after"], &all.items()[8]["before"]), (&Value::Null, &Value::Null));
    assert_eq!(all.items()[0]["before"]["custom_instructions"], "");
}

#[tokio::test]
async fn the_log_pages_and_filters() {
    let api = Api::start().await;
    for number in 0..5 {
        api.post("/api/v1/workspaces", json!({"name": format!("w{number}")})).await.expect(201);
    }
    let first = api.get("/api/v1/audit?limit=3").await.expect(200);
    assert_eq!(what(first.items()), ["create workspace w4", "create workspace w3", "create workspace w2"]);
    let cursor = first.json["next_cursor"].as_str().unwrap();
    let second = api.get(&format!("/api/v1/audit?limit=3&cursor={cursor}")).await.expect(200);
    assert_eq!(what(second.items()), ["create workspace w1", "create workspace w0"]);
    assert!(second.json["next_cursor"].is_null());
    assert_eq!(api.get("/api/v1/audit?name=W3").await.expect(200).items().len(), 1);
    assert_eq!(api.get("/api/v1/audit?kind=session").await.expect(200).items().len(), 0);
    assert_eq!(api.get("/api/v1/audit?to=2026-01-01").await.expect(200).items().len(), 0);
    assert_eq!(api.get("/api/v1/audit?from=2026-01-01").await.expect(200).items().len(), 5);
    for query in ["from=today", "to=x", "colour=1", "limit=0", "cursor=%25"] {
        api.get(&format!("/api/v1/audit?{query}")).await.expect_problem(400, "invalid_query");
    }
}

#[tokio::test]
async fn a_refused_write_is_not_told() {
    let api = Api::start().await;
    api.post("/api/v1/workspaces", json!({"name": "w", "rules": [{"target": "none/m"}]})).await.expect(400);
    api.delete("/api/v1/workspaces/default").await.expect(409);
    let document = json!({"apiVersion": "muxspace/v1", "kind": "Workspace", "metadata": {"name": "w"}});
    api.post("/api/v1/workspaces/import?dry_run=true", document).await.expect(200);
    assert!(api.get("/api/v1/audit").await.expect(200).items().is_empty());
}

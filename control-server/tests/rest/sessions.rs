//! `/api/v1/sessions`

use serde_json::json;

use crate::support::Api;

#[tokio::test]
async fn the_default_session_is_there() {
    let api = Api::start().await;
    let listed = api.get("/api/v1/sessions").await.expect(200);
    assert_eq!(listed.items().len(), 1);
    let session = api.get("/api/v1/sessions/default").await.expect(200).json;
    assert_eq!(listed.items()[0], session);
    assert_eq!(session["id"], "default");
    assert_eq!(session["active_workspace"], "default");
    assert!(session["last_update"].as_str().unwrap().ends_with('Z'));
    assert!(session["last_seen"].is_null());
    api.get("/api/v1/sessions/other").await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn sessions_are_made_changed_and_removed() {
    let api = Api::start().await;
    api.post("/api/v1/workspaces", json!({"name": "w"})).await.expect(201);
    let body = json!({"id": "Laptop", "label": "mine", "active_workspace": "W"});
    let made = api.post("/api/v1/sessions", body).await.expect(201);
    assert_eq!(made.json["id"], "laptop");
    assert_eq!((&made.json["label"], &made.json["active_workspace"]), (&json!("mine"), &json!("w")));
    assert_eq!(api.get("/api/v1/sessions/LAPTOP").await.expect(200).json, made.json);
    assert_eq!(api.get("/api/v1/workspaces/w").await.json["active_in"], json!(["laptop"]));
    let random = api.post("/api/v1/sessions", json!({"active_workspace": "w"})).await.expect(201);
    assert_eq!(random.json["label"], "");
    let listed = api.get("/api/v1/workspaces").await;
    assert_eq!(listed.items()[1]["active_in"].as_array().unwrap().len(), 2);

    let path = "/api/v1/sessions/laptop";
    let changed = api.patch(path, json!({"active_workspace": "default"})).await.expect(200);
    assert_eq!((&changed.json["label"], &changed.json["active_workspace"]), (&json!("mine"), &json!("default")));
    let cleared = api.patch(path, json!({"label": ""})).await.expect(200);
    assert_eq!((&cleared.json["label"], cleared.revision()), (&json!(""), changed.revision() + 1));
    let same = json!({"label": "", "active_workspace": "default"});
    assert_eq!(api.patch(path, same).await.expect(200).revision(), cleared.revision(), "nothing changed");
    assert_eq!(api.delete(path).await.expect(204).revision(), cleared.revision() + 1);
    api.get(path).await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn refused_sessions_change_nothing() {
    let api = Api::start().await;
    api.post("/api/v1/workspaces", json!({"name": "old"})).await.expect(201);
    let before = api.post("/api/v1/workspaces/old/archive", json!({})).await.expect(200).revision();
    let long = "x".repeat(257);
    let rows = [
        (json!({"id": "a b", "active_workspace": "default"}), "/id"),
        (json!({"id": "s", "active_workspace": "none"}), "/active_workspace"),
        (json!({"id": "s", "active_workspace": "default", "label": long}), "/label"),
        (json!({"id": "s", "active_workspace": "default", "label": "a\nb"}), "/label"),
        (json!({"id": "s", "active_workspace": "default", "colour": 1}), "/colour"),
    ];
    for (body, pointer) in rows {
        assert_eq!(api.post("/api/v1/sessions", body).await.expect_problem(400, "invalid_request"), [pointer]);
    }
    let archived = || json!({"id": "s", "active_workspace": "old"});
    api.post("/api/v1/sessions", archived()).await.expect_problem(409, "workspace_archived");
    let taken = json!({"id": "Default", "active_workspace": "default"});
    api.post("/api/v1/sessions", taken).await.expect_problem(409, "name_taken");
    api.get("/api/v1/sessions/s").await.expect_problem(404, "not_found");

    let path = "/api/v1/sessions/default";
    let both = json!({"label": "new", "active_workspace": "old"});
    api.patch(path, both).await.expect_problem(409, "workspace_archived");
    let none = api.patch(path, json!({"active_workspace": "none"})).await;
    assert_eq!(none.expect_problem(400, "invalid_request"), ["/active_workspace"]);
    assert_eq!(api.patch(path, json!({"id": "x"})).await.expect_problem(400, "invalid_request"), ["/id"]);
    api.patch("/api/v1/sessions/none", json!({})).await.expect_problem(404, "not_found");
    api.delete(path).await.expect_problem(409, "always_exists");
    api.delete("/api/v1/sessions/none").await.expect_problem(404, "not_found");
    assert_eq!(api.get(path).await.json["label"], "");
    assert_eq!(*api.store.committed().borrow(), before);
}

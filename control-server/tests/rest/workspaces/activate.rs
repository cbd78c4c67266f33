//! `/api/v1/workspaces/{name}/activate`

use serde_json::json;

use crate::support::Api;

#[tokio::test]
async fn a_workspace_becomes_active_in_the_default_session() {
    let api = Api::start().await;
    let made = api.post("/api/v1/workspaces", json!({"name": "w"})).await.expect(201).revision();
    let session = api.raw("POST", "/api/v1/workspaces/w/activate", "").await.expect(200);
    assert_eq!((&session.json["id"], &session.json["active_workspace"]), (&json!("default"), &json!("w")));
    assert_eq!(session.revision(), made + 1);
    let again = api.post("/api/v1/workspaces/w/activate", json!({"session": "default"})).await.expect(200);
    assert_eq!(again.revision(), made + 1, "nothing changed");
    assert_eq!(api.get("/api/v1/workspaces/w").await.json["active_in"], json!(["default"]));
    assert_eq!(api.get("/api/v1/workspaces/default").await.json["active_in"], json!([]));
}

#[tokio::test]
async fn an_answer_can_wait_for_the_nodes() {
    let api = Api::start().await;
    api.post("/api/v1/workspaces", json!({"name": "w"})).await.expect(201);
    let answer = api.post("/api/v1/workspaces/w/activate?wait=applied", json!({})).await.expect(200);
    assert_eq!(answer.headers["x-muxspace-lagging-nodes"], "none", "no node is connected");
    api.post("/api/v1/workspaces/w/activate?wait=long", json!({})).await.expect_problem(400, "invalid_query");
}

#[tokio::test]
async fn what_is_not_there_cannot_be_activated() {
    let api = Api::start().await;
    api.post("/api/v1/workspaces/none/activate", json!({})).await.expect_problem(404, "not_found");
    let other = json!({"session": "other"});
    api.post("/api/v1/workspaces/default/activate", other).await.expect_problem(404, "not_found");
    let bad = api.post("/api/v1/workspaces/default/activate", json!({"session": "a b"})).await;
    assert_eq!(bad.expect_problem(400, "invalid_request"), ["/session"]);
}

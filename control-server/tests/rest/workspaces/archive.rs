//! `/api/v1/workspaces/{name}/archive`, `/recover`, and `DELETE`

use serde_json::json;

use crate::support::Api;

#[tokio::test]
async fn an_archived_workspace_rests_and_comes_back_whole() {
    let api = Api::with_provider().await;
    let body = json!({"name": "w", "custom_instructions": "i", "rules": [{"target": "p/m"}]});
    let made = api.post("/api/v1/workspaces", body).await.expect(201);
    let archived = api.raw("POST", "/api/v1/workspaces/W/archive", "").await.expect(200);
    assert!(archived.json["archived_at"].as_str().unwrap().ends_with('Z'));
    let again = api.post("/api/v1/workspaces/w/archive", json!({})).await.expect(200);
    assert_eq!((again.revision(), &again.json), (archived.revision(), &archived.json));
    let names = |answer: &crate::support::Answer| -> Vec<_> {
        answer.items().iter().map(|item| item["name"].clone()).collect()
    };
    assert_eq!(names(&api.get("/api/v1/workspaces").await), ["default"]);
    assert_eq!(names(&api.get("/api/v1/workspaces?archived=true").await), ["w"]);
    api.post("/api/v1/workspaces/w/activate", json!({})).await.expect_problem(409, "workspace_archived");

    let taken = api.post("/api/v1/workspaces", json!({"name": "w"})).await;
    assert!(taken.json["detail"].as_str().unwrap().contains("/workspaces/w/recover"), "{}", taken.json);
    taken.expect_problem(409, "name_taken");
    api.post("/api/v1/workspaces", json!({"name": "v"})).await.expect(201);
    api.patch("/api/v1/workspaces/v", json!({"name": "w"})).await.expect_problem(409, "name_taken");

    let recovered = api.post("/api/v1/workspaces/w/recover", json!({})).await.expect(200);
    for field in ["custom_instructions", "rules", "settings", "created_at"] {
        assert_eq!(recovered.json[field], made.json[field]);
    }
    assert!(recovered.json["archived_at"].is_null());
    let again = api.post("/api/v1/workspaces/w/recover", json!({})).await.expect(200);
    assert_eq!(again.revision(), recovered.revision(), "nothing changed");
    api.post("/api/v1/workspaces/w/activate", json!({})).await.expect(200);
}

#[tokio::test]
async fn what_is_in_use_is_not_archived() {
    let api = Api::start().await;
    api.post("/api/v1/workspaces/default/archive", json!({})).await.expect_problem(409, "always_exists");
    api.post("/api/v1/workspaces/none/archive", json!({})).await.expect_problem(404, "not_found");
    api.post("/api/v1/workspaces/none/recover", json!({})).await.expect_problem(404, "not_found");
    api.post("/api/v1/workspaces", json!({"name": "w"})).await.expect(201);
    api.post("/api/v1/sessions", json!({"id": "laptop", "active_workspace": "w"})).await.expect(201);
    let refused = api.post("/api/v1/workspaces/w/archive", json!({})).await;
    assert!(refused.json["detail"].as_str().unwrap().contains("`laptop`"), "{}", refused.json);
    refused.expect_problem(409, "workspace_active");
    api.delete("/api/v1/sessions/laptop").await.expect(204);
    api.post("/api/v1/workspaces/w/archive", json!({})).await.expect(200);
}

#[tokio::test]
async fn only_an_archived_workspace_is_deleted() {
    let api = Api::start().await;
    api.delete("/api/v1/workspaces/default").await.expect_problem(409, "always_exists");
    api.delete("/api/v1/workspaces/none").await.expect_problem(404, "not_found");
    api.post("/api/v1/workspaces", json!({"name": "w"})).await.expect(201);
    api.delete("/api/v1/workspaces/w").await.expect_problem(409, "workspace_not_archived");
    let archived = api.post("/api/v1/workspaces/w/archive", json!({})).await.expect(200).revision();
    let deleted = api.delete("/api/v1/workspaces/w").await.expect(204);
    assert_eq!(deleted.revision(), archived + 1);
    api.get("/api/v1/workspaces/w").await.expect_problem(404, "not_found");
    api.post("/api/v1/workspaces", json!({"name": "w"})).await.expect(201);
}

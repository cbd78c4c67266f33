//! `/api/v1/providers/{name}/models`

use serde_json::json;

use crate::support::{Api, model_server};

#[tokio::test]
async fn models_are_those_that_were_listed() {
    let api = Api::start().await;
    let endpoint = model_server(200, r#"{"object":"list","data":[{"id":"b"},{"id":"a/x"},{"id":"b"}]}"#).await;
    api.post("/api/v1/providers", json!({"name": "p", "type": "openai", "endpoint": endpoint})).await.expect(201);
    let listed = api.get("/api/v1/providers/p/models").await.expect(200);
    assert_eq!(listed.items(), [json!({"id": "a/x", "provider": "p"}), json!({"id": "b", "provider": "p"})]);
    api.get("/api/v1/providers/none/models").await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn one_that_vanished_stays_while_a_rule_uses_it() {
    let api = Api::start().await;
    let body =
        json!({"name": "p", "type": "openai", "endpoint": "http://127.0.0.1:9/v1", "models": ["used", "unused"]});
    api.post("/api/v1/providers", body).await.expect(201);
    assert_eq!(api.get("/api/v1/providers/p/models").await.items().len(), 2, "those that were given");
    api.put("/api/v1/workspaces/default/rules", json!([{"target": "p/used"}])).await.expect(200);

    let unanswered = api.post("/api/v1/providers/p/models/refresh", json!({})).await.expect(200);
    assert_eq!(unanswered.items().len(), 2, "no answer takes nothing away");
    assert_eq!(api.get("/api/v1/providers/p").await.json["status"]["reachable"], false);

    let endpoint = model_server(200, r#"{"data":[{"id":"new"}]}"#).await;
    api.patch("/api/v1/providers/p", json!({"endpoint": endpoint})).await.expect(200);
    let refreshed = api.post("/api/v1/providers/p/models/refresh", json!({})).await.expect(200);
    let expected = [json!({"id": "new", "provider": "p"}), json!({"id": "used", "provider": "p", "missing": true})];
    assert_eq!(refreshed.items(), expected);
    api.post("/api/v1/providers/none/models/refresh", json!({})).await.expect_problem(404, "not_found");
}

//! `/api/v1/workspaces/{name}/instructions`

use serde_json::json;

use crate::support::Api;

const INSTRUCTIONS: &str = "/api/v1/workspaces/default/instructions";

#[tokio::test]
async fn instructions_are_put_read_and_cleared() {
    let api = Api::start().await;
    assert_eq!(api.get(INSTRUCTIONS).await.expect(200).json, json!({"text": ""}));
    let put = api.put(INSTRUCTIONS, json!({"text": "Be brief.\n"})).await.expect(200);
    assert_eq!(put.json, json!({"text": "Be brief.\n"}));
    assert_eq!(api.get(INSTRUCTIONS).await.json, put.json);
    assert_eq!(api.get("/api/v1/workspaces/default").await.json["custom_instructions"], "Be brief.\n");
    assert_eq!(api.put(INSTRUCTIONS, put.json.clone()).await.expect(200).revision(), put.revision());
    api.put(INSTRUCTIONS, json!({"text": ""})).await.expect(200);
    assert_eq!(api.get(INSTRUCTIONS).await.json, json!({"text": ""}));
}

#[tokio::test]
async fn refused_instructions_change_nothing() {
    let api = Api::start().await;
    api.put(INSTRUCTIONS, json!({"text": "x".repeat(65_536)})).await.expect(200);
    let rows = [
        (json!({"text": "x".repeat(65_537)}), "/text"),
        (json!({"text": 1}), "/text"),
        (json!({"text": "", "more": 1}), "/more"),
    ];
    for (body, pointer) in rows {
        assert_eq!(api.put(INSTRUCTIONS, body).await.expect_problem(400, "invalid_request"), [pointer]);
    }
    assert_eq!(api.get(INSTRUCTIONS).await.json["text"].as_str().unwrap().len(), 65_536);
    let text = json!({"text": ""});
    api.put("/api/v1/workspaces/none/instructions", text).await.expect_problem(404, "not_found");
    api.get("/api/v1/workspaces/none/instructions").await.expect_problem(404, "not_found");
}

//! `/api/v1/workspaces/{name}/lint`

use serde_json::json;

use crate::support::{Api, model_server};

const LINT: &str = "/api/v1/workspaces/default/lint";

#[tokio::test]
async fn findings_point_at_rules() {
    let api = Api::with_provider().await;
    let endpoint = model_server(200, r#"{"data": [{"id": "known"}]}"#).await;
    let lists = json!({"name": "lists", "type": "openai", "endpoint": endpoint});
    api.post("/api/v1/providers", lists).await.expect(201);
    let gone = json!({"name": "gone", "type": "openai", "endpoint": "http://127.0.0.1:9/v1"});
    api.post("/api/v1/providers", gone).await.expect(201);
    let rules = json!([
        {"name": "docs", "when": {"file": "*.md"}, "target": "lists/known"},
        {"name": "readme", "when": {"file": ["README.md", "*.md"], "tools": true}, "target": "p/any"},
        {"name": "typo", "when": {"file": "*.rs"}, "target": "lists/unknown"},
        {"name": "broken", "target": "gone/m"},
    ]);
    api.put("/api/v1/workspaces/default/rules", rules).await.expect(200);
    api.delete("/api/v1/providers/gone?force=true").await.expect(204);
    let linted = api.get(LINT).await.expect(200);
    let found: Vec<_> = linted
        .items()
        .iter()
        .map(|item| {
            assert!(!item["detail"].as_str().unwrap().is_empty());
            let text = |field: &str| item[field].as_str().unwrap_or("-").to_owned();
            (text("code"), text("severity"), text("rule"), text("pointer"))
        })
        .collect();
    let expected = [
        ("shadowed", "warning", "readme", "/rules/1/when/file/1"),
        ("missing_model", "warning", "typo", "/rules/2/target"),
        ("broken_target", "error", "broken", "/rules/3/target"),
        ("no_catch_all", "info", "-", "/rules"),
    ];
    let expected = expected.map(|(a, b, c, d)| (a.to_owned(), b.to_owned(), c.to_owned(), d.to_owned()));
    assert_eq!(found, expected);
    api.get("/api/v1/workspaces/none/lint").await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn sound_rules_have_no_findings() {
    let api = Api::with_provider().await;
    let rules = json!([{"when": {"file": "*.md"}, "target": "p/m"}, {"target": "p/m"}]);
    api.put("/api/v1/workspaces/default/rules", rules).await.expect(200);
    assert!(api.get(LINT).await.expect(200).items().is_empty());
}

//! `/api/v1/workspaces/{name}/rules`

use serde_json::{Value, json};

use crate::support::Api;

const RULES: &str = "/api/v1/workspaces/default/rules";

#[tokio::test]
async fn rules_are_replaced_whole_and_read_in_order() {
    let api = Api::with_provider().await;
    let rules = json!([
        {"name": "docs", "when": {"file": "*.md"}, "target": "p/mini"},
        {"when": {"file": [".js", "src/**/*.ts"]}, "target": "p/vendor/large"},
        {"when": {}, "target": "requested"},
    ]);
    let put = api.put(RULES, json!({"rules": rules})).await.expect(200);
    let expected = json!([
        {"name": "docs", "when": {"file": ["*.md"]}, "target": "p/mini"},
        {"name": "rule-2", "when": {"file": [".js", "src/**/*.ts"]}, "target": "p/vendor/large"},
        {"name": "rule-3", "when": {}, "target": "requested"},
    ]);
    assert_eq!(put.json, json!({"items": expected, "next_cursor": null}));
    assert_eq!(api.get(RULES).await.expect(200).json, put.json);
    assert_eq!(
        api.put(RULES, put.json.clone()).await.expect(200).revision(),
        put.revision(),
        "what is read can be sent"
    );
    assert_eq!(api.put(RULES, rules).await.expect(200).revision(), put.revision(), "a bare list");
    let cleared = api.put(RULES, json!([])).await.expect(200);
    assert!(cleared.items().is_empty());
    assert_eq!(cleared.revision(), put.revision() + 1);
    api.get("/api/v1/workspaces/none/rules").await.expect_problem(404, "not_found");
    api.put("/api/v1/workspaces/none/rules", json!([])).await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn refused_rules_change_nothing() {
    let api = Api::with_provider().await;
    let kept = api.put(RULES, json!({"rules": [{"target": "p/m"}]})).await.expect(200);
    let fine = json!({"target": "p/m"});
    let rows: Vec<(Value, &[&str])> = vec![
        (json!({"rules": [fine, fine, fine, {"target": "none/m"}]}), &["/rules/3/target"]),
        (json!({"rules": [{"target": "none/m"}, fine, {"target": "no/m"}]}), &["/rules/0/target", "/rules/2/target"]),
        (json!([fine, {"target": "none/m"}]), &["/1/target"]),
        (json!({"rules": [{"target": "p"}]}), &["/rules/0/target"]),
        (json!({"rules": [{"target": "p/"}]}), &["/rules/0/target"]),
        (json!({"rules": [{"target": ""}]}), &["/rules/0/target"]),
        (json!({"rules": [{"name": "a", "target": "p/m"}, {"name": "a", "target": "p/m"}]}), &["/rules/1/name"]),
        (json!({"rules": [{"name": "", "target": "p/m"}]}), &["/rules/0/name"]),
        (json!({"rules": [{"name": "x".repeat(129), "target": "p/m"}]}), &["/rules/0/name"]),
        (json!({"rules": [{"when": {"language": "klingon"}, "target": "p/m"}]}), &["/rules/0/when/language/0"]),
        (json!({"rules": [{"when": {"file": 1}, "target": "p/m"}]}), &["/rules/0/when/file"]),
        (json!({"rules": [{"when": {"persona": "x"}, "target": "p/m"}]}), &["/rules/0/when/persona"]),
        (json!({"rules": [{"when": {"request": "poem"}, "target": "p/m"}]}), &["/rules/0/when/request"]),
        (
            json!({"rules": [{"when": {"header": {"name": "X", "value": "["}}, "target": "p/m"}]}),
            &["/rules/0/when/header/0/name", "/rules/0/when/header/0/value"],
        ),
        (
            json!({"rules": [{"when": {"min_tokens": 2, "max_tokens": 1}, "target": "p/m"}]}),
            &["/rules/0/when/min_tokens"],
        ),
        (json!({"rules": [{"turns": "first", "target": "p/m"}]}), &["/rules/0/turns"]),
        (json!({"rules": [{"instructions": "x".repeat(65_537), "target": "p/m"}]}), &["/rules/0/instructions"]),
        (json!({"rules": [{"when": {"file": ["[a"]}, "target": "p/m"}]}), &["/rules/0/when/file/0"]),
        (json!({"rules": [{"when": {"file": [""]}, "target": "p/m"}]}), &["/rules/0/when/file/0"]),
        (json!({"rules": vec![fine.clone(); 1_001]}), &["/rules"]),
        (json!({"rules": [], "more": 1}), &["/more"]),
        (json!({"rules": "p/m"}), &["/rules"]),
    ];
    for (body, pointers) in rows {
        let answer = api.put(RULES, body.clone()).await;
        let text: String = body.to_string().chars().take(100).collect();
        assert_eq!(answer.expect_problem(400, "invalid_request"), pointers, "{text}");
    }
    api.put(RULES, json!({"rules": [{}]})).await.expect_problem(400, "invalid_request");
    let after = api.get(RULES).await.expect(200);
    assert_eq!(after.json, kept.json);
    assert_eq!(*api.store.committed().borrow(), kept.revision());
}

#[tokio::test]
async fn a_thousand_rules_fit() {
    let api = Api::with_provider().await;
    let rules = vec![json!({"when": {"file": "*.md"}, "target": "p/m"}); 1_000];
    let put = api.put(RULES, json!({"rules": rules})).await.expect(200);
    assert_eq!(put.items().len(), 1_000);
}

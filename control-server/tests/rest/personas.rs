//! `/api/v1/personas`

use serde_json::json;

use crate::support::Api;

const PERSONAS: &str = "/api/v1/personas";

#[tokio::test]
async fn a_persona_is_made_shown_changed_and_removed() {
    let api = Api::start().await;
    let body = json!({"name": "Architect", "description": "designs systems", "instructions": "Think first."});
    let made = api.post(PERSONAS, body).await.expect(201);
    assert_eq!((&made.json["name"], &made.json["description"]), (&json!("architect"), &json!("designs systems")));
    assert_eq!(made.json["instructions"], "Think first.");
    let path = "/api/v1/personas/ARCHITECT";
    assert_eq!(api.get(path).await.expect(200).json, made.json);

    let same = api.patch(path, json!({"description": "designs systems"})).await.expect(200);
    assert_eq!((same.revision(), &same.json), (made.revision(), &made.json));
    let changed = api.patch(path, json!({"name": "designer", "instructions": ""})).await.expect(200);
    assert!(changed.revision() > made.revision());
    assert_eq!((&changed.json["description"], &changed.json["instructions"]), (&json!("designs systems"), &json!("")));
    api.get(path).await.expect_problem(404, "not_found");

    api.post(PERSONAS, json!({"name": "a", "description": "b"})).await.expect(201);
    let first = api.get("/api/v1/personas?limit=1").await.expect(200);
    assert_eq!((&first.items()[0]["name"], &first.items()[0]["instructions"]), (&json!("a"), &json!("")));
    let cursor = first.json["next_cursor"].as_str().unwrap();
    let second = api.get(&format!("{PERSONAS}?limit=1&cursor={cursor}")).await.expect(200);
    assert_eq!(second.items(), std::slice::from_ref(&changed.json));

    let removed = api.delete("/api/v1/personas/designer").await.expect(204);
    assert!(removed.revision() > changed.revision());
    api.get("/api/v1/personas/designer").await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn malformed_and_taken_ones_are_refused() {
    let api = Api::start().await;
    for name in ["a", "b"] {
        api.post(PERSONAS, json!({"name": name, "description": "x"})).await.expect(201);
    }
    let long = |bytes: usize| "x".repeat(bytes);
    let rows = [
        (json!({"name": "a b", "description": "x"}), "/name"),
        (json!({"name": "c", "description": ""}), "/description"),
        (json!({"name": "c", "description": " \n"}), "/description"),
        (json!({"name": "c", "description": long(4_097)}), "/description"),
        (json!({"name": "c", "description": "x", "instructions": long(65_537)}), "/instructions"),
        (json!({"name": "c", "description": "x", "colour": 1}), "/colour"),
        (json!({"name": "c"}), ""),
    ];
    for (body, pointer) in rows {
        assert_eq!(api.post(PERSONAS, body).await.expect_problem(400, "invalid_request"), [pointer]);
    }
    for (body, pointer) in [
        (json!({"description": ""}), "/description"),
        (json!({"instructions": long(65_537)}), "/instructions"),
        (json!({"name": "-"}), "/name"),
        (json!({"colour": 1}), "/colour"),
    ] {
        assert_eq!(api.patch("/api/v1/personas/a", body).await.expect_problem(400, "invalid_request"), [pointer]);
    }
    api.post(PERSONAS, json!({"name": "A", "description": "y"})).await.expect_problem(409, "name_taken");
    api.patch("/api/v1/personas/a", json!({"name": "b"})).await.expect_problem(409, "name_taken");
    for answer in [
        api.get("/api/v1/personas/none").await,
        api.patch("/api/v1/personas/none", json!({})).await,
        api.delete("/api/v1/personas/none").await,
    ] {
        answer.expect_problem(404, "not_found");
    }
    let left = api.get(PERSONAS).await;
    let texts: Vec<_> = left.items().iter().map(|item| (&item["name"], &item["description"])).collect();
    assert_eq!(texts, [(&json!("a"), &json!("x")), (&json!("b"), &json!("x"))]);
}

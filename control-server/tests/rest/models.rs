//! `/api/v1/models`

use muxspace::domain::record::{AttemptRecord, RequestRecord, TokenUsage};
use serde_json::{Value, json};

use crate::support::{Answer, Api};

const MODELS: &str = "/api/v1/models";
const PRICE: &str = r#"{"input_micro_usd_per_mtok":7000000,"output_micro_usd_per_mtok":9000000}"#;

/// Providers `a` and `b`, each with models of its own.
async fn api() -> Api {
    let api = Api::start().await;
    for (name, models) in [("b", ["o3", "x"]), ("a", ["vendor/deep/m", "n"])] {
        let body = json!({"name": name, "type": "openai", "endpoint": "http://127.0.0.1:9", "models": models});
        api.post("/api/v1/providers", body).await.expect(201);
    }
    api
}

fn names(answer: &Answer) -> Vec<String> {
    let name = |item: &Value| format!("{}/{}", item["provider"].as_str().unwrap(), item["id"].as_str().unwrap());
    answer.items().iter().map(name).collect()
}

fn price() -> Value {
    serde_json::from_str(PRICE).unwrap()
}

#[tokio::test]
async fn the_catalog_has_the_models_of_all_providers_in_pages() {
    let api = api().await;
    let all = ["a/n", "a/vendor/deep/m", "b/o3", "b/x"];
    assert_eq!(names(&api.get(MODELS).await.expect(200)), all);
    let (mut path, mut paged) = (format!("{MODELS}?limit=1"), Vec::new());
    loop {
        let page = api.get(&path).await.expect(200);
        paged.extend(names(&page));
        let Some(cursor) = page.json["next_cursor"].as_str() else { break };
        path = format!("{MODELS}?limit=1&cursor={cursor}");
    }
    assert_eq!(paged, all);
    assert_eq!(names(&api.get("/api/v1/models?provider=A").await.expect(200)), all[..2]);
    api.get("/api/v1/models?provider=none").await.expect_problem(404, "not_found");
    for query in ["limit=0", "limit=501", "cursor=%25", "colour=red", "provider=a%20b"] {
        api.get(&format!("{MODELS}?{query}")).await.expect_problem(400, "invalid_query");
    }
}

#[tokio::test]
async fn one_model_is_shown() {
    let api = api().await;
    let model = api.get("/api/v1/models/b/o3").await.expect(200).json;
    assert_eq!((&model["id"], &model["context_tokens"]), (&json!("o3"), &json!(200_000)));
    assert_eq!(api.get("/api/v1/models/a/vendor/deep/m").await.expect(200).json["id"], "vendor/deep/m");
    for path in ["/api/v1/models/b/none", "/api/v1/models/none/o3", "/api/v1/models/no%20name/o3"] {
        api.get(path).await.expect_problem(404, "not_found");
    }
}

#[tokio::test]
async fn overrides_are_set_kept_and_cleared() {
    let api = api().await;
    let path = "/api/v1/models/a/vendor/deep/m";
    let set = api.patch(path, json!({"price": price(), "capabilities": ["vision", "tools"]})).await.expect(200);
    let full = json!({"input_micro_usd_per_mtok": 7_000_000, "cached_input_micro_usd_per_mtok": 7_000_000,
        "cache_write_micro_usd_per_mtok": 7_000_000, "output_micro_usd_per_mtok": 9_000_000});
    assert_eq!(set.json["price"], full, "input costs the same however it comes");
    assert_eq!(set.json["capabilities"], json!(["tools", "vision"]));
    assert_eq!(set.json["overridden"], json!(["capabilities", "price"]));
    assert_eq!(api.get(path).await.json, set.json);
    assert_eq!(api.get("/api/v1/providers/a/models").await.items()[1], set.json);

    let same = api.patch(path, json!({"price": full})).await.expect(200);
    assert_eq!(same.revision(), set.revision());
    api.post("/api/v1/providers/a/models/refresh", json!({})).await.expect(200);
    assert_eq!(api.get(path).await.json, set.json, "no answer changes nothing");

    let partly = api.patch(path, json!({"price": null})).await.expect(200);
    assert!(partly.revision() > set.revision());
    assert_eq!((&partly.json["price"], &partly.json["overridden"]), (&Value::Null, &json!(["capabilities"])));
    let none = api.patch(path, json!({"capabilities": null})).await.expect(200);
    assert_eq!((&none.json["capabilities"], &none.json["overridden"]), (&Value::Null, &Value::Null));

    let known = api.patch("/api/v1/models/b/o3", json!({"capabilities": []})).await.expect(200);
    assert_eq!((&known.json["capabilities"], &known.json["context_tokens"]), (&json!([]), &json!(200_000)));
    let again = api.patch("/api/v1/models/b/o3", json!({"capabilities": null})).await.expect(200);
    assert_eq!(again.json["capabilities"], json!(["tools", "vision", "reasoning"]), "the table's hold again");
}

#[tokio::test]
async fn malformed_overrides_are_refused() {
    let api = api().await;
    let path = "/api/v1/models/b/o3";
    let before = api.get(path).await.json;
    let rows = [
        (json!({"price": 3}), "/price"),
        (json!({"price": {"input_micro_usd_per_mtok": 1}}), "/price"),
        (
            json!({"price": {"input_micro_usd_per_mtok": 1.5, "output_micro_usd_per_mtok": 1}}),
            "/price/input_micro_usd_per_mtok",
        ),
        (json!({"price": {"input_micro_usd_per_mtok": -1, "output_micro_usd_per_mtok": 1}}), "/price"),
        (
            json!({"price": {"input_micro_usd_per_mtok": 1, "output_micro_usd_per_mtok": 1_000_000_000_001_i64}}),
            "/price",
        ),
        (json!({"price": {"usd": 1}}), "/price/usd"),
        (json!({"capabilities": ["flight"]}), "/capabilities/0"),
        (json!({"capabilities": "tools"}), "/capabilities"),
        (json!({"id": "o4"}), "/id"),
    ];
    for (body, pointer) in rows {
        let answer = api.patch(path, body.clone()).await;
        assert_eq!(answer.expect_problem(400, "invalid_request"), [pointer], "{body}");
    }
    for path in ["/api/v1/models/b/none", "/api/v1/models/none/o3", "/api/v1/models/no%20name/o3"] {
        api.patch(path, json!({"price": price()})).await.expect_problem(404, "not_found");
    }
    assert_eq!(api.get(path).await.json, before);
}

async fn cost(api: &Api, id: &str, provider: &str, model: &str) -> Value {
    let usage = TokenUsage { input_tokens: 1_000, output_tokens: 100, ..TokenUsage::default() };
    let attempt = AttemptRecord {
        number: 1,
        provider: provider.to_owned(),
        model: model.to_owned(),
        status: 200,
        usage: Some(usage),
        ..AttemptRecord::default()
    };
    let record = RequestRecord {
        request_id: id.to_owned(),
        session: id.to_owned(),
        status: 200,
        attempts: vec![attempt],
        ..RequestRecord::default()
    };
    api.store.record_requests(vec![record]).await.unwrap();
    let usage = api.get("/api/v1/usage?by=session").await.expect(200);
    let item = usage.items().iter().find(|item| item["key"]["session"] == id).unwrap();
    item["cost_micro_usd"].clone()
}

#[tokio::test]
async fn a_price_counts_from_the_next_request_on() {
    let api = api().await;
    assert_eq!(cost(&api, "1", "b", "o3").await, 2_800, "2 dollars in and 8 out, of the table");
    assert_eq!(cost(&api, "2", "b", "x").await, Value::Null);
    for path in ["/api/v1/models/b/o3", "/api/v1/models/b/x"] {
        api.patch(path, json!({"price": price()})).await.expect(200);
    }
    assert_eq!(cost(&api, "3", "b", "o3").await, 7_900);
    assert_eq!(cost(&api, "4", "b", "x").await, 7_900);
    assert_eq!(cost(&api, "5", "a", "x").await, Value::Null, "another provider's");
    api.patch("/api/v1/providers/b", json!({"name": "c"})).await.expect(200);
    assert_eq!(cost(&api, "6", "c", "x").await, 7_900, "a new name keeps it");
    api.patch("/api/v1/models/c/o3", json!({"price": null})).await.expect(200);
    assert_eq!(cost(&api, "7", "c", "o3").await, 2_800);
}

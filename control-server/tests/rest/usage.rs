//! `/api/v1/usage` and `/api/v1/workspaces/{name}/usage`

use muxspace::domain::record::{AttemptRecord, RequestRecord, TokenUsage};
use serde_json::json;

use crate::support::Api;

fn record(id: &str, workspace: &str, model: &str, usage: Option<TokenUsage>) -> RequestRecord {
    let attempt = AttemptRecord {
        number: 1,
        provider: "p".to_owned(),
        model: model.to_owned(),
        status: 200,
        usage,
        ..AttemptRecord::default()
    };
    RequestRecord {
        request_id: id.to_owned(),
        started_at_ms: 1_767_225_600_000,
        workspace: workspace.to_owned(),
        session: "default".to_owned(),
        rule: "all".to_owned(),
        status: 200,
        attempts: vec![attempt],
        ..RequestRecord::default()
    }
}

fn tokens(input: u64, output: u64) -> Option<TokenUsage> {
    Some(TokenUsage { input_tokens: input, output_tokens: output, ..TokenUsage::default() })
}

async fn api() -> Api {
    let api = Api::with_provider().await;
    api.post("/api/v1/workspaces", json!({"name": "other"})).await.expect(201);
    let mut failed = record("3", "default", "o3", None);
    failed.status = 0;
    let records =
        vec![record("1", "default", "o3", tokens(1_000, 100)), record("2", "other", "unpriced", tokens(10, 1)), failed];
    api.store.record_requests(records).await.unwrap();
    api
}

#[tokio::test]
async fn sums_are_kept_apart_by_workspace() {
    let api = api().await;
    let all = api.get("/api/v1/usage").await.expect(200).json;
    // o3: 2 dollars in, 8 out.
    assert_eq!(
        all["total"],
        json!({"requests": 3, "errors": 1, "input_tokens": 1_010, "cached_input_tokens": 0, "cache_write_tokens": 0,
            "output_tokens": 101, "reasoning_tokens": 0, "cost_micro_usd": 2_800, "cost_unknown_requests": 1,
            "estimated_requests": 0, "cache_hits": 0, "saved_input_tokens": 0, "saved_output_tokens": 0,
            "saved_micro_usd": null})
    );
    let other = api.get("/api/v1/workspaces/other/usage?by=model").await.expect(200).json;
    let item = &other["items"][0];
    assert_eq!(item["key"], json!({"model": "p/unpriced"}));
    assert_eq!((&item["requests"], &item["cost_micro_usd"]), (&json!(1), &json!(null)));
    assert_eq!(other["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn keys_name_what_is_grouped_by() {
    let api = api().await;
    let rows = [
        ("provider", json!({"provider": "p"})),
        ("rule", json!({"workspace": "default", "rule": "all"})),
        ("session", json!({"session": "default"})),
        ("key", json!({"id": null, "name": null})),
        ("day", json!({"day": "2026-01-01"})),
        ("hour", json!({"hour": "2026-01-01T00:00:00Z"})),
    ];
    for (by, key) in rows {
        let answer = api.get(&format!("/api/v1/usage?by={by}")).await.expect(200);
        assert_eq!(answer.items()[0]["key"], key, "{by}");
    }
}

#[tokio::test]
async fn keys_of_the_gateway_are_named_while_they_are_there() {
    let api = api().await;
    let made = api.post("/api/v1/workspaces/default/keys", json!({"name": "Ann"})).await.expect(201).json;
    let id = made["id"].as_u64().unwrap();
    let used = RequestRecord { key: id, ..record("4", "default", "o3", tokens(5, 5)) };
    api.store.record_requests(vec![used]).await.unwrap();
    let path = format!("/api/v1/workspaces/default/keys/{id}");
    assert_eq!(api.get(&path).await.json["last_used_at"], "2026-01-01T00:00:00Z");
    let of_key = async || {
        let answer = api.get("/api/v1/workspaces/default/usage?by=key").await.expect(200);
        answer.items().iter().find(|item| item["key"]["id"] == id).unwrap().clone()
    };
    let item = of_key().await;
    assert_eq!((&item["key"], &item["input_tokens"]), (&json!({"id": id, "name": "Ann"}), &json!(5)));
    api.delete(&path).await.expect(204);
    assert_eq!(of_key().await["key"], json!({"id": id, "name": null}));
}

#[tokio::test]
async fn hits_say_what_they_saved() {
    let api = api().await;
    let mut hit = record("4", "other", "o3", tokens(1_000, 100));
    hit.saved = hit.attempts.pop();
    hit.cache = "hit".to_owned();
    api.store.record_requests(vec![hit]).await.unwrap();
    let usage = api.get("/api/v1/workspaces/other/usage?by=model").await.expect(200);
    let item = usage.items().iter().find(|item| item["key"]["model"] == "p/o3").unwrap();
    let expected = json!({"key": {"model": "p/o3"}, "requests": 1, "errors": 0, "input_tokens": 0,
        "cached_input_tokens": 0, "cache_write_tokens": 0, "output_tokens": 0, "reasoning_tokens": 0,
        "cost_micro_usd": 0, "cost_unknown_requests": 0, "estimated_requests": 0, "cache_hits": 1,
        "saved_input_tokens": 1_000, "saved_output_tokens": 100, "saved_micro_usd": 2_800});
    assert_eq!(*item, expected);
    let total = &usage.json["total"];
    assert_eq!(
        (&total["requests"], &total["cache_hits"], &total["saved_micro_usd"]),
        (&json!(2), &json!(1), &json!(2_800))
    );
    let elsewhere = api.get("/api/v1/workspaces/default/usage").await.expect(200);
    assert_eq!(elsewhere.json["total"]["cache_hits"], 0, "of its own workspace alone");
}

#[tokio::test]
async fn time_bounds_what_counts() {
    let api = api().await;
    let rows = [
        ("from=2026-01-01", 3),
        ("from=2026-01-01T00:00:01Z", 0),
        ("to=2026-01-01", 0),
        ("from=2025-12-31&to=2026-01-02", 3),
    ];
    for (query, requests) in rows {
        let answer = api.get(&format!("/api/v1/usage?{query}")).await.expect(200);
        assert_eq!(answer.json["total"]["requests"], requests, "{query}");
    }
    for query in ["from=yesterday", "by=colour", "since=2026-01-01"] {
        api.get(&format!("/api/v1/usage?{query}")).await.expect_problem(400, "invalid_query");
    }
    api.get("/api/v1/workspaces/none/usage").await.expect_problem(404, "not_found");
}

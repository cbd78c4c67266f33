//! `/api/v1/providers/{name}/models`

use serde_json::{Value, json};

use crate::support::{Api, Fake, model_server};

const REFRESH: &str = "/api/v1/providers/p/models/refresh";
const MODELS: &str = "/api/v1/providers/p/models";

/// Items without their times, which are checked to be there.
fn timeless(items: &[Value]) -> Vec<Value> {
    let strip = |item: &Value| {
        let mut item = item.clone();
        let listed_at = item.as_object_mut().unwrap().remove("listed_at").unwrap();
        assert!(listed_at.as_str().unwrap() > "2025-01-01T00:00:00Z", "{listed_at}");
        item
    };
    items.iter().map(strip).collect()
}

#[tokio::test]
async fn models_are_those_that_were_listed() {
    let api = Api::start().await;
    let endpoint = model_server(200, r#"{"object":"list","data":[{"id":"b"},{"id":"a/x"},{"id":"b"}]}"#).await;
    api.post("/api/v1/providers", json!({"name": "p", "type": "openai", "endpoint": endpoint})).await.expect(201);
    let listed = api.get(MODELS).await.expect(200);
    let expected = [json!({"id": "a/x", "provider": "p"}), json!({"id": "b", "provider": "p"})];
    assert_eq!(timeless(listed.items()), expected);
    let first = api.get(&format!("{MODELS}?limit=1")).await.expect(200);
    let cursor = first.json["next_cursor"].as_str().unwrap();
    let second = api.get(&format!("{MODELS}?limit=1&cursor={cursor}")).await.expect(200);
    assert_eq!([first.items(), second.items()].concat(), listed.items());
    assert!(second.json["next_cursor"].is_null());
    api.get("/api/v1/providers/none/models").await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn well_known_models_have_what_is_known_of_them() {
    let api = Api::start().await;
    let fake = Fake::at("/v1/models?limit=1000", json!({"data": [{"id": "claude-haiku-4-5"}, {"id": "new"}]})).await;
    let body = json!({"name": "p", "type": "anthropic", "endpoint": fake.origin});
    api.post("/api/v1/providers", body).await.expect(201);
    let price = json!({"input_micro_usd_per_mtok": 1_000_000, "cached_input_micro_usd_per_mtok": 100_000,
        "cache_write_micro_usd_per_mtok": 1_250_000, "output_micro_usd_per_mtok": 5_000_000});
    let known = json!({"id": "claude-haiku-4-5", "provider": "p", "context_tokens": 200_000,
        "capabilities": ["tools", "vision", "reasoning"], "price": price});
    assert_eq!(timeless(api.get(MODELS).await.items()), [known, json!({"id": "new", "provider": "p"})]);
}

#[tokio::test]
async fn what_the_provider_says_goes_before_the_table() {
    let api = Api::start().await;
    let said = json!({"id": "openai/o3", "context_length": 5, "architecture": {"input_modalities": ["text"]},
        "supported_parameters": ["tools"], "pricing": {"prompt": "0.000001", "completion": "0.000002"}});
    let fake = Fake::at("/api/v1/models", json!({"data": [said]})).await;
    let body = json!({"name": "p", "type": "openrouter", "endpoint": format!("{}/api/v1", fake.origin)});
    api.post("/api/v1/providers", body).await.expect(201);
    let item = &api.get(MODELS).await.expect(200).json["items"][0];
    assert_eq!((&item["context_tokens"], &item["capabilities"]), (&json!(5), &json!(["tools"])));
    assert_eq!(item["price"]["input_micro_usd_per_mtok"], 1_000_000);
}

#[tokio::test]
async fn all_pages_of_a_list_are_read() {
    let page = |path: &str| match path {
        "/v1/models?limit=1000" => (200, json!({"data": [{"id": "a"}], "has_more": true, "last_id": "a/1"})),
        "/v1/models?limit=1000&after_id=a%2F1" => {
            (200, json!({"data": [{"id": "b"}], "has_more": true, "last_id": "b"}))
        }
        "/v1/models?limit=1000&after_id=b" => (200, json!({"data": [{"id": "c"}], "has_more": false, "last_id": "c"})),
        _ => (404, json!({})),
    };
    let fake = Fake::start(move |path| (page(path).0, page(path).1.to_string())).await;
    let api = Api::start().await;
    let body = json!({"name": "p", "type": "anthropic", "endpoint": fake.origin});
    api.post("/api/v1/providers", body).await.expect(201);
    let listed = api.get(MODELS).await;
    let ids: Vec<&Value> = listed.items().iter().map(|item| &item["id"]).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    let asked: Vec<String> = fake.seen().into_iter().map(|asked| asked.path).collect();
    let list = "/v1/models?limit=1000";
    assert_eq!(asked, [list.to_owned(), format!("{list}&after_id=a%2F1"), format!("{list}&after_id=b")]);

    let endless = json!({"data": [{"id": "x"}], "has_more": true, "last_id": "x"}).to_string();
    let fake = Fake::start(move |_| (200, endless.clone())).await;
    api.patch("/api/v1/providers/p", json!({"endpoint": fake.origin})).await.expect(200);
    assert_eq!(timeless(api.get(MODELS).await.items()), [json!({"id": "x", "provider": "p"})]);
    assert_eq!(fake.seen().len(), 2, "a page that leads nowhere ends the list");
}

#[tokio::test]
async fn one_that_vanished_stays_while_a_rule_uses_it() {
    let api = Api::start().await;
    let body =
        json!({"name": "p", "type": "openai", "endpoint": "http://127.0.0.1:9/v1", "models": ["used", "unused"]});
    api.post("/api/v1/providers", body).await.expect(201);
    assert_eq!(api.get(MODELS).await.items().len(), 2, "those that were given");
    api.put("/api/v1/workspaces/default/rules", json!([{"target": "p/used"}])).await.expect(200);

    let unanswered = api.post(REFRESH, json!({})).await.expect(200);
    assert_eq!(unanswered.items().len(), 2, "no answer takes nothing away");
    assert_eq!(api.get("/api/v1/providers/p").await.json["status"]["reachable"], false);
    let used_listed_at = unanswered.items()[1]["listed_at"].clone();

    let endpoint = model_server(200, r#"{"data":[{"id":"new"}]}"#).await;
    api.patch("/api/v1/providers/p", json!({"endpoint": endpoint})).await.expect(200);
    let refreshed = api.post(REFRESH, json!({})).await.expect(200);
    let expected = [json!({"id": "new", "provider": "p"}), json!({"id": "used", "provider": "p", "missing": true})];
    assert_eq!(timeless(refreshed.items()), expected);
    assert_eq!(refreshed.items()[1]["listed_at"], used_listed_at, "the last time that it was there");
    api.post("/api/v1/providers/none/models/refresh", json!({})).await.expect_problem(404, "not_found");
}

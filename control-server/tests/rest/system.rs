//! What needs no token, and what every path has in common.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use muxspace::cache::{Answer, CacheStats, KEY_BYTES};
use muxspace::rest::BODY_BYTES_MAX;

use crate::support::{Api, FILTER, TOKEN};

fn plain(method: &str, path: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
}

fn with_authorization(value: &str) -> Request<Body> {
    let request = Request::builder().uri("/api/v1/providers").header(header::AUTHORIZATION, value);
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn health_and_readiness_need_no_token() {
    let api = Api::start().await;
    assert_eq!(api.send(plain("GET", "/healthz")).await.expect(200).json["status"], "ok");
    assert_eq!(api.send(plain("GET", "/readyz")).await.expect(200).json["status"], "ready");
    api.store.close().await;
    api.send(plain("GET", "/readyz")).await.expect_problem(503, "not_ready");
    api.send(plain("GET", "/healthz")).await.expect(200);
}

#[tokio::test]
async fn only_the_admin_token_opens_the_api() {
    let api = Api::start().await;
    let missing = api.send(plain("GET", "/api/v1/providers")).await;
    assert_eq!(missing.headers[header::WWW_AUTHENTICATE], "Bearer");
    missing.expect_problem(401, "unauthorized");
    let refused = ["Bearer", "Bearer ", "Bearer wrong", TOKEN, &format!("Basic {TOKEN}"), &format!("Bearer {TOKEN}x")];
    for value in refused {
        api.send(with_authorization(value)).await.expect_problem(401, "unauthorized");
    }
    api.send(with_authorization(&format!("Bearer {TOKEN}"))).await.expect(200);
    api.send(with_authorization(&format!("bearer {TOKEN}"))).await.expect(200);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let api = Api::start().await;
    for path in ["/", "/nothing", "/api/v1", "/api/v1/nothing", "/api/v2/providers"] {
        api.get(path).await.expect_problem(404, "not_found");
    }
    for (method, path) in [("POST", "/healthz"), ("PUT", "/api/v1/providers"), ("PUT", "/api/v1/workspaces/default")] {
        api.raw(method, path, "").await.expect_problem(405, "method_not_allowed");
    }
}

#[tokio::test]
async fn bodies_are_json_of_a_bounded_size() {
    let api = Api::start().await;
    for body in ["", "{", "{\"name\"", "{\"name\":\"a\"} x", "\u{feff}{}", "nul"] {
        api.raw("POST", "/api/v1/workspaces", body).await.expect_problem(400, "invalid_json");
    }
    api.raw("POST", "/api/v1/workspaces", vec![0xff, 0xfe]).await.expect_problem(400, "invalid_json");
    api.raw("POST", "/api/v1/workspaces", "[\"w\",null,null]").await.expect_problem(400, "invalid_request");
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(api.raw("POST", "/api/v1/workspaces", deep).await.status, 400);
    let large = " ".repeat(BODY_BYTES_MAX + 1);
    api.raw("POST", "/api/v1/workspaces", large).await.expect_problem(413, "request_too_large");
}

#[tokio::test]
async fn pages_have_limits() {
    let api = Api::start().await;
    for query in ["limit=0", "limit=501", "limit=x", "limit=-1", "cursor=%21", "page=1"] {
        api.get(&format!("/api/v1/workspaces?{query}")).await.expect_problem(400, "invalid_query");
    }
}

#[tokio::test]
async fn the_filter_is_served_with_its_hash() {
    let api = Api::start().await;
    let answer = api.send(plain("GET", "/filter.wasm")).await.expect(200);
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/wasm");
    assert_eq!(answer.bytes, FILTER);
    let tag = answer.headers[header::ETAG].clone();
    let mut again = plain("GET", "/filter.wasm");
    again.headers_mut().insert(header::IF_NONE_MATCH, tag);
    assert!(api.send(again).await.expect(304).bytes.is_empty());
}

#[tokio::test]
async fn metrics_count_what_happened() {
    let api = Api::start().await;
    api.get("/api/v1/nodes").await.expect(200);
    api.get("/no/such/path").await.expect(404);
    let answer =
        Answer { body: vec![b'x'; 1_000], provider: String::new(), model: String::new(), usage: None, stored_at_ms: 0 };
    api.cache.put([1; KEY_BYTES], answer, Duration::from_secs(60)).unwrap();
    let found = [[1; KEY_BYTES], [1; KEY_BYTES], [2; KEY_BYTES]].map(|key| api.cache.get(&key).is_some());
    assert_eq!(found, [true, true, false]);
    let CacheStats { bytes, .. } = api.cache.stats();
    assert!(bytes > 1_000);
    let text = api.send(plain("GET", "/metrics")).await.expect(200);
    let text = String::from_utf8(text.bytes.to_vec()).unwrap();
    for line in [
        "muxspace_store_revision 1",
        "muxspace_nodes 0",
        "muxspace_records_inserted_total 0",
        "muxspace_cache_hits_total 2",
        "muxspace_cache_misses_total 1",
        "muxspace_cache_evictions_total 0",
        "muxspace_cache_entries 1",
        &format!("muxspace_cache_bytes {bytes}"),
        "muxspace_http_requests_total{method=\"GET\",route=\"/api/v1/nodes\",status=\"200\"} 1",
        "muxspace_http_requests_total{method=\"GET\",route=\"unknown\",status=\"404\"} 1",
    ] {
        assert!(text.lines().any(|have| have == line), "{line} is not in:\n{text}");
    }
}

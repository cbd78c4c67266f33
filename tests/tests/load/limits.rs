//! A limit that many clients run into at once, on all workers of an Envoy.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use muxspace_tests::{Options, Stack};
use reqwest::Method;
use serde_json::json;

use crate::TURN;

const LIMIT: usize = 600;
const REQUESTS: usize = 4 * LIMIT;
const CLIENTS: usize = 16;
/// All requests must fall into one window.
const WINDOW: Duration = Duration::from_secs(60);

/// Statuses of what one client was answered, and how often.
async fn client(url: String, key: String, left: Arc<AtomicUsize>) -> BTreeMap<u16, usize> {
    let http = muxspace_tests::client::http();
    let mut statuses = BTreeMap::new();
    let take = |left: usize| left.checked_sub(1);
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
        let body = r#"{"model":"mux","messages":[{"role":"user","content":"hi"}]}"#;
        let reply =
            muxspace_tests::client::send(http.post(&url).bearer_auth(&key).body(body)).await.expect("an answer");
        if reply.status == 429 {
            let wait_s: u64 = reply.header("retry-after").parse().expect("seconds");
            assert!((1..=61).contains(&wait_s), "{wait_s}");
        }
        *statuses.entry(reply.status.as_u16()).or_default() += 1;
    }
    statuses
}

#[tokio::test(flavor = "multi_thread")]
async fn four_times_the_limit_passes_the_limit() {
    let _turn = TURN.lock().await;
    let (stack, one, _two) = Stack::with_providers(Options { concurrency: 2, ..Options::default() }).await;
    let made = json!({"name": "limited", "requests_per_minute": LIMIT});
    let made = stack.api.call(Method::POST, "/workspaces/default/keys?wait=applied", Some(made)).await;
    made.accepted();
    let key = made.body["key"].as_str().expect("the answer has the key");
    let left = Arc::new(AtomicUsize::new(REQUESTS));
    let url = stack.url("/v1/chat/completions");
    let begun = Instant::now();
    let clients: Vec<_> =
        (0..CLIENTS).map(|_| tokio::spawn(client(url.clone(), key.to_owned(), left.clone()))).collect();
    let mut statuses = BTreeMap::new();
    for client in clients {
        for (status, count) in client.await.expect("no failed request") {
            *statuses.entry(status).or_default() += count;
        }
    }
    let took = begun.elapsed();
    let connections = stack.connections_by_worker().await;
    println!("{REQUESTS} requests within {took:?} over {connections:?} connections: {statuses:?}");
    assert!(took < WINDOW, "too slow a machine to tell: {took:?}");
    assert!(connections.len() == 2 && connections.iter().all(|count| *count > 0), "idle workers: {connections:?}");
    assert_eq!(statuses, BTreeMap::from([(200, LIMIT), (429, REQUESTS - LIMIT)]));
    assert_eq!(one.prompts().len(), LIMIT);
}

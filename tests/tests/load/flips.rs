//! Rules that change while prompts flow.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use muxspace_tests::percentile::percentile;
use muxspace_tests::{Options, Stack};
use serde_json::json;

use crate::TURN;

const REQUESTS: usize = 10_000;
const FLIPS: usize = 50;
/// So many that the kernel does not give all their connections to one worker.
const CLIENTS: usize = 16;
const LAG_P99_MAX: Duration = Duration::from_millis(100);

/// One answered request.
struct Routed {
    begun: Instant,
    revision: u64,
    target: String,
    /// The model that the provider was asked for.
    model: String,
}

async fn client(url: String, left: Arc<AtomicUsize>) -> Vec<Routed> {
    let http = muxspace_tests::client::http();
    let mut routed = Vec::new();
    let take = |left: usize| left.checked_sub(1);
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
        let begun = Instant::now();
        let request = http.post(&url).body(r#"{"model":"x","messages":[{"role":"user","content":"hi"}]}"#);
        let reply = muxspace_tests::client::send(request).await.expect("an answer");
        assert_eq!(reply.status, 200, "a failed request: {}", reply.text());
        routed.push(Routed {
            begun,
            revision: reply.revision(),
            target: reply.header("x-muxspace-target").to_owned(),
            model: reply.json()["model"].as_str().unwrap_or_default().to_owned(),
        });
    }
    routed
}

/// From a flip's REST answer to the last request that was begun and yet routed by an older revision.
fn lag(answered: Instant, revision: u64, routed: &[Routed]) -> Duration {
    let stale = routed.iter().filter(|request| request.begun > answered && request.revision < revision);
    stale.map(|request| request.begun - answered).max().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_flips_in_ten_thousand_requests() {
    let _turn = TURN.lock().await;
    let (stack, _one, _two) = Stack::with_providers(Options { concurrency: 2, ..Options::default() }).await;
    let rules = |number: usize| {
        let provider = if number.is_multiple_of(2) { "one" } else { "two" };
        json!([{"name": format!("flip-{number}"), "target": format!("{provider}/model-{number}")}])
    };
    let first = stack.api.put_rules("default", rules(0)).await;
    let mut targets = BTreeMap::from([(first, "one/model-0".to_owned())]);
    let left = Arc::new(AtomicUsize::new(REQUESTS));
    let url = stack.url("/v1/mux/chat/completions");
    let clients: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(client(url.clone(), left.clone()))).collect();

    // Spread evenly over the requests. Every other one is answered when all workers have acked.
    let mut flips = Vec::new();
    let mut waits = Vec::new();
    for number in 1..=FLIPS {
        let due = REQUESTS - number * REQUESTS / (FLIPS + 1);
        while left.load(Ordering::Relaxed) > due {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let rules = rules(number);
        let target = rules[0]["target"].as_str().expect("a target").to_owned();
        let start = Instant::now();
        let is_applied = number.is_multiple_of(2);
        let revision = if is_applied {
            stack.api.put_rules("default", rules).await
        } else {
            stack.api.put_rules_now("default", rules).await.accepted()
        };
        let answered = Instant::now();
        if is_applied {
            waits.push(answered - start);
        }
        flips.push((answered, revision, is_applied));
        targets.insert(revision, target);
    }
    let mut routed = Vec::new();
    for client in clients {
        routed.extend(client.await.expect("no failed request"));
    }

    assert_eq!((routed.len(), targets.len()), (REQUESTS, FLIPS + 1));
    let connections = stack.connections_by_worker().await;
    assert!(connections.len() == 2 && connections.iter().all(|count| *count > 0), "idle workers: {connections:?}");
    for request in &routed {
        let target =
            targets.get(&request.revision).unwrap_or_else(|| panic!("no flip made revision {}", request.revision));
        assert_eq!(&request.target, target, "revision {}", request.revision);
        assert!(target.ends_with(&format!("/{}", request.model)), "{target} was asked for {}", request.model);
    }
    let lags = |applied: bool| -> Vec<Duration> {
        let chosen = flips.iter().filter(|(.., is_applied)| *is_applied == applied);
        chosen.map(|(answered, revision, _)| lag(*answered, *revision, &routed)).collect()
    };
    assert!(lags(true).iter().all(Duration::is_zero), "routed by an older revision after wait=applied was answered");
    let (plain, p99_wait) = (lags(false), percentile(&waits, 99));
    let p99 = percentile(&plain, 99);
    println!(
        "REST answer -> last worker routes by it: p50 {:?}, p99 {p99:?} ({} flips); a write with wait=applied: p50 {:?}, p99 {p99_wait:?}",
        percentile(&plain, 50),
        plain.len(),
        percentile(&waits, 50),
    );
    assert!(p99 <= LAG_P99_MAX, "p99 is {p99:?}: {plain:?}");
}

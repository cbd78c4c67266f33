//! Kept answers over two workers: most repetitions cost no call to a provider.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use muxspace_tests::{Options, Stack};
use reqwest::Method;
use serde_json::json;

use crate::TURN;

const PROMPTS: usize = 1_000;
const TIMES: usize = 10;
const CLIENTS: usize = 16;
const HIT_RATIO_MIN: f64 = 0.85;

/// Which prompt an answer is to: the fake provider counts the bytes that reached it.
fn text(prompt: usize) -> String {
    format!("prompt {prompt:04} {}", "x".repeat(prompt % 97))
}

/// All prompts as often as they are asked, in an order that looks random and is the same in every run.
fn order() -> Vec<usize> {
    let mut order: Vec<usize> = (0..PROMPTS * TIMES).map(|at| at % PROMPTS).collect();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for at in (1..order.len()).rev() {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        order.swap(at, (random % (at as u64 + 1)) as usize);
    }
    order
}

/// What was said of the cache, how often; asserts that an answer is the one that the prompt got before.
async fn client(stack: Arc<Stack>, left: Arc<Mutex<Vec<usize>>>, known: Arc<Mutex<HashMap<usize, u64>>>) -> [usize; 2] {
    let mut counts = [0; 2];
    // One that is not shared, so that both workers get some.
    let mut connection = stack.connection().await;
    loop {
        let Some(prompt) = left.lock().expect("no client panicked").pop() else { return counts };
        let body = json!({"model": "x", "messages": [{"role": "user", "content": text(prompt)}]}).to_string();
        let headers = [("content-type", "application/json")];
        let reply = connection.call("POST", "/v1/mux/chat/completions", &headers, body).await.expect("an answer");
        assert_eq!(reply.status, 200, "{}", reply.text());
        let said = reply.json()["usage"]["prompt_tokens"].as_u64().expect("usage");
        assert_eq!(*known.lock().expect("no client panicked").entry(prompt).or_insert(said), said, "prompt {prompt}");
        match reply.header("x-muxspace-cache") {
            "hit" => counts[0] += 1,
            "miss" => counts[1] += 1,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_prompts_are_hits_over_two_workers() {
    let _turn = TURN.lock().await;
    let (stack, one, _two) = Stack::with_providers(Options { concurrency: 2, ..Options::default() }).await;
    let settings = json!({"settings": {"cache": {"enabled": true, "ttl_s": 600}}});
    stack.api.call(Method::PATCH, "/workspaces/default?wait=applied", Some(settings)).await.accepted();
    let (stack, left) = (Arc::new(stack), Arc::new(Mutex::new(order())));
    let known = Arc::new(Mutex::new(HashMap::new()));
    let began = Instant::now();
    let clients: Vec<_> =
        (0..CLIENTS).map(|_| tokio::spawn(client(stack.clone(), left.clone(), known.clone()))).collect();
    let (mut hits, mut misses) = (0, 0);
    for client in clients {
        let [own_hits, own_misses] = client.await.expect("every prompt got its own answer");
        hits += own_hits;
        misses += own_misses;
    }
    let elapsed = began.elapsed();
    assert_eq!(hits + misses, PROMPTS * TIMES);
    assert_eq!(one.prompts().len(), misses, "a hit costs no call");
    let workers = stack.connections_by_worker().await;
    assert!(workers.iter().all(|connections| *connections > 0), "one worker alone: {workers:?}");
    let ratio = hits as f64 / (PROMPTS * TIMES) as f64;
    println!("hit ratio {ratio:.4}: {hits} hits, {misses} misses in {elapsed:?}, connections {workers:?}");
    assert!(ratio >= HIT_RATIO_MIN, "{ratio}");
}

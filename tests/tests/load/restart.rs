//! The control server killed and started again while prompts flow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use muxspace_tests::{Options, Stack};
use serde_json::json;

use crate::{TURN, recorded, said};

const CLIENTS: usize = 4;
const KILLS: usize = 3;
/// Bounds the load whatever happens.
const REQUESTS_MAX: usize = 40_000;

/// Sends prompts until told to stop; returns how many, and what went wrong.
async fn load(http: reqwest::Client, url: String, client: usize, stop: Arc<AtomicBool>) -> (u64, Vec<String>) {
    let mut failures = Vec::new();
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) && sent < REQUESTS_MAX / CLIENTS {
        let content = format!("client {client}, request {sent}");
        let body =
            json!({"model": "x", "stream": sent.is_multiple_of(4), "messages": [{"role": "user", "content": content}]});
        sent += 1;
        match muxspace_tests::client::send(http.post(&url).json(&body)).await {
            Ok(reply) if reply.status == 200 => {}
            Ok(reply) => failures.push(format!("{} {}", reply.status, reply.text())),
            Err(error) => failures.push(format!("{error:?}")),
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    (sent as u64, failures)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_costs_no_request_and_no_record() {
    let _turn = TURN.lock().await;
    let (mut stack, one, _two) = Stack::with_providers(Options { concurrency: 2, ..Options::default() }).await;
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let url = stack.url("/v1/mux/chat/completions");
            tokio::spawn(load(muxspace_tests::client::http(), url, client, stop.clone()))
        })
        .collect();
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(900)).await;
        stack.kill_server();
        tokio::time::sleep(Duration::from_millis(700)).await;
        stack.start_server().await;
    }
    // The workers find the server again, each in its own time, and route by what is written from now on.
    let start = Instant::now();
    stack.api.put_rules("default", json!([{"name": "after", "target": "one/after"}])).await;
    let mut sent = 0;
    let mut in_a_row = 0;
    while in_a_row < 20 {
        assert!(start.elapsed() < Duration::from_secs(10), "the workers did not find the server again");
        // Each over a connection of its own: the kernel spreads connections over the workers.
        let request = muxspace_tests::client::http().post(stack.url("/v1/mux/chat/completions"));
        let reply = muxspace_tests::client::send(request.body(r#"{"messages":[]}"#)).await.expect("an answer");
        in_a_row = if reply.header("x-muxspace-rule") == "after" { in_a_row + 1 } else { 0 };
        sent += 1;
    }
    println!("all workers route by a new rule {:?} after the last restart", start.elapsed());
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        let (count, failures) = client.await.expect("a client ends");
        assert!(failures.is_empty(), "{} failed requests, such as {}", failures.len(), failures[0]);
        sent += count;
    }

    let usage = stack.api.usage_of(sent, Duration::from_secs(20)).await;
    // More could still come if something were counted twice.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let usage_later = stack.api.usage().await;
    println!("{sent} requests over {KILLS} kills; recorded: {}", usage["total"]["requests"]);
    assert_eq!(usage["total"]["requests"], sent, "lost: {}", usage["total"]);
    assert_eq!(usage_later["total"]["requests"], sent, "doubled: {}", usage_later["total"]);
    assert_eq!(recorded(&usage_later), said([("one", &one)], |_| true));
}

//! The filter in Envoy: before its first snapshot, after a trap, and its metrics.

use std::time::{Duration, Instant};

use muxspace_tests::client::{self, Reply};
use muxspace_tests::gate::Gate;
use muxspace_tests::stack::{self, Code};
use muxspace_tests::{Options, Stack};

const PROMPT: &str = r#"{"model":"x","messages":[{"role":"user","content":"hi"}]}"#;

async fn prompt(http: &reqwest::Client, url: &str, headers: &[(&str, &str)]) -> Reply {
    let request = headers.iter().fold(http.post(url), |request, (name, value)| request.header(*name, *value));
    client::send(request.body(PROMPT)).await.expect("the proxy answers")
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_snapshot_is_503_not_ready() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (_server, address) = stack::start_server(folder.path(), "127.0.0.1:0", &stack::filter_path()).await;
    let gate = Gate::before(&address).await;
    let (_envoy, admin) = stack::start_envoy(folder.path(), &gate.address(), 1, Code::Inline).await;
    let url = format!("http://{}/v1/mux/chat/completions", stack::listener_of(admin).await);
    let http = client::http();
    // The listener opens when the filter has come.
    let start = Instant::now();
    while http.get(&url).send().await.is_err_and(|error| error.is_connect()) {
        assert!(start.elapsed() < Duration::from_secs(20), "the listener stays closed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let reply = prompt(&http, &url, &[]).await;
    assert_eq!((reply.status.as_u16(), reply.error_code().as_str()), (503, "not_ready"));
    assert_eq!(reply.header("retry-after"), "1");

    // Snapshots come: the filter finds them by itself, and the built-in provider answers.
    gate.open();
    let start = Instant::now();
    loop {
        let reply = prompt(&http, &url, &[]).await;
        if reply.status != 503 {
            println!("routes {:?} after snapshots can come", start.elapsed());
            return assert_eq!((reply.status.as_u16(), reply.header("x-muxspace-target")), (200, "echo/echo"));
        }
        assert!(start.elapsed() < Duration::from_secs(20), "still not ready");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_filter_comes_over_http_too() {
    let options = Options { concurrency: 2, code: Code::Remote, ..Options::default() };
    let (stack, one, _two) = Stack::with_providers(options).await;
    let reply = stack.prompt("hi").await;
    assert_eq!((reply.status.as_u16(), reply.header("x-muxspace-target")), (200, "one/mini"), "{}", reply.text());
    assert_eq!(one.prompts().len(), 1);
    // Both roles share a VM: one in each worker, one in the main thread.
    assert_eq!(stack.api.nodes().await.len(), 3);
    let stats = stack.envoy_stats().await;
    let fetches = stats.lines().find(|line| line.starts_with("envoy_wasm_remote_load_fetch_successes{"));
    assert!(fetches.is_some_and(|line| !line.ends_with(" 0")), "nothing was fetched over HTTP: {fetches:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_heals_by_itself() {
    let options = Options { filter: stack::trapping_filter_path(), ..Options::default() };
    let (stack, _one, _two) = Stack::with_providers(options).await;
    let url = stack.url("/v1/mux/chat/completions");
    for role in ["route", "attempt"] {
        assert_eq!(prompt(&stack.http, &url, &[]).await.status, 200, "before the trap");
        let trapped = prompt(&stack.http, &url, &[("x-muxspace-test-trap", role)]).await;
        assert!(trapped.status.is_server_error(), "{role}: {} {}", trapped.status, trapped.text());
        let start = Instant::now();
        let mut statuses = Vec::new();
        // Steadily well again: ten good answers in a row.
        while !statuses.ends_with(&[200; 10]) {
            statuses.push(prompt(&stack.http, &url, &[]).await.status.as_u16());
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "{role}: not healed, last {:?}",
                statuses.iter().rev().take(10)
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        println!("healed {:?} after a trap in role {role}", start.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_filter_has_metrics() {
    let (stack, _one, _two) = Stack::with_providers(Options::default()).await;
    for _ in 0..3 {
        assert_eq!(stack.prompt("hi").await.status, 200);
    }
    stack.send("/v1/mux/nothing", serde_json::json!({})).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let stats = stack.envoy_stats().await;
    let own: Vec<&str> = stats.lines().filter(|line| !line.starts_with('#') && line.contains("muxspace_")).collect();
    let value = |part: &str| -> Option<f64> {
        let named = own.iter().filter(|line| line.split(['{', ' ']).next().is_some_and(|name| name.contains(part)));
        named.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).reduce(f64::max)
    };
    for part in [
        "muxspace_requests",
        "muxspace_snapshot_revision",
        "muxspace_report_records_queued",
        "muxspace_report_records_dropped",
        "muxspace_memory",
    ] {
        assert!(value(part).is_some(), "no metric {part}* in\n{}", own.join("\n"));
    }
    assert!(value("muxspace_requests") >= Some(3.0), "requests are counted:\n{}", own.join("\n"));
    assert!(value("muxspace_snapshot_revision") > Some(0.0), "the revision is shown:\n{}", own.join("\n"));
}

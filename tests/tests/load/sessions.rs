//! Sessions with workspaces of their own, all at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use muxspace_tests::{Options, Provider, Stack};
use reqwest::Method;
use serde_json::json;

use crate::TURN;

const REQUESTS: usize = 10_000;
const SESSIONS: usize = 8;
/// Two a session: one names it in the path, one in a header.
const CLIENTS: usize = 2 * SESSIONS;

async fn client(stack: Arc<Stack>, number: usize, left: Arc<AtomicUsize>) -> usize {
    let session = number % SESSIONS;
    let (path, header) = if number < SESSIONS {
        (format!("/s/agent-{session}/v1/mux/chat/completions"), "none".to_owned())
    } else {
        ("/v1/mux/chat/completions".to_owned(), format!("agent-{session}"))
    };
    let headers = [("x-muxspace-session", header.as_str())];
    let take = |left: usize| left.checked_sub(1);
    let mut sent = 0;
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
        let body = json!({"model": "x", "messages": [{"role": "user", "content": format!("of {session}")}]});
        let reply = stack.send_bytes(&path, &headers, body.to_string()).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.header("x-muxspace-workspace"), format!("work-{session}"));
        assert_eq!(reply.header("x-muxspace-target"), format!("provider-{session}/m"));
        sent += 1;
    }
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_never_cross() {
    let _turn = TURN.lock().await;
    let stack = Stack::start(Options { concurrency: 2, ..Options::default() }).await;
    let mut providers = Vec::new();
    for session in 0..SESSIONS {
        let provider = Provider::start().await;
        stack.api.add_provider(&format!("provider-{session}"), &provider.endpoint()).await;
        let rules = json!([{"name": "own", "target": format!("provider-{session}/m")}]);
        stack.api.add_workspace(&format!("work-{session}"), rules).await;
        let body = json!({"id": format!("agent-{session}"), "active_workspace": format!("work-{session}")});
        stack.api.call(Method::POST, "/sessions?wait=applied", Some(body)).await.accepted();
        providers.push(provider);
    }
    let (stack, left) = (Arc::new(stack), Arc::new(AtomicUsize::new(REQUESTS)));
    let clients: Vec<_> = (0..CLIENTS).map(|n| tokio::spawn(client(stack.clone(), n, left.clone()))).collect();
    let mut sent = 0;
    for client in clients {
        sent += client.await.expect("every request went where it belongs");
    }
    assert_eq!(sent, REQUESTS);
    let mut reached = 0;
    for (session, provider) in providers.iter().enumerate() {
        for seen in provider.prompts() {
            assert_eq!(seen.json()["messages"][0]["content"], format!("of {session}"));
            assert_eq!(seen.header("authorization"), Some(format!("Bearer key-of-provider-{session}").as_str()));
            reached += 1;
        }
    }
    assert_eq!(reached, REQUESTS);
    let sessions = stack.api.get("/sessions").await;
    assert_eq!(sessions["items"].as_array().map(Vec::len), Some(SESSIONS + 1));
    println!("{REQUESTS} requests in {SESSIONS} sessions over {CLIENTS} connections: none crossed");
}

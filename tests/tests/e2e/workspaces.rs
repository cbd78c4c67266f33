//! The life of a workspace, as it shows in routing: every change is there with the write's answer.

use muxspace_tests::{Options, Stack};
use reqwest::Method;
use serde_json::{Value, json};

/// The workspace, rule and target that a prompt got, or the code it was refused with.
async fn routed(stack: &Stack, path: &str) -> String {
    let reply = stack.send(path, json!({"model": "x", "messages": [{"role": "user", "content": "hello"}]})).await;
    if reply.status != 200 {
        return reply.error_code();
    }
    ["workspace", "rule", "target"].map(|part| reply.header(&format!("x-muxspace-{part}")).to_owned()).join(" ")
}

const ACTIVE: &str = "/v1/mux/chat/completions";

/// A write that must be accepted and is waited for.
async fn write(stack: &Stack, method: Method, path: &str, body: Value) -> Value {
    let reply = stack.api.call(method, &format!("{path}?wait=applied"), Some(body)).await;
    assert!(reply.status.is_success(), "{path}: {} {}", reply.status, reply.body);
    reply.body
}

fn rules(name: &str, target: &str) -> Value {
    json!([{"name": name, "target": target}])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_write_leaves_rules_and_routing_also_after_a_restart() {
    let (mut stack, _one, _two) = Stack::with_providers(Options::default()).await;
    stack.api.put_rules("default", rules("kept", "one/kept")).await;
    let before = stack.api.get("/workspaces/default/rules").await;
    let bad = json!([{"name": "new", "target": "two/new"}, {"name": "bad", "target": "nobody/x"}]);
    assert_eq!(stack.api.put_rules_now("default", bad.clone()).await.status, 400);
    let made = stack.api.call(Method::POST, "/workspaces", Some(json!({"name": "failed", "rules": bad}))).await;
    assert_eq!(made.status, 400);
    for restarted in [false, true] {
        if restarted {
            stack.kill_server();
            stack.start_server().await;
            stack.nodes_are_back().await;
        }
        assert_eq!(stack.api.get("/workspaces/default/rules").await, before);
        assert_eq!(stack.api.call(Method::GET, "/workspaces/failed", None).await.status, 404);
        assert_eq!(routed(&stack, ACTIVE).await, "default kept one/kept");
        assert_eq!(routed(&stack, "/w/failed/v1/mux/chat/completions").await, "unknown_workspace");
    }
    // The name that failed is free.
    stack.api.add_workspace("failed", rules("now", "two/now")).await;
    assert_eq!(routed(&stack, "/w/failed/v1/mux/chat/completions").await, "failed now two/now");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_in_any_case_route() {
    let (stack, _one, _two) = Stack::with_providers(Options::default()).await;
    stack.api.add_workspace("BackEnd", rules("r", "two/x")).await;
    for path in ["/w/backend/v1/mux/chat/completions", "/w/BACKEND/v1/mux/chat/completions"] {
        assert_eq!(routed(&stack, path).await, "backend r two/x");
    }
    stack.api.activate("bAckend").await;
    assert_eq!(routed(&stack, ACTIVE).await, "backend r two/x");
    stack.api.put_rules("BACKEND", rules("s", "one/y")).await;
    assert_eq!(routed(&stack, ACTIVE).await, "backend s one/y");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_active_workspace_can_be_renamed() {
    let (stack, _one, _two) = Stack::with_providers(Options::default()).await;
    stack.api.add_workspace("old", rules("a", "one/a")).await;
    stack.api.activate("old").await;
    write(&stack, Method::PATCH, "/workspaces/old", json!({"name": "New"})).await;
    assert_eq!(routed(&stack, ACTIVE).await, "new a one/a");
    stack.api.put_rules("new", rules("b", "two/b")).await;
    assert_eq!(routed(&stack, ACTIVE).await, "new b two/b");
    assert_eq!(routed(&stack, "/w/old/v1/mux/chat/completions").await, "unknown_workspace");
    assert_eq!(stack.api.get("/sessions/default").await["active_workspace"], "new");
    let usage = stack.api.usage_of(2, std::time::Duration::from_secs(5)).await;
    assert!(usage["total"]["requests"].as_u64() >= Some(2));
    assert_eq!(stack.api.get("/workspaces/new/usage").await["total"]["requests"], 2, "history moved along");
}

#[tokio::test(flavor = "multi_thread")]
async fn archive_recover_activate() {
    let (stack, _one, _two) = Stack::with_providers(Options::default()).await;
    stack.api.add_workspace("w", rules("a", "two/a")).await;
    write(&stack, Method::PUT, "/workspaces/w/instructions", json!({"text": "Be kind."})).await;
    stack.api.activate("w").await;
    assert_eq!(stack.api.call(Method::POST, "/workspaces/w/archive", None).await.status, 409, "it is active");
    assert_eq!(routed(&stack, ACTIVE).await, "w a two/a");
    stack.api.activate("default").await;
    write(&stack, Method::POST, "/workspaces/w/archive", json!({})).await;
    assert_eq!(routed(&stack, "/w/w/v1/mux/chat/completions").await, "unknown_workspace");
    assert_eq!(stack.api.call(Method::POST, "/workspaces/w/activate", Some(json!({}))).await.status, 409);
    write(&stack, Method::POST, "/workspaces/w/recover", json!({})).await;
    assert_eq!(routed(&stack, "/w/w/v1/mux/chat/completions").await, "w a two/a");
    stack.api.activate("w").await;
    assert_eq!(routed(&stack, ACTIVE).await, "w a two/a");
    assert_eq!(stack.api.get("/workspaces/w/instructions").await["text"], "Be kind.");
    stack.api.activate("default").await;
    assert_eq!(stack.api.call(Method::DELETE, "/workspaces/w", None).await.status, 409, "it is not archived");
    write(&stack, Method::POST, "/workspaces/w/archive", json!({})).await;
    assert!(stack.api.call(Method::DELETE, "/workspaces/w", None).await.status.is_success());
    assert_eq!(stack.api.call(Method::POST, "/workspaces/w/recover", None).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_and_instructions_clear() {
    let (stack, one, _two) = Stack::with_providers(Options::default()).await;
    write(&stack, Method::PUT, "/workspaces/default/instructions", json!({"text": "Answer in \"French\".\n"})).await;
    assert_eq!(stack.prompt("hi").await.status, 200);
    let sent = one.last().json();
    assert_eq!(sent["messages"][0], json!({"role": "system", "content": "Answer in \"French\".\n"}));
    write(&stack, Method::PUT, "/workspaces/default/instructions", json!({"text": ""})).await;
    assert_eq!(stack.prompt("hi").await.status, 200);
    assert_eq!(one.last().json()["messages"].as_array().map(Vec::len), Some(1));
    write(&stack, Method::PUT, "/workspaces/default/rules", json!([])).await;
    assert_eq!(routed(&stack, ACTIVE).await, "no_matching_rule");
}

#[tokio::test(flavor = "multi_thread")]
async fn providers_go_and_move_without_losing_rules() {
    let (stack, _one, two) = Stack::with_providers(Options::default()).await;
    let both = json!([{"name": "first", "target": "one/a"}, {"name": "second", "target": "two/b"}]);
    stack.api.put_rules("default", both).await;
    let refused = stack.api.call(Method::DELETE, "/providers/one", None).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (409, &json!("in_use")));
    assert_eq!(routed(&stack, ACTIVE).await, "default first one/a");
    write(&stack, Method::PATCH, "/providers/two", json!({"name": "zwei"})).await;
    let removed = stack.api.call(Method::DELETE, "/providers/one?force=true&wait=applied", None).await;
    assert!(removed.status.is_success());
    assert_eq!(routed(&stack, ACTIVE).await, "default second zwei/b");
    let kept = stack.api.get("/workspaces/default/rules").await;
    assert_eq!((&kept["items"][0]["name"], &kept["items"][0]["broken"]), (&json!("first"), &json!(true)));
    assert_eq!(kept["items"][1]["target"], "zwei/b");
    stack.api.add_provider("one", &two.endpoint()).await;
    assert_eq!(routed(&stack, ACTIVE).await, "default first one/a", "whole again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_edit_is_seen_as_acked() {
    let (stack, _one, _two) = Stack::with_providers(Options { concurrency: 2, ..Options::default() }).await;
    let revision = stack.api.put_rules("default", rules("r", "one/x")).await;
    let nodes = stack.api.nodes().await;
    assert_eq!(nodes.len(), 3, "two workers and the main thread");
    for node in &nodes {
        assert_eq!((&node["revision_acked"], &node["lag"]), (&json!(revision), &json!(0)), "{node}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_workspace_takes_no_anonymous_request() {
    let (stack, _one, _two) = Stack::with_providers(Options::default()).await;
    stack.api.add_workspace("closed", rules("r", "one/x")).await;
    write(&stack, Method::PATCH, "/workspaces/closed", json!({"settings": {"anonymous": false}})).await;
    assert_eq!(routed(&stack, "/w/closed/v1/mux/chat/completions").await, "invalid_api_key");
    assert_eq!(routed(&stack, ACTIVE).await, "default everything one/mini");
    write(&stack, Method::PATCH, "/workspaces/closed", json!({"settings": {"anonymous": true}})).await;
    assert_eq!(routed(&stack, "/w/closed/v1/mux/chat/completions").await, "closed r one/x");
}

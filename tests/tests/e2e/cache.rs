//! Answers that are kept, as clients and providers see them.

use std::process::Command;
use std::time::{Duration, Instant};

use muxspace_tests::client::Reply;
use muxspace_tests::provider::answer::{honest, usage};
use muxspace_tests::{Answer, Options, Provider, Stack};
use reqwest::Method;
use serde_json::{Value, json};

const CHAT: &str = "/v1/mux/chat/completions";

async fn set(stack: &Stack, path: &str, body: Value) {
    let reply = stack.api.call(Method::PATCH, &format!("{path}?wait=applied"), Some(body)).await;
    assert!(reply.status.is_success(), "{path}: {} {}", reply.status, reply.body);
}

/// Keeps answers of workspace `default`.
async fn stack(options: Options) -> (Stack, Provider, Provider) {
    let (stack, one, two) = Stack::with_providers(options).await;
    set(&stack, "/workspaces/default", keep(600)).await;
    (stack, one, two)
}

fn keep(ttl_s: u32) -> Value {
    json!({"settings": {"cache": {"enabled": true, "ttl_s": ttl_s}}})
}

fn body(text: &str, more: Value) -> Value {
    let mut body = json!({"model": "any", "messages": [{"role": "user", "content": text}]});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    body
}

/// A prompt; what it said of the cache.
async fn ask(stack: &Stack, path: &str, body: Value) -> (String, Reply) {
    ask_with(stack, path, &[], body).await
}

async fn ask_with(stack: &Stack, path: &str, headers: &[(&str, &str)], body: Value) -> (String, Reply) {
    let reply = stack.send_bytes(path, headers, body.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    (reply.header("x-muxspace-cache").to_owned(), reply)
}

/// New workers that may find the control server too slow: on a busy machine it is, and a request waits for 20 ms alone.
const LATE_MAX: usize = 5;

/// What a worker gets that has nothing of its own, so that it is the control server's; and how many workers went without
/// before it, each of which must say so.
async fn ask_new_worker(stack: &mut Stack, body: Value) -> (Reply, usize) {
    for misses in 0..LATE_MAX {
        stack.restart_envoy().await;
        let (cache, reply) = ask(stack, CHAT, body.clone()).await;
        match cache.as_str() {
            "hit" => return (reply, misses),
            other => assert_eq!(other, "miss"),
        }
    }
    panic!("no worker of {LATE_MAX} got the answer from the control server");
}

/// What a worker gets that was asked before.
async fn ask_same_worker(stack: &Stack, body: Value) -> Reply {
    let (cache, reply) = ask(stack, CHAT, body).await;
    assert_eq!(cache, "hit");
    reply
}

/// The data of a stream's events.
fn events(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.header("content-type"), "text/event-stream");
    let text = reply.text();
    let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
    lines.map(|data| serde_json::from_str(data).unwrap_or_else(|_| data.into())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_prompt_is_answered_from_what_is_kept() {
    let (stack, one, _two) = stack(Options::default()).await;
    let (cache, first) = ask(&stack, CHAT, body("hello", json!({"user": "a"}))).await;
    assert_eq!(cache, "miss");
    let (cache, second) = ask(&stack, CHAT, body("hello", json!({"user": "b", "temperature": null}))).await;
    // A member more is another request, though it says nothing.
    assert_eq!(cache, "miss");
    let (cache, third) = ask(&stack, CHAT, body("hello", json!({"user": "c"}))).await;
    assert_eq!((cache.as_str(), third.json()), ("hit", first.json()));
    assert_eq!(second.status, 200);
    for name in ["x-muxspace-workspace", "x-muxspace-rule", "x-muxspace-target", "x-muxspace-revision"] {
        assert_eq!(third.header(name), first.header(name), "{name}");
    }
    assert_ne!(third.header("x-muxspace-request-id"), first.header("x-muxspace-request-id"));
    assert_eq!(third.header("content-type"), "application/json");
    assert_eq!(one.prompts().len(), 2);
    let usage = stack.api.usage_of(3, Duration::from_secs(5)).await;
    let said = &first.json()["usage"];
    assert_eq!((&usage["total"]["requests"], &usage["total"]["cache_hits"]), (&json!(3), &json!(1)), "{usage}");
    assert_eq!(usage["total"]["saved_input_tokens"], said["prompt_tokens"], "{usage}");
    assert_eq!(usage["total"]["saved_output_tokens"], said["completion_tokens"], "{usage}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_it_nothing_is_kept_or_said() {
    let (stack, one, _two) = Stack::with_providers(Options::default()).await;
    for _ in 0..2 {
        let (cache, reply) = ask(&stack, CHAT, body("hello", json!({}))).await;
        assert!(cache.is_empty() && !reply.headers.contains_key("x-muxspace-cache"));
    }
    assert_eq!(one.prompts().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_worker_gets_it_from_the_control_server() {
    let (mut stack, one, _two) = stack(Options::default()).await;
    let (_, first) = ask(&stack, CHAT, body("hello", json!({}))).await;
    let (second, misses) = ask_new_worker(&mut stack, body("hello", json!({}))).await;
    assert_eq!(second.json(), first.json());
    assert_eq!(one.prompts().len(), 1 + misses);
    assert_eq!(second.header("x-muxspace-target"), "one/mini");
    let usage = stack.api.usage_of(2 + misses as u64, Duration::from_secs(5)).await;
    assert_eq!(usage["total"]["cache_hits"], 1, "{usage}");
    // A body that had to change while it was asked for goes on as it must.
    let (cache, _) = ask(&stack, CHAT, body("another", json!({}))).await;
    assert_eq!((cache.as_str(), one.last().model().as_str()), ("miss", "mini"));
    assert_eq!(one.last().json()["messages"][0]["content"], "another");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_answers_and_streams_serve_each_other() {
    let (mut stack, one, _two) = stack(Options::default()).await;
    let stream = |usage| json!({"stream": true, "stream_options": {"include_usage": usage}});
    let (_, plain) = ask(&stack, CHAT, body("a", json!({}))).await;
    let (miss, first) = ask(&stack, CHAT, body("b", stream(false))).await;
    assert_eq!((miss.as_str(), events(&first).len()), ("miss", 3));
    let mut late = 0;
    for restarted in [false, true] {
        let (streamed, misses) = match restarted {
            true => ask_new_worker(&mut stack, body("a", stream(true))).await,
            false => (ask_same_worker(&stack, body("a", stream(true))).await, 0),
        };
        late += misses;
        // The answer that is kept is the provider's last one.
        let usage = if misses == 0 { plain.json()["usage"].clone() } else { usage(&one.last()) };
        let events = events(&streamed);
        let text: String = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
        assert_eq!(text, "Hello.");
        assert_eq!(events[events.len() - 2]["usage"], usage);
        assert_eq!(events.last(), Some(&json!("[DONE]")));
        let (whole, misses) = match restarted {
            true => ask_new_worker(&mut stack, body("b", json!({}))).await,
            false => (ask_same_worker(&stack, body("b", json!({}))).await, 0),
        };
        late += misses;
        let message = &whole.json()["choices"][0];
        assert_eq!(message["message"]["content"], "Hello.");
        assert_eq!(message["finish_reason"], "stop");
        // Only the gateway had asked for it.
        assert!(whole.json()["usage"]["total_tokens"].is_u64(), "{}", whole.text());
    }
    assert_eq!(one.prompts().len(), 2 + late);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_translated_answer_is_kept_in_the_clients_dialect() {
    let (stack, _one, _two) = stack(Options::default()).await;
    let claude = Provider::start().await;
    stack.api.add_provider_of("claude", "anthropic", &claude.endpoint()).await;
    stack.api.put_rules("default", json!([{"name": "r", "target": "claude/sonnet"}])).await;
    let (miss, first) = ask(&stack, CHAT, body("hello", json!({}))).await;
    let (hit, second) = ask(&stack, CHAT, body("hello", json!({}))).await;
    assert_eq!((miss.as_str(), hit.as_str()), ("miss", "hit"));
    assert_eq!(first.json()["choices"][0]["message"]["content"], "Hello.");
    assert_eq!(second.json(), first.json());
    let (hit, streamed) = ask(&stack, CHAT, body("hello", json!({"stream": true}))).await;
    assert_eq!(
        (hit.as_str(), events(&streamed)[1]["choices"][0]["delta"]["content"].as_str()),
        ("hit", Some("Hello."))
    );
    // In another dialect it is another request.
    let message = json!({"model": "any", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]});
    let (miss, own) = ask(&stack, "/v1/mux/messages", message.clone()).await;
    assert_eq!((miss.as_str(), &own.json()["content"][0]["text"]), ("miss", &json!("Hello.")));
    let streamed = {
        let mut message = message;
        message["stream"] = true.into();
        ask(&stack, "/v1/mux/messages", message).await
    };
    let names: Vec<Value> = events(&streamed.1).iter().map(|event| event["type"].clone()).collect();
    assert_eq!((streamed.0.as_str(), names.first()), ("hit", Some(&json!("message_start"))));
    assert_eq!(names.last(), Some(&json!("message_stop")));
    assert_eq!(claude.prompts().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_workspace_gets_the_answers_of_another() {
    let (stack, one, _two) = stack(Options::default()).await;
    stack.api.add_workspace("other", json!([{"name": "everything", "target": "one/mini"}])).await;
    set(&stack, "/workspaces/other", keep(600)).await;
    let other = "/w/other/v1/mux/chat/completions";
    for expected in ["miss", "hit"] {
        assert_eq!(ask(&stack, CHAT, body("hello", json!({}))).await.0, expected);
        assert_eq!(ask(&stack, other, body("hello", json!({}))).await.0, expected);
    }
    assert_eq!(one.prompts().len(), 2);
    // Nor do its instructions, or other targets.
    let path = "/workspaces/other/instructions?wait=applied";
    stack.api.call(Method::PUT, path, Some(json!({"text": "Be brief."}))).await.accepted();
    assert_eq!(ask(&stack, other, body("hello", json!({}))).await.0, "miss");
    stack.api.put_rules("other", json!([{"name": "everything", "target": "two/mini"}])).await;
    assert_eq!(ask(&stack, other, body("hello", json!({}))).await.0, "miss");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_may_decline() {
    let (stack, one, _two) = stack(Options::default()).await;
    let hot = || body("hot", json!({"temperature": 0.7}));
    for _ in 0..2 {
        assert_eq!(ask(&stack, CHAT, hot()).await.0, "bypass");
    }
    assert_eq!(one.prompts().len(), 2);
    let hello = || body("hello", json!({}));
    assert_eq!(ask_with(&stack, CHAT, &[("cache-control", "no-store")], hello()).await.0, "bypass");
    assert_eq!(ask(&stack, CHAT, hello()).await.0, "miss", "nothing was stored");
    one.answer(|seen| {
        let mut answer = honest(seen);
        let text = String::from_utf8_lossy(&answer.pieces[0].1).replace("Hello.", "Newer.");
        answer.pieces[0].1 = text.into();
        answer
    });
    assert_eq!(ask_with(&stack, CHAT, &[("cache-control", "no-cache")], hello()).await.0, "bypass");
    let (cache, reply) = ask(&stack, CHAT, hello()).await;
    assert_eq!((cache.as_str(), &reply.json()["choices"][0]["message"]["content"]), ("hit", &json!("Newer.")));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_complete_answers_are_kept() {
    let (stack, one, _two) = stack(Options::default()).await;
    let chunk = muxspace_tests::provider::answer::text_event("mini", "Hel");
    one.answer(move |_| Answer::sse([(Duration::ZERO, chunk.clone())]).broken_off());
    let streamed = || body("cut", json!({"stream": true})).to_string();
    let request = stack.http.post(stack.url(CHAT)).body(streamed()).send().await.expect("headers come");
    assert!(request.bytes().await.is_err(), "it broke off");
    one.answer(|_| Answer::error(500, "Broken."));
    let failed = stack.send(CHAT, body("bad", json!({}))).await;
    assert_eq!((failed.status.as_u16(), failed.header("x-muxspace-cache")), (500, "miss"));
    one.answer(honest);
    for text in ["cut", "bad"] {
        assert_eq!(ask(&stack, CHAT, body(text, json!({}))).await.0, "miss", "{text}");
        assert_eq!(ask(&stack, CHAT, body(text, json!({}))).await.0, "hit", "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_means_a_miss() {
    let (mut stack, one, _two) = stack(Options::default()).await;
    stack.kill_server();
    for number in 0..5 {
        let began = Instant::now();
        let (cache, _) = ask(&stack, CHAT, body(&format!("hello {number}"), json!({}))).await;
        assert_eq!(cache, "miss");
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
    assert_eq!(one.prompts().len(), 5);
    // Its own copies a worker still has.
    assert_eq!(ask(&stack, CHAT, body("hello 1", json!({}))).await.0, "hit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_slow_means_a_miss() {
    let (stack, one, _two) = stack(Options::default()).await;
    signal(&stack, "STOP");
    let mut slowest = Duration::ZERO;
    for number in 0..5 {
        let began = Instant::now();
        let (cache, reply) = ask(&stack, CHAT, body(&format!("hello {number}"), json!({}))).await;
        assert_eq!((cache.as_str(), reply.json()["model"].as_str()), ("miss", Some("mini")));
        slowest = slowest.max(began.elapsed());
    }
    signal(&stack, "CONT");
    assert_eq!(one.prompts().len(), 5);
    // 20 ms are waited; the rest is what a busy machine takes.
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
}

fn signal(stack: &Stack, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(stack.server_id().to_string()).status();
    assert!(sent.expect("kill runs").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_has_its_own_say() {
    let (stack, one, two) = Stack::with_providers(Options::default()).await;
    for name in ["one", "two"] {
        let model = json!({"alias": name, "model": format!("{name}/mini")});
        stack.api.post("/workspaces/default/models?wait=applied", model).await;
    }
    let deployment = json!({"name": "both", "policy": "round_robin", "targets": [{"model": "one"}, {"model": "two"}],
        "cache": {"enabled": true, "ttl_s": 600}});
    stack.api.post("/workspaces/default/deployments?wait=applied", deployment).await;
    let named = |model: &str| {
        let mut body = body("hello", json!({}));
        body["model"] = model.into();
        body
    };
    let path = "/v1/chat/completions";
    assert_eq!(ask(&stack, path, named("one")).await.0, "", "the workspace keeps nothing");
    let (cache, first) = ask(&stack, path, named("both")).await;
    assert_eq!(cache, "miss");
    for _ in 0..3 {
        let (cache, again) = ask(&stack, path, named("both")).await;
        assert_eq!((cache.as_str(), again.json()), ("hit", first.json()));
        assert_eq!(again.header("x-muxspace-target"), first.header("x-muxspace-target"), "who gave it");
    }
    assert_eq!(one.prompts().len() + two.prompts().len(), 2);
    set(&stack, "/workspaces/default", keep(600)).await;
    set(&stack, "/workspaces/default/deployments/both", json!({"cache": {"enabled": false}})).await;
    assert_eq!(ask(&stack, path, named("both")).await.0, "");
    assert_eq!(ask(&stack, path, named("one")).await.0, "miss");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_kept_for_its_time() {
    let (stack, one, _two) = stack(Options::default()).await;
    set(&stack, "/workspaces/default", keep(1)).await;
    let began = Instant::now();
    assert_eq!(ask(&stack, CHAT, body("hello", json!({}))).await.0, "miss");
    let (cache, _) = ask(&stack, CHAT, body("hello", json!({}))).await;
    assert!(cache == "hit" || began.elapsed() > Duration::from_secs(1), "{cache}");
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(ask(&stack, CHAT, body("hello", json!({}))).await.0, "miss");
    assert!(one.prompts().len() >= 2);
}

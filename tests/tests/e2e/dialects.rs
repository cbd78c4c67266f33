//! Clients and providers that speak different dialects, in a real Envoy between them.

use std::time::{Duration, Instant, SystemTime};

use muxspace_tests::{Answer, Options, Provider, Seen, Stack};
use serde_json::{Value, json};

/// Anthropic's answer to a prompt that offers a tool: some text and a call.
fn message(seen: &Seen) -> Answer {
    assert_eq!(seen.header("anthropic-version"), Some("2023-06-01"));
    let body = seen.json();
    let call = json!({"type": "tool_use", "id": "toolu_1", "name": "read", "input": {"path": "a.py"}});
    let (content, reason) = if body["tools"].is_array() {
        (json!([{"type": "text", "text": "Let me look."}, call]), "tool_use")
    } else {
        (json!([{"type": "text", "text": "Hello."}]), "end_turn")
    };
    let answer = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "content": content,
        "stop_reason": reason, "stop_sequence": null,
        "usage": {"input_tokens": 10, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 0, "output_tokens": 3}});
    Answer::json(200, answer.to_string())
}

/// `message`, streamed.
fn message_events() -> Answer {
    let events = [
        (
            "message_start",
            json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
            "model": "sonnet", "content": [], "stop_reason": null, "usage": {"input_tokens": 10, "output_tokens": 1}}}),
        ),
        (
            "content_block_start",
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        ),
        (
            "content_block_delta",
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}}),
        ),
        (
            "content_block_delta",
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo."}}),
        ),
        ("content_block_stop", json!({"type": "content_block_stop", "index": 0})),
        (
            "message_delta",
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}}),
        ),
        ("message_stop", json!({"type": "message_stop"})),
    ];
    Answer::sse(events.map(|(name, data)| (Duration::from_millis(5), format!("event: {name}\ndata: {data}\n\n"))))
}

async fn stack() -> (Stack, Provider) {
    let provider = Provider::start().await;
    let stack = Stack::start(Options::default()).await;
    stack.api.add_provider_of("claude", "anthropic", &provider.endpoint()).await;
    stack.api.add_provider_of("local", "vllm", &provider.endpoint()).await;
    (stack, provider)
}

async fn route(stack: &Stack, target: &str) {
    stack.api.put_rules("default", json!([{"name": "all", "target": target}])).await;
}

async fn usage(stack: &Stack, requests: u64) -> Value {
    stack.api.usage_of(requests, Duration::from_secs(5)).await["total"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn chat_to_messages() {
    let (stack, provider) = stack().await;
    route(&stack, "claude/sonnet").await;
    provider.answer(message);
    let tool = json!({"type": "function", "function": {"name": "read", "description": "Reads.", "parameters": {"type": "object"}}});
    let body = json!({"model": "x", "messages": [{"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Read a.py"}], "tools": [tool], "temperature": 0.5});
    let reply = stack.send("/v1/mux/chat/completions", body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let seen = provider.last();
    assert_eq!((seen.path.as_str(), seen.header("x-api-key")), ("/v1/messages", Some("key-of-claude")));
    assert_eq!(seen.header("content-length"), Some(seen.body.len().to_string().as_str()));
    let sent = seen.json();
    assert_eq!((&sent["model"], &sent["max_tokens"]), (&json!("sonnet"), &json!(4_096)));
    assert!(sent["system"].to_string().contains("Be brief."), "{sent}");
    assert_eq!(sent["tools"][0]["name"], "read");
    let answer = reply.json();
    let since_created = SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("after 1970")
        .as_secs()
        .abs_diff(answer["created"].as_u64().expect("a time"));
    assert!(since_created < 60, "{answer}");
    let choice = &answer["choices"][0];
    assert_eq!(
        (&choice["message"]["content"], &choice["finish_reason"]),
        (&json!("Let me look."), &json!("tool_calls"))
    );
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!((&call["id"], &call["function"]["name"]), (&json!("toolu_1"), &json!("read")));
    let arguments: Value = serde_json::from_str(call["function"]["arguments"].as_str().expect("text")).expect("JSON");
    assert_eq!(arguments, json!({"path": "a.py"}));
    assert_eq!((&answer["usage"]["prompt_tokens"], &answer["usage"]["completion_tokens"]), (&json!(15), &json!(3)));
    assert_eq!(reply.header("content-length"), reply.body.len().to_string());
    let total = usage(&stack, 1).await;
    assert_eq!(
        (&total["input_tokens"], &total["cached_input_tokens"], &total["output_tokens"]),
        (&json!(15), &json!(5), &json!(3))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn chat_to_messages_streamed() {
    let (stack, provider) = stack().await;
    route(&stack, "claude/sonnet").await;
    provider.answer(|_| message_events());
    let body = json!({"model": "x", "stream": true, "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": "hi"}]});
    let reply = stack.send("/v1/mux/chat/completions", body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(provider.last().wants_stream());
    let text = reply.text();
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    let chunks: Vec<Value> =
        text.split("\n\n").filter_map(|event| serde_json::from_str(event.strip_prefix("data: ")?).ok()).collect();
    let said: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(said, "Hello.");
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert!(chunks.iter().any(|chunk| chunk["choices"][0]["finish_reason"] == "stop"), "{text}");
    assert!(chunks.iter().any(|chunk| chunk["usage"]["prompt_tokens"] == 10), "{text}");
    let total = usage(&stack, 1).await;
    assert_eq!((&total["input_tokens"], &total["output_tokens"]), (&json!(10), &json!(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_and_responses_to_chat() {
    let (stack, provider) = stack().await;
    route(&stack, "local/m").await;
    let messages =
        json!({"model": "x", "max_tokens": 9, "system": "S", "messages": [{"role": "user", "content": "hi"}]});
    let reply = stack.send("/v1/mux/v1/messages?beta=true", messages.clone()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let seen = provider.last();
    assert_eq!(
        (seen.path.as_str(), seen.header("authorization")),
        ("/v1/chat/completions", Some("Bearer key-of-local"))
    );
    assert_eq!(seen.json()["messages"][0], json!({"role": "system", "content": "S"}));
    let answer = reply.json();
    assert_eq!((&answer["type"], &answer["content"][0]["text"]), (&json!("message"), &json!("Hello.")));
    assert_eq!(answer["stop_reason"], "end_turn");

    let reply = stack.send("/v1/mux/responses", json!({"model": "x", "input": "hi", "instructions": "S"})).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let answer = reply.json();
    assert_eq!((&answer["object"], &answer["status"]), (&json!("response"), &json!("completed")));
    assert!(answer["output"].to_string().contains("Hello."), "{answer}");

    for (path, body, last) in [
        ("/v1/mux/v1/messages", messages, "message_stop"),
        ("/v1/mux/responses", json!({"model": "x", "input": "hi"}), "response.completed"),
    ] {
        let mut body = body;
        body["stream"] = json!(true);
        let reply = stack.send(path, body).await;
        let text = reply.text();
        let events: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
        assert_eq!(events.last(), Some(&last), "{text}");
        assert!(text.contains("Hel") && text.contains("lo."), "{text}");
    }
    assert_eq!(usage(&stack, 4).await["requests"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_and_odd_answers_come_in_the_clients_dialect() {
    let (stack, provider) = stack().await;
    route(&stack, "claude/sonnet").await;
    let ask =
        async || stack.send("/v1/mux/chat/completions", json!({"messages": [{"role": "user", "content": "hi"}]})).await;
    provider.answer(|_| {
        let error = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
        Answer::json(529, error.to_string())
    });
    let reply = ask().await;
    assert_eq!(reply.status, 529);
    assert_eq!(
        (&reply.json()["error"]["message"], reply.header("content-type")),
        (&json!("Overloaded"), "application/json")
    );
    provider.answer(|_| Answer::json(200, "<html>not JSON</html>"));
    let reply = ask().await;
    assert_eq!((reply.status.as_u16(), reply.error_code().as_str()), (502, "bad_provider_answer"));
    for (status, passed_on) in [(401, 401), (200, 502)] {
        provider.answer(move |_| Answer::json(status, ""));
        assert_eq!(ask().await.status, passed_on, "of an empty {status}");
    }
    let total = usage(&stack, 4).await;
    assert_eq!((&total["input_tokens"], &total["output_tokens"]), (&json!(0), &json!(0)), "{total}");
    let refused = stack.send("/v1/mux/chat/completions", json!({"messages": [], "n": 2})).await;
    assert_eq!((refused.status.as_u16(), refused.error_code().as_str()), (422, "untranslatable"));
    assert_eq!(refused.json()["error"]["param"], "n");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_counted_or_estimated() {
    let (stack, provider) = stack().await;
    let body = json!({"model": "x", "messages": [{"role": "user", "content": "word ".repeat(400)}]});
    route(&stack, "claude/sonnet").await;
    provider.answer(|_| Answer::json(200, r#"{"input_tokens":401}"#));
    let counted = stack.send("/v1/mux/v1/messages/count_tokens", body.clone()).await;
    assert_eq!((&counted.json()["input_tokens"], counted.header("x-muxspace-estimated")), (&json!(401), ""));
    assert_eq!(provider.last().path, "/v1/messages/count_tokens");
    route(&stack, "local/m").await;
    let estimated = stack.send("/v1/mux/v1/messages/count_tokens", body).await;
    assert!(estimated.json()["input_tokens"].as_u64() > Some(400), "{}", estimated.text());
    assert_eq!(estimated.header("x-muxspace-estimated"), "true");
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_fields_are_named_and_counted() {
    let (stack, provider) = stack().await;
    route(&stack, "claude/sonnet").await;
    provider.answer(message);
    let body = json!({"messages": [{"role": "user", "content": "hi"}], "seed": 7, "logprobs": false});
    let reply = stack.send("/v1/mux/chat/completions", body).await;
    assert_eq!((reply.status.as_u16(), reply.header("x-muxspace-dropped-fields")), (200, "seed"), "{}", reply.text());
    assert!(provider.last().json().get("seed").is_none());
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let stats = stack.envoy_stats().await;
        let line = stats.lines().find(|line| line.contains("muxspace_fields_dropped{"));
        if line.is_some_and(|line| line.ends_with(" 1")) {
            break;
        }
        assert!(Instant::now() < deadline, "{line:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_listed_in_the_clients_shape() {
    let (stack, _provider) = stack().await;
    route(&stack, "claude/sonnet").await;
    let openai = stack.get("/v1/models").await.json();
    assert_eq!((&openai["object"], &openai["data"][1]["id"]), (&json!("list"), &json!("claude/sonnet")));
    let request = stack.http.get(stack.url("/v1/models?limit=10")).header("anthropic-version", "2023-06-01");
    let anthropic: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(anthropic["data"][1]["type"], "model");
    assert_eq!((&anthropic["first_id"], &anthropic["last_id"]), (&json!("mux"), &json!("claude/sonnet")));
}

//! Deployments through a real Envoy: tries in order, each in its target's own dialect, and one clean answer.

use std::time::{Duration, Instant};

use muxspace_tests::client::Reply;
use muxspace_tests::provider::{answer, refusing_endpoint};
use muxspace_tests::{Answer, Options, Provider, Seen, Stack};
use serde_json::{Value, json};

/// A message as Anthropic answers, plain or streamed as asked.
pub fn message(seen: &Seen) -> Answer {
    let model = seen.model();
    let usage = json!({"input_tokens": 7, "output_tokens": 2});
    if !seen.wants_stream() {
        let content = json!([{"type": "text", "text": "Hello."}]);
        let answer = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": content,
            "stop_reason": "end_turn", "stop_sequence": null, "usage": usage});
        return Answer::json(200, answer.to_string());
    }
    let start = json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
        "model": model, "content": [], "stop_reason": null, "usage": {"input_tokens": 7, "output_tokens": 1}}});
    let block = json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
    let delta = json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello."}});
    let stop = json!({"type": "content_block_stop", "index": 0});
    let end = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}});
    let events = [start, block, delta, stop, end, json!({"type": "message_stop"})];
    Answer::sse(events.map(|data| {
        let name = data["type"].as_str().unwrap_or_default().to_owned();
        (Duration::from_millis(1), format!("event: {name}\ndata: {data}\n\n"))
    }))
}

/// Three providers, `first` and `third` of chat and `second` of messages, each with one model in the collection.
struct Bench {
    stack: Stack,
    first: Provider,
    second: Provider,
    third: Provider,
}

impl Bench {
    async fn start() -> Self {
        let (first, second, third) = (Provider::start().await, Provider::start().await, Provider::start().await);
        second.answer(message);
        let stack = Stack::start(Options::default()).await;
        stack.api.add_provider_of("first", "vllm", &first.endpoint()).await;
        stack.api.add_provider_of("second", "anthropic", &second.endpoint()).await;
        stack.api.add_provider_of("third", "openai", &third.endpoint()).await;
        for name in ["first", "second", "third"] {
            let model = json!({"alias": name, "model": format!("{name}/{name}-model")});
            stack.api.post("/workspaces/default/models?wait=applied", model).await;
        }
        Self { stack, first, second, third }
    }

    async fn deploy(&self, deployment: Value) {
        self.stack.api.post("/workspaces/default/deployments?wait=applied", deployment).await;
    }

    async fn ask(&self, name: &str, stream: bool) -> Reply {
        let body = json!({"model": name, "stream": stream, "messages": [{"role": "user", "content": "hi"}]});
        self.stack.send("/v1/chat/completions", body).await
    }

    fn prompts(&self) -> [usize; 3] {
        [&self.first, &self.second, &self.third].map(|provider| provider.prompts().len())
    }

    async fn usage(&self, requests: u64) -> Value {
        self.stack.api.usage_of(requests, Duration::from_secs(5)).await
    }
}

fn targets(names: &[&str]) -> Value {
    names.iter().map(|name| json!({"model": name})).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_try_speaks_its_targets_dialect_and_the_client_sees_one_answer() {
    let bench = Bench::start().await;
    let refused = refusing_endpoint().await;
    bench.stack.api.add_provider_of("gone", "vllm", &refused).await;
    bench.stack.api.post("/workspaces/default/models?wait=applied", json!({"alias": "gone", "model": "gone/x"})).await;
    bench
        .deploy(json!({"name": "all", "targets": targets(&["gone", "second", "third"]), "breaker": {"failures": 0}}))
        .await;
    bench.second.answer(|_| {
        let error = json!({"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down"}});
        Answer::json(429, error.to_string()).header("retry-after", "0")
    });
    for stream in [false, true] {
        let reply = bench.ask("all", stream).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(
            (reply.header("x-muxspace-target"), reply.header("x-muxspace-attempts")),
            ("third/third-model", "3")
        );
        assert!(reply.header("retry-after").is_empty());
        if stream {
            assert!(reply.text().ends_with("data: [DONE]\n\n"), "{}", reply.text());
            assert!(!reply.text().contains("\"usage\":{"), "nobody asked for usage: {}", reply.text());
        } else {
            assert_eq!(reply.json()["choices"][0]["message"]["content"], "Hello.");
        }
        let (second, third) = (bench.second.last(), bench.third.last());
        assert_eq!((second.path.as_str(), second.header("x-api-key")), ("/v1/messages", Some("key-of-second")));
        assert_eq!((second.model().as_str(), &second.json()["max_tokens"]), ("second-model", &json!(4_096)));
        assert_eq!(second.header("anthropic-version"), Some("2023-06-01"));
        assert_eq!(third.path, "/v1/chat/completions");
        assert_eq!(third.header("authorization"), Some("Bearer key-of-third"));
        assert_eq!((third.model().as_str(), third.wants_usage()), ("third-model", stream));
        for seen in [second, third] {
            assert_eq!(seen.header("content-length"), Some(seen.body.len().to_string().as_str()));
            let leaked = seen
                .headers
                .keys()
                .find(|name| name.as_str().starts_with("x-muxspace") || name.as_str().starts_with("x-envoy"));
            assert_eq!(leaked, None);
        }
    }
    assert_eq!(bench.prompts(), [0, 2, 2]);
    let total = bench.usage(2).await["total"].clone();
    let expected: (u64, u64) =
        bench.third.prompts().iter().map(answer::tokens).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert_eq!((&total["input_tokens"], &total["output_tokens"]), (&json!(expected.0), &json!(expected.1)));
    assert_eq!(total["estimated_requests"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_providers_error_comes_back_and_a_broken_stream_is_not_tried_again() {
    let bench = Bench::start().await;
    bench.deploy(json!({"name": "two", "targets": targets(&["first", "second"]), "breaker": {"failures": 0}})).await;
    bench.first.answer(|_| Answer::error(500, "broken"));
    bench.second.answer(|_| {
        let error = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
        Answer::json(529, error.to_string())
    });
    let reply = bench.ask("two", false).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["error"]["message"]), (529, &json!("Overloaded")));
    assert_eq!(bench.prompts(), [1, 1, 0]);

    bench.first.answer(|seen| {
        let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": seen.model(),
            "choices": [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": null}]});
        Answer::sse([(Duration::ZERO, format!("data: {chunk}\n\n"))]).broken_off()
    });
    let body = json!({"model": "two", "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    let request = bench.stack.http.post(bench.stack.url("/v1/chat/completions")).json(&body);
    let answer = request.send().await.expect("the answer begins");
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.is_err(), "a cut stream is not made to look complete");
    assert_eq!(bench.prompts(), [2, 1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_target_gives_way_to_the_next() {
    let bench = Bench::start().await;
    bench.deploy(json!({"name": "quick", "targets": targets(&["second", "first"]), "try_timeout_ms": 2_000})).await;
    bench.second.answer(|seen| message(seen).after(Duration::from_secs(20)));
    let reply = bench.ask("quick", false).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("x-muxspace-target")),
        (200, "first/first-model"),
        "{}",
        reply.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn open_targets_are_left_alone() {
    let bench = Bench::start().await;
    bench
        .deploy(json!({"name": "all", "targets": targets(&["first", "second", "third"]),
        "breaker": {"failures": 2, "window_s": 60, "cooldown_s": 60}}))
        .await;
    bench.first.answer(|_| Answer::error(503, "down"));
    bench.second.answer(|_| Answer::json(503, "{}"));
    for _ in 0..2 {
        assert_eq!(bench.ask("all", false).await.status, 200);
    }
    assert_eq!(bench.prompts(), [2, 2, 2]);
    // Both are open: neither is asked, whichever comes first.
    for _ in 0..5 {
        let reply = bench.ask("all", false).await;
        assert_eq!((reply.status.as_u16(), reply.header("x-muxspace-attempts")), (200, ""));
    }
    assert_eq!(bench.prompts(), [2, 2, 7]);
    // Now `third` fails too; when all are open, they are tried in order.
    bench.first.answer(answer::honest);
    bench.third.answer(|_| Answer::error(503, "down"));
    for _ in 0..2 {
        assert_eq!(bench.ask("all", false).await.status, 503);
    }
    let reply = bench.ask("all", false).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("x-muxspace-target")),
        (200, "first/first-model"),
        "{}",
        reply.text()
    );
    assert_eq!(bench.prompts(), [3, 2, 9]);
}

/// Median time of an answer.
async fn median_time(bench: &Bench, name: &str) -> Duration {
    let mut times = Vec::new();
    for _ in 0..31 {
        let started = Instant::now();
        assert_eq!(bench.ask(name, false).await.status, 200);
        times.push(started.elapsed());
    }
    times.sort_unstable();
    times[15]
}

#[tokio::test(flavor = "multi_thread")]
async fn moving_on_waits_for_nothing() {
    let bench = Bench::start().await;
    bench.deploy(json!({"name": "both", "targets": targets(&["first", "third"]), "breaker": {"failures": 0}})).await;
    bench.first.answer(|_| Answer::error(503, "down"));
    let (one, two) = (median_time(&bench, "third").await, median_time(&bench, "both").await);
    println!("median time of an answer: {one:?} from one target, {two:?} from a second one");
    // Envoy's own pause before a retry would be 12 ms on average.
    assert!(two < one * 2 + Duration::from_millis(6), "{one:?} {two:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_try_takes_nothing_of_the_one_before_along() {
    let bench = Bench::start().await;
    let own =
        json!({"name": "own", "type": "vllm", "endpoint": bench.third.endpoint(), "auth": {"type": "passthrough"}});
    bench.stack.api.post("/providers?wait=applied", own).await;
    bench.stack.api.post("/workspaces/default/models?wait=applied", json!({"alias": "own", "model": "own/x"})).await;
    bench.deploy(json!({"name": "all", "targets": targets(&["second", "first", "own"])})).await;
    bench.second.answer(|_| Answer::json(503, "{}"));
    bench.first.answer(|_| Answer::error(503, "down"));
    let headers = [("authorization", "Bearer mine"), ("anthropic-beta", "b"), ("openai-organization", "o")];
    let body = json!({"model": "all", "messages": [{"role": "user", "content": "hi"}]}).to_string();
    let reply = bench.stack.send_bytes("/v1/chat/completions", &headers, body).await;
    assert_eq!(reply.header("x-muxspace-target"), "own/x", "{}", reply.text());
    let seen = [bench.second.last(), bench.first.last(), bench.third.last()];
    let header = |name: &str| seen.each_ref().map(|seen| seen.header(name).map(str::to_owned));
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(header("authorization"), [None, some("Bearer key-of-first"), some("Bearer mine")]);
    assert_eq!(header("x-api-key"), [some("key-of-second"), None, None]);
    assert_eq!(header("anthropic-version"), [some("2023-06-01"), None, None]);
    assert_eq!(header("openai-organization"), [None, some("o"), some("o")]);
    assert_eq!(header("anthropic-beta"), [None, some("b"), some("b")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_an_address_is_passed_over_and_its_key_goes_nowhere() {
    let bench = Bench::start().await;
    bench.stack.api.add_provider_of("nowhere", "vllm", "http://no-such-host.invalid/v1").await;
    bench
        .stack
        .api
        .post("/workspaces/default/models?wait=applied", json!({"alias": "nowhere", "model": "nowhere/x"}))
        .await;
    bench
        .deploy(
            json!({"name": "lost", "targets": targets(&["nowhere", "second", "first"]), "breaker": {"failures": 0}}),
        )
        .await;
    for round in 1..=2 {
        let reply = bench.ask("lost", false).await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("x-muxspace-target")),
            (200, "second/second-model"),
            "{}",
            reply.text()
        );
        let seen = bench.second.last();
        assert_eq!((seen.path.as_str(), seen.model().as_str()), ("/v1/messages", "second-model"));
        assert_eq!((seen.header("x-api-key"), seen.header("authorization")), (Some("key-of-second"), None));
        assert_eq!(bench.prompts(), [0, round, 0]);
    }
    bench.second.answer(|_| Answer::json(529, "{}"));
    let reply = bench.ask("lost", false).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("x-muxspace-target")),
        (200, "first/first-model"),
        "{}",
        reply.text()
    );
    assert_eq!(bench.first.last().header("authorization"), Some("Bearer key-of-first"));
}

//! Usage recorded is what providers said.

use std::time::{Duration, Instant};

use muxspace_tests::provider::answer::honest;
use muxspace_tests::{Answer, Options, Stack};
use serde_json::json;

use crate::{TURN, recorded, said};

const REQUESTS: usize = 1_000;
const CLIENTS: usize = 10;

/// Request number `number`: plain, streamed, streamed with usage, failing, by rule and by name.
fn mixed(number: usize) -> (&'static str, String) {
    let mut body = json!({"model": "x", "messages": [{"role": "user", "content": format!("request {number}")}]});
    if number % 3 == 1 {
        body["stream"] = json!(true);
    }
    if number % 6 == 1 {
        body["stream_options"] = json!({"include_usage": true});
    }
    if number % 10 == 9 {
        body["user"] = json!("fail");
    }
    if number % 4 == 3 {
        body["model"] = json!("two/large");
        return ("/v1/chat/completions", body.to_string());
    }
    if number.is_multiple_of(5) {
        body["messages"][0]["content"] = json!(format!("```md notes-{number}.md\n# {number}\n```"));
    }
    ("/v1/mux/chat/completions", body.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_mixed_requests_over_two_workers_are_counted_exactly() {
    let _turn = TURN.lock().await;
    let (stack, one, two) = Stack::with_providers(Options { concurrency: 2, ..Options::default() }).await;
    let rules = json!([{"name": "docs", "when": {"file": "*.md"}, "target": "two/docs"}, {"name": "rest", "target": "one/mini"}]);
    stack.api.put_rules("default", rules).await;
    let fails = |seen: &muxspace_tests::Seen| seen.json()["user"] == "fail";
    for provider in [&one, &two] {
        provider.answer(move |seen| if fails(seen) { Answer::error(500, "broken") } else { honest(seen) });
    }

    let start = Instant::now();
    let clients = (0..CLIENTS).map(|client| {
        let (http, base) = (muxspace_tests::client::http(), stack.url(""));
        tokio::spawn(async move {
            for number in (client..REQUESTS).step_by(CLIENTS) {
                let (path, body) = mixed(number);
                let answer = http.post(format!("{base}{path}")).body(body).send().await.expect("an answer");
                let status = answer.status().as_u16();
                answer.bytes().await.expect("a whole answer");
                assert_eq!(status, if number % 10 == 9 { 500 } else { 200 }, "request {number}");
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.expect("a client that is content");
    }
    println!("{REQUESTS} mixed requests in {:?}", start.elapsed());

    let usage = stack.api.usage_of(REQUESTS as u64, Duration::from_secs(15)).await;
    let said = said([("one", &one), ("two", &two)], |seen| !fails(seen));
    assert_eq!(recorded(&usage), said);
    assert_eq!(usage["total"]["requests"], REQUESTS, "{}", usage["total"]);
    assert_eq!(usage["total"]["errors"], REQUESTS / 10, "{}", usage["total"]);
    assert_eq!(usage["total"]["estimated_requests"], 0, "{}", usage["total"]);
}

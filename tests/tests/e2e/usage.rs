//! What is recorded of single requests. Sums under load are in the `load` tests.

use std::time::Duration;

use muxspace_tests::provider::answer::{text_event, tokens};
use muxspace_tests::{Answer, Options, Stack};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_hang_up_leaves_an_estimated_record() {
    let (stack, one, _two) = Stack::with_providers(Options::default()).await;
    one.answer(|_| {
        let words = (0..20).map(|number| (Duration::from_millis(20), text_event("m", &format!("word {number} "))));
        Answer::sse(words).never_ending()
    });
    let body = json!({"model": "x", "stream": true, "messages": [{"role": "user", "content": "tell me a story"}]});
    let url = stack.url("/v1/mux/chat/completions");
    let mut response = stack.http.post(url).json(&body).send().await.expect("an answer");
    for _ in 0..5 {
        response.chunk().await.expect("a piece").expect("a piece");
    }
    drop(response);
    let usage = stack.api.usage_of(1, Duration::from_secs(10)).await;
    let total = &usage["total"];
    assert_eq!((&total["requests"], &total["estimated_requests"]), (&json!(1), &json!(1)), "{usage}");
    assert!(total["output_tokens"].as_u64() > Some(0), "what was seen is counted: {usage}");
    assert!(total["input_tokens"].as_u64() > Some(0), "what was sent is counted: {usage}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_record_for_each_request() {
    let (stack, one, two) = Stack::with_providers(Options::default()).await;
    assert_eq!(stack.prompt("counted").await.status, 200);
    let (input, output) = tokens(&one.last());
    assert_eq!(stack.send("/v1/chat/completions", json!({"model": "two/large", "messages": []})).await.status, 200);
    let (large_input, large_output) = tokens(&two.last());
    one.answer(|_| Answer::error(500, "broken"));
    assert_eq!(stack.prompt("fails").await.status, 500);

    let usage = stack.api.usage_of(3, Duration::from_secs(10)).await;
    let rows = usage["items"].as_array().expect("rows");
    let row = |name: &str| {
        rows.iter().find(|row| row["key"].to_string().contains(name)).unwrap_or_else(|| panic!("{name}: {usage}"))
    };
    let mini = row("mini");
    assert_eq!((&mini["requests"], &mini["errors"]), (&json!(2), &json!(1)), "{mini}");
    assert_eq!((&mini["input_tokens"], &mini["output_tokens"]), (&json!(input), &json!(output)), "{mini}");
    let large = row("large");
    assert_eq!((&large["requests"], &large["errors"]), (&json!(1), &json!(0)), "{large}");
    assert_eq!(
        (&large["input_tokens"], &large["output_tokens"]),
        (&json!(large_input), &json!(large_output)),
        "{large}"
    );
    assert_eq!(usage["total"]["requests"], 3, "{usage}");
    assert_eq!(usage["total"]["estimated_requests"], 0, "{usage}");
    // By workspace and by rule, the same requests.
    let by_rule = stack.api.get("/workspaces/default/usage?by=rule").await;
    assert_eq!(by_rule["total"]["requests"], 3, "{by_rule}");
    assert!(by_rule["items"].to_string().contains("everything"), "{by_rule}");
}

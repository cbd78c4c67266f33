//! A provider that is added or changed over REST is routable without a restart.

use muxspace_tests::{Options, Provider, Stack};
use reqwest::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn providers_come_move_and_go_while_traffic_flows() {
    let (stack, one, _two) = Stack::with_providers(Options { concurrency: 2, ..Options::default() }).await;
    let late = Provider::start().await;
    stack.api.add_provider("late", &late.endpoint()).await;
    stack.api.put_rules("default", json!([{"name": "late", "target": "late/m"}])).await;
    assert_eq!(stack.prompt("hi").await.status, 200);
    assert_eq!(late.last().header("authorization"), Some("Bearer key-of-late"));

    // Another endpoint: a request is served by the old one or by the new one, and none fails.
    let moved = Provider::start().await;
    let load = {
        let (http, url) = (stack.http.clone(), stack.url("/v1/mux/chat/completions"));
        tokio::spawn(async move {
            let mut statuses = Vec::new();
            for _ in 0..400 {
                let answer = http.post(&url).body(r#"{"messages":[]}"#).send().await.expect("an answer");
                statuses.push(answer.status().as_u16());
            }
            statuses
        })
    };
    let endpoint = json!({"endpoint": format!("http://{}/other/base", moved.address())});
    stack.api.call(Method::PATCH, "/providers/late?wait=applied", Some(endpoint)).await.accepted();
    late.forget();
    for _ in 0..8 {
        assert_eq!(stack.prompt("hi").await.header("x-muxspace-target"), "late/m");
    }
    assert_eq!(moved.last().path, "/other/base/chat/completions");
    assert_eq!(moved.last().header("authorization"), Some("Bearer key-of-late"), "the key is kept");
    let statuses = load.await.expect("the load ends");
    assert!(statuses.iter().all(|status| *status == 200), "failed requests: {statuses:?}");
    assert!(late.prompts().is_empty(), "the old endpoint is still used after the change was applied");

    // Another key.
    let key = json!({"auth": {"type": "api_key", "api_key": "newer"}});
    stack.api.call(Method::PATCH, "/providers/late?wait=applied", Some(key)).await.accepted();
    assert_eq!(stack.prompt("hi").await.status, 200);
    assert_eq!(moved.last().header("authorization"), Some("Bearer newer"));

    // In use: refused, and nothing changes. Forced: its rule no longer matches.
    let refused = stack.api.call(Method::DELETE, "/providers/late", None).await;
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert_eq!(stack.prompt("hi").await.status, 200);
    let rules = json!([{"name": "late", "target": "late/m"}, {"name": "rest", "target": "one/mini"}]);
    stack.api.put_rules("default", rules).await;
    stack.api.call(Method::DELETE, "/providers/late?force=true&wait=applied", None).await.accepted();
    one.forget();
    assert_eq!(stack.prompt("hi").await.header("x-muxspace-rule"), "rest");
    assert_eq!(one.prompts().len(), 1);
}

//! What a client sends and a provider must not get, and what a client must not be able to choose.

use muxspace_tests::{Options, Stack};
use serde_json::json;

const BODY: &str = r#"{"model":"x","messages":[{"role":"user","content":"hi"}]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_gets_its_own_key_and_model() {
    let (stack, one, _two) = Stack::with_providers(Options::default()).await;
    let credentials: [&[(&str, &str)]; 6] = [
        &[],
        &[("authorization", "Bearer sk-client-secret")],
        &[("authorization", "Basic c2stY2xpZW50LXNlY3JldA==")],
        &[("x-api-key", "sk-client-secret")],
        &[("api-key", "sk-client-secret"), ("x-api-key", "sk-client-secret")],
        &[("authorization", ""), ("cookie", "session=sk-client-secret")],
    ];
    let models = [r#""x""#, r#""""#, "null", r#""one/other""#, r#""\u006dux""#];
    let mut bodies: Vec<String> = models.iter().map(|model| format!(r#"{{"model":{model},"messages":[]}}"#)).collect();
    bodies.push(r#"{"messages":[]}"#.to_owned());
    for headers in credentials {
        for body in &bodies {
            one.forget();
            let reply = stack.send_bytes("/v1/mux/chat/completions", headers, body.clone()).await;
            assert_eq!(reply.status, 200, "{headers:?} {body}: {}", reply.text());
            let seen = one.last();
            assert_eq!(seen.model(), "mini", "{body}");
            assert_eq!(seen.path, "/v1/chat/completions");
            assert_eq!(seen.header("authorization"), Some("Bearer key-of-one"), "{headers:?}");
            assert_eq!(seen.header("host"), Some(one.address().to_string().as_str()));
            let all = format!("{:?} {}", seen.headers, String::from_utf8_lossy(&seen.body));
            assert!(!all.contains("client-secret") && !all.contains("c2stY2xpZW50"), "the client's key: {all}");
            for name in ["x-api-key", "api-key", "accept-encoding"] {
                assert_eq!(seen.header(name), None, "{name} reached the provider");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_cannot_steer_by_internal_headers() {
    let (stack, one, two) = Stack::with_providers(Options::default()).await;
    // The real name of the other provider's cluster, which a client might learn.
    let stats = stack.envoy_stats().await;
    let cluster = stats.split('"').find(|word| word.starts_with("muxspace_two_")).expect("Envoy names the cluster");
    let headers = [
        ("x-muxspace-cluster", cluster),
        ("x-muxspace-target", "two/large"),
        ("x-muxspace-model", "large"),
        ("x-muxspace-rule", "none"),
        ("x-muxspace-revision", "1"),
        ("x-muxspace-request-id", "stolen"),
        ("x-muxspace-anything", "1"),
        ("x-envoy-max-retries", "9"),
        ("x-envoy-retry-on", "5xx"),
        ("x-envoy-upstream-rq-timeout-ms", "1"),
        ("x-envoy-original-path", "/v1/elsewhere"),
    ];
    for path in ["/v1/mux/chat/completions", "/v1/chat/completions?model=two/large"] {
        one.forget();
        let body = if path.contains("/mux/") { BODY.to_owned() } else { BODY.replace("\"x\"", "\"mux\"") };
        let reply = stack.send_bytes(path, &headers, body).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.header("x-muxspace-target"), "one/mini");
        assert_ne!(reply.header("x-muxspace-request-id"), "stolen");
        assert!(!reply.header("x-muxspace-request-id").is_empty());
        assert!(reply.headers.get("x-muxspace-cluster").is_none(), "the answer names a cluster: {:?}", reply.headers);
        let seen = one.last();
        let leaked: Vec<_> = seen.headers.keys().filter(|name| name.as_str().starts_with("x-muxspace-")).collect();
        assert!(leaked.is_empty(), "{leaked:?} reached the provider");
        let retries: Vec<_> = ["x-envoy-max-retries", "x-envoy-retry-on"].map(|name| seen.header(name)).into();
        assert_eq!(retries, [None, None], "retry headers reached the provider");
    }
    assert!(two.prompts().is_empty(), "the client chose the cluster");

    // A failing provider is asked once, whatever the client says about retries.
    one.forget();
    one.answer(|_| muxspace_tests::Answer::error(503, "busy"));
    let reply = stack.send_bytes("/v1/mux/chat/completions", &headers, BODY).await;
    assert_eq!((reply.status.as_u16(), one.prompts().len()), (503, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn workspaces_by_header_do_not_reach_the_provider() {
    let (stack, one, two) = Stack::with_providers(Options::default()).await;
    stack.api.add_workspace("team", json!([{"name": "all", "target": "two/large"}])).await;
    let reply = stack.send_bytes("/v1/mux/chat/completions", &[("x-muxspace-workspace", "team")], BODY).await;
    assert_eq!(reply.header("x-muxspace-workspace"), "team");
    assert_eq!(reply.header("x-muxspace-target"), "two/large");
    let seen = two.last();
    assert!(seen.headers.keys().all(|name| !name.as_str().starts_with("x-muxspace-")), "{:?}", seen.headers);
    assert!(one.prompts().is_empty());
}

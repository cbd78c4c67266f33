//! Virtual keys: what they open, what they do not, and that no provider ever sees one.

use std::time::{Duration, Instant};

use muxspace_tests::api::Reply as ApiReply;
use muxspace_tests::client::{self, Reply};
use muxspace_tests::{Options, Provider, Stack};
use reqwest::Method;
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";

/// A key as it was made.
struct Made {
    id: u64,
    text: String,
}

impl Made {
    fn of(reply: &ApiReply) -> Self {
        reply.accepted();
        let text = reply.body["key"].as_str().expect("the answer has the key").to_owned();
        Self { id: reply.body["id"].as_u64().expect("an id"), text }
    }
}

async fn post(stack: &Stack, path: &str, body: Value) -> ApiReply {
    stack.api.call(Method::POST, &format!("{path}?wait=applied"), Some(body)).await
}

async fn make_key(stack: &Stack, workspace: &str, body: Value) -> Made {
    Made::of(&post(stack, &format!("/workspaces/{workspace}/keys"), body).await)
}

/// Two workspaces that only keys open. Each has a model and a deployment of its own name.
async fn teams() -> (Stack, Provider, Provider) {
    let (stack, one, two) = Stack::with_providers(Options::default()).await;
    for (team, provider) in [("alpha", "one"), ("beta", "two")] {
        let settings = json!({"anonymous": false});
        post(&stack, "/workspaces", json!({"name": team, "rules": [], "settings": settings})).await.accepted();
        let path = format!("/workspaces/{team}");
        let model = json!({"alias": format!("{team}-model"), "model": format!("{provider}/mini")});
        post(&stack, &format!("{path}/models"), model).await.accepted();
        let targets = json!([{"model": format!("{team}-model")}]);
        let deployment = json!({"name": format!("{team}-pool"), "policy": "ordered", "targets": targets});
        post(&stack, &format!("{path}/deployments"), deployment).await.accepted();
        stack.api.put_rules(team, json!([{"name": "all", "target": format!("{team}-model")}])).await;
    }
    (stack, one, two)
}

fn body(model: &str) -> String {
    json!({"model": model, "messages": [{"role": "user", "content": "hi"}]}).to_string()
}

async fn ask(stack: &Stack, key: &str, path: &str, model: &str) -> Reply {
    stack.send_bytes(path, &[("x-api-key", key)], body(model)).await
}

async fn listed(stack: &Stack, key: &str) -> Vec<String> {
    let request = stack.http.get(stack.url("/v1/models")).bearer_auth(key);
    let reply = client::send(request).await.expect("an answer");
    assert_eq!(reply.status, 200, "{}", reply.text());
    let items = reply.json()["data"].as_array().cloned().unwrap_or_default();
    items.iter().filter_map(|item| Some(item["id"].as_str()?.to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_its_workspace_from_wherever_it_is_shown() {
    let (stack, one, two) = teams().await;
    let key = make_key(&stack, "alpha", json!({"name": "k"})).await.text;
    let bearer = format!("Bearer {key}");
    for shown in [
        &[("authorization", bearer.as_str())][..],
        &[("x-api-key", &key)],
        &[("api-key", &key)],
        &[("api-key", &key), ("authorization", &bearer), ("x-note", &key)],
    ] {
        for model in ["alpha-model", "alpha-pool", "mux"] {
            one.forget();
            let reply = stack.send_bytes(CHAT, shown, body(model)).await;
            assert_eq!(reply.status, 200, "{shown:?} {model}: {}", reply.text());
            assert_eq!(reply.header("x-muxspace-workspace"), "alpha");
            let seen = one.last();
            assert_eq!(seen.header("authorization"), Some("Bearer key-of-one"));
            assert!(!format!("{:?}", seen.headers).contains("vk_"), "{:?}", seen.headers);
        }
    }
    assert!(two.prompts().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_gets_clients_credentials_gets_no_key() {
    let (stack, _one, _two) = teams().await;
    let third = Provider::start().await;
    let provider =
        json!({"name": "third", "type": "openai", "endpoint": third.endpoint(), "auth": {"type": "passthrough"}});
    post(&stack, "/providers", provider).await.accepted();
    let model = json!({"alias": "passed", "model": "third/mini"});
    post(&stack, "/workspaces/alpha/models", model).await.accepted();
    let key = make_key(&stack, "alpha", json!({"name": "k"})).await.text;
    let bearer = format!("Bearer {key}");
    for (shown, authorization) in [
        (&[("authorization", bearer.as_str())][..], None),
        (&[("api-key", &key), ("authorization", "Bearer sk-mine")], Some("Bearer sk-mine")),
    ] {
        let reply = stack.send_bytes(CHAT, shown, body("passed")).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let seen = third.last();
        assert_eq!(seen.header("authorization"), authorization);
        assert!(!format!("{:?}", seen.headers).contains("vk_"), "{:?}", seen.headers);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_reaches_and_learns_nothing_of_another_workspace() {
    let (stack, _one, two) = teams().await;
    let key = make_key(&stack, "alpha", json!({"name": "k"})).await.text;
    assert_eq!(listed(&stack, &key).await, ["mux", "alpha-model", "alpha-pool"]);
    for model in ["beta-model", "beta-pool", "two/mini", "one/mini", "nothing"] {
        let reply = ask(&stack, &key, CHAT, model).await;
        assert_eq!((reply.status.as_u16(), reply.error_code().as_str()), (404, "model_not_found"), "{model}");
        assert!(!reply.text().replace(model, "").contains("beta"), "{}", reply.text());
    }
    let mut texts = Vec::new();
    for place in ["/w/beta", "/w/nowhere", "/s/default", "/s/nowhere"] {
        let reply = ask(&stack, &key, &format!("{place}{CHAT}"), "alpha-model").await;
        assert_eq!((reply.status.as_u16(), reply.error_code().as_str()), (403, "not_allowed"), "{place}");
        texts.push(reply.text());
    }
    for header in [("x-muxspace-workspace", "beta"), ("x-muxspace-session", "nowhere")] {
        let reply = stack.send_bytes(CHAT, &[("x-api-key", &key), header], body("alpha-model")).await;
        assert_eq!(reply.status, 403, "{header:?}");
        texts.push(reply.text());
    }
    assert!(texts.windows(2).all(|pair| pair[0] == pair[1]), "{texts:?}");
    assert_eq!(ask(&stack, &key, &format!("/w/alpha{CHAT}"), "alpha-model").await.status, 200);
    assert!(two.prompts().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_good_for_its_scope() {
    let (stack, _one, _two) = teams().await;
    let scopes = json!({"endpoints": ["chat/completions"], "models": "none", "deployments": ["alpha-pool"]});
    let key = make_key(&stack, "alpha", json!({"name": "k", "scopes": scopes})).await.text;
    assert_eq!(listed(&stack, &key).await, ["alpha-pool"]);
    assert_eq!(ask(&stack, &key, CHAT, "alpha-pool").await.status, 200);
    for (path, model) in [(CHAT, "alpha-model"), (CHAT, "mux"), ("/v1/embeddings", "alpha-pool")] {
        let reply = ask(&stack, &key, path, model).await;
        assert_eq!((reply.status.as_u16(), reply.error_code().as_str()), (403, "not_allowed"), "{path} {model}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_keys_that_are_good_open_a_closed_workspace() {
    let (stack, one, _two) = teams().await;
    let first = make_key(&stack, "alpha", json!({"name": "k"})).await;
    let path = format!("/workspaces/alpha/keys/{}", first.id);
    let second = Made::of(&post(&stack, &format!("{path}/rotate"), json!({})).await);
    assert_eq!((second.id, second.text == first.text), (first.id, false));
    for key in [&first.text, &second.text] {
        assert_eq!(ask(&stack, key, CHAT, "alpha-model").await.status, 200, "both are good for a while");
    }
    let revoked = stack.api.call(Method::DELETE, &format!("{path}?wait=applied"), None).await;
    assert!(revoked.status.is_success(), "{revoked:?}");
    one.forget();
    let unknown = "vk_00000000000000000000000000000000";
    for key in [first.text.as_str(), &second.text, unknown] {
        for path in [CHAT, "/w/default/v1/chat/completions"] {
            let reply = ask(&stack, key, path, "alpha-model").await;
            assert_eq!((reply.status.as_u16(), reply.error_code().as_str()), (401, "invalid_api_key"), "{path}");
        }
    }
    for shown in [&[][..], &[("authorization", "Bearer sk-other")]] {
        let path = format!("/w/alpha{CHAT}");
        let reply = stack.send_bytes(&path, shown, body("alpha-model")).await;
        assert_eq!((reply.status.as_u16(), reply.error_code().as_str()), (401, "invalid_api_key"), "{shown:?}");
    }
    assert!(one.prompts().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_past_its_limits_is_told_when_to_come_again() {
    let (stack, one, _two) = teams().await;
    let limited = make_key(&stack, "alpha", json!({"name": "k", "requests_per_minute": 2})).await.text;
    for remaining in ["1", "0"] {
        let reply = ask(&stack, &limited, CHAT, "alpha-model").await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("x-ratelimit-limit-requests"), "2");
        assert_eq!(reply.header("x-ratelimit-remaining-requests"), remaining);
        assert_eq!(reply.header("x-ratelimit-limit-tokens"), "");
    }
    let refused = ask(&stack, &limited, CHAT, "alpha-model").await;
    assert_eq!((refused.status.as_u16(), refused.error_code().as_str()), (429, "rate_limited"));
    let wait_s: u64 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=61).contains(&wait_s), "{wait_s}");
    assert_eq!(refused.header("x-ratelimit-remaining-requests"), "0");
    let anthropic = ask(&stack, &limited, "/v1/messages", "alpha-model").await;
    assert_eq!(anthropic.status, 429);
    assert_eq!(anthropic.json()["error"]["type"], "rate_limit_error", "{}", anthropic.text());

    let budget = make_key(&stack, "alpha", json!({"name": "t", "tokens_per_minute": 1})).await.text;
    let before = one.prompts().len();
    assert_eq!(ask(&stack, &budget, CHAT, "alpha-model").await.header("x-ratelimit-remaining-tokens"), "1");
    let refused = ask(&stack, &budget, CHAT, "alpha-model").await;
    assert_eq!((refused.status.as_u16(), refused.error_code().as_str()), (429, "rate_limited"));
    assert_eq!(one.prompts().len(), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_stops_on_every_worker_within_a_second() {
    let (stack, _one, _two) = Stack::with_providers(Options { concurrency: 2, ..Options::default() }).await;
    let Made { id, text: key } = make_key(&stack, "default", json!({"name": "short"})).await;
    // Each client has a connection of its own, and so a worker.
    let clients: Vec<reqwest::Client> = (0..16).map(|_| client::http()).collect();
    let ask = async |http: &reqwest::Client| {
        let request = http.post(stack.url("/v1/mux/chat/completions")).bearer_auth(&key);
        let body = r#"{"messages":[{"role":"user","content":"hi"}]}"#;
        client::send(request.body(body)).await.expect("an answer").status.as_u16()
    };
    for http in &clients {
        assert_eq!(ask(http).await, 200);
    }
    let connections = stack.connections_by_worker().await;
    assert!(connections.iter().all(|count| *count > 0), "idle workers: {connections:?}");
    stack.api.call(Method::DELETE, &format!("/workspaces/default/keys/{id}"), None).await.accepted();
    let revoked = Instant::now();
    for http in &clients {
        while ask(http).await != 401 {
            assert!(revoked.elapsed() < Duration::from_secs(1));
        }
    }
    println!("revoked on every worker {:?} after the answer", revoked.elapsed());
}

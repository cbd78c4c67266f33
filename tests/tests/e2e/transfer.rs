//! A workspace that is exported from one Muxspace and imported into another routes there as it did here.

use muxspace_tests::recorded::{self, Recorded};
use muxspace_tests::{Options, Provider, Stack};
use reqwest::Method;
use serde_json::{Value, json};

async fn stack(provider: &Provider) -> Stack {
    let stack = Stack::start(Options::default()).await;
    for (name, kind) in [("one", "openai"), ("two", "openai"), ("claude", "anthropic")] {
        stack.api.add_provider_of(name, kind, &provider.endpoint()).await;
    }
    stack
}

/// Rules that tell the captured requests apart, by every condition that can.
fn rules() -> Value {
    json!([
        {"name": "big", "when": {"min_tokens": 20_000, "request": ["messages", "responses"], "file": "README.md"},
         "target": "claude/big", "turns": "all"},
        {"name": "thinks", "when": {"thinking": true, "request": "messages"}, "target": "claude/thinks"},
        {"name": "last of claude", "when": {"file": "src/", "tools": false, "request": "messages"}, "turns": "last",
         "target": "claude/last"},
        {"name": "last", "when": {"file": ["src/", "*.ts"], "tools": false, "request": ["chat", "responses"]},
         "turns": "last", "target": "one/last"},
        {"name": "images", "when": {"images": true, "request": "chat"}, "target": "two/images"},
        {"name": "typescript", "when": {"language": "typescript", "request": ["chat", "responses"]},
         "target": "two/typescript", "instructions": "Prefer \"const\"."},
        {"name": "claude", "when": {"request": "messages"}, "target": "claude/rest"},
        {"name": "mention", "when": {"mention": "*.py", "model": "mock*"}, "target": "one/mention"},
        {"name": "team", "when": {"header": {"name": "x-team", "value": "red"}}, "target": "one/team"},
        {"name": "python", "when": {"file": ".py"}, "target": "one/python"},
        {"name": "rest", "target": "two/rest"},
    ])
}

/// How a request is answered: status, rule, target.
async fn answer(stack: &Stack, request: &Recorded) -> (u16, String, String) {
    let path = format!("/w/moved/v1/mux{}", request.endpoint);
    let reply = stack.send_bytes(&path, &[], request.body.clone()).await;
    (reply.status.as_u16(), reply.header("x-muxspace-rule").to_owned(), reply.header("x-muxspace-target").to_owned())
}

fn own_requests() -> Vec<Recorded> {
    let request = |endpoint: &str, body: Value| Recorded {
        file: endpoint.to_owned(),
        endpoint: endpoint.to_owned(),
        body: body.to_string().into_bytes(),
    };
    let turn = |text: &str| json!([{"role": "user", "content": text}]);
    vec![
        request("/chat/completions", json!({"model": "mock-1", "messages": turn("```ts a.ts\nx\n```"), "tools": [{}]})),
        request("/chat/completions", json!({"model": "mock-1", "messages": turn("fix main.py")})),
        request("/chat/completions", json!({"messages": turn("```py src/a.py\nx\n```")})),
        request("/messages", json!({"max_tokens": 1, "messages": turn("hi"), "thinking": {"type": "enabled"}})),
        request("/responses", json!({"input": "hi"})),
        request("/embeddings", json!({"input": "hi"})),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_workspace_routes_as_the_exported_one() {
    let provider = Provider::start().await;
    let (from, to) = (stack(&provider).await, stack(&provider).await);
    let made = json!({"name": "moved", "description": "to and fro", "rules": rules(), "custom_instructions": "Be brief.\n",
        "settings": {"switch": "user_turn"}});
    from.api.call(Method::POST, "/workspaces?wait=applied", Some(made)).await.accepted();
    let document = from.api.get("/workspaces/moved/export").await;
    let imported = to.api.call(Method::POST, "/workspaces/import?wait=applied", Some(document.clone())).await;
    assert!(imported.status.is_success(), "{}", imported.body);
    assert_eq!(to.api.get("/workspaces/moved/export").await, document);

    let mut requests = recorded::requests();
    let recorded = requests.len();
    requests.extend(own_requests());
    let mut rules = std::collections::BTreeSet::new();
    for request in &requests {
        let (here, there) = (answer(&from, request).await, answer(&to, request).await);
        assert_eq!(here, there, "{}", request.file);
        assert_eq!(here.0, 200, "{}", request.file);
        rules.insert(here.1);
    }
    println!("routed alike: {recorded} recorded requests and {} own ones, by {rules:?}", requests.len() - recorded);
    assert!(rules.len() >= 5, "the requests are told apart: {rules:?}");
}

//! What the clients of a workspace may name: its models and deployments, and nothing beyond.

use std::collections::BTreeSet;

use muxspace_tests::{Options, Stack};
use reqwest::Method;
use serde_json::{Value, json};

const PATH: &str = "/w/team/v1/chat/completions";

async fn write(stack: &Stack, method: Method, path: &str, body: Value) {
    stack.api.call(method, &format!("/workspaces/team/{path}?wait=applied"), Some(body)).await.accepted();
}

/// Workspace `team` with the models `fast` and `deep`, `off`, which is switched off, and the deployment `steady`.
async fn team(stack: &Stack) {
    stack.api.add_workspace("team", json!([])).await;
    for (alias, model, enabled) in [("fast", "one/mini", true), ("deep", "two/large", true), ("off", "two/off", false)]
    {
        write(stack, Method::POST, "models", json!({"alias": alias, "model": model, "enabled": enabled})).await;
    }
    write(stack, Method::POST, "deployments", json!({"name": "steady", "targets": [{"model": "deep"}]})).await;
    let rules = json!([
        {"name": "documents", "when": {"file": "*.md"}, "target": "steady"},
        {"name": "rest", "target": "fast"},
    ]);
    stack.api.put_rules("team", rules).await;
}

/// Asks for a model and gives status, and the model that answered or the code of the refusal.
async fn ask(stack: &Stack, model: &str, text: &str) -> (u16, String) {
    let reply = stack.send(PATH, json!({"model": model, "messages": [{"role": "user", "content": text}]})).await;
    let status = reply.status.as_u16();
    let told =
        if status == 200 { reply.json()["model"].as_str().unwrap_or_default().into() } else { reply.error_code() };
    (status, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_the_workspace_lead_to_its_models() {
    let (stack, one, two) = Stack::with_providers(Options::default()).await;
    team(&stack).await;
    let document = "```md a.md\n# A\n```";
    for (model, text, status, told) in [
        ("fast", "hi", 200, "mini"),
        ("deep", "hi", 200, "large"),
        ("steady", "hi", 200, "large"),
        ("mux", "hi", 200, "mini"),
        ("mux", document, 200, "large"),
        ("off", "hi", 403, "not_allowed"),
        ("two/off", "hi", 404, "model_not_found"),
        ("one/mini", "hi", 404, "model_not_found"),
        ("Fast", "hi", 404, "model_not_found"),
    ] {
        assert_eq!(ask(&stack, model, text).await, (status, told.to_owned()), "{model} {text}");
    }
    assert_eq!((one.prompts().len(), two.prompts().len()), (2, 3), "what is refused reaches nobody");

    let reply = stack.send(PATH, json!({"model": "none", "messages": []})).await;
    let text = reply.text();
    for name in ["`mux`", "`fast`", "`deep`", "`steady`"] {
        assert!(text.contains(name), "{name} would work: {text}");
    }
    assert!(!text.contains("`off`") && !text.contains("one/mini"), "these would not: {text}");
    let listed = stack.get("/w/team/v1/models").await.json();
    let ids: BTreeSet<&str> =
        listed["data"].as_array().into_iter().flatten().filter_map(|model| model["id"].as_str()).collect();
    assert_eq!(ids, BTreeSet::from(["deep", "fast", "mux", "steady"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_collection_holds_at_once() {
    let (stack, _one, _two) = Stack::with_providers(Options::default()).await;
    team(&stack).await;
    write(&stack, Method::PATCH, "models/fast", json!({"alias": "quick"})).await;
    assert_eq!(ask(&stack, "fast", "hi").await, (404, "model_not_found".to_owned()));
    assert_eq!(ask(&stack, "quick", "hi").await, (200, "mini".to_owned()));
    assert_eq!(ask(&stack, "mux", "hi").await, (200, "mini".to_owned()), "the rule follows");
    write(&stack, Method::PATCH, "models/quick", json!({"model": "two/other"})).await;
    assert_eq!(ask(&stack, "mux", "hi").await, (200, "other".to_owned()));
    write(&stack, Method::PATCH, "models/off", json!({"enabled": true})).await;
    assert_eq!(ask(&stack, "off", "hi").await, (200, "off".to_owned()));
    write(&stack, Method::PATCH, "models/quick", json!({"enabled": false})).await;
    assert_eq!(ask(&stack, "quick", "hi").await, (403, "not_allowed".to_owned()));

    let open = json!({"settings": {"open_collection": true}});
    stack.api.call(Method::PATCH, "/workspaces/team?wait=applied", Some(open)).await.accepted();
    assert_eq!(ask(&stack, "one/any", "hi").await, (200, "any".to_owned()));
    assert_eq!(ask(&stack, "two/other", "hi").await, (403, "not_allowed".to_owned()), "off under every name");

    // Its provider goes: what names it leads nowhere, and the rest works on.
    stack.api.call(Method::DELETE, "/providers/two?force=true&wait=applied", None).await.accepted();
    assert_eq!(ask(&stack, "steady", "hi").await, (404, "model_not_found".to_owned()));
    assert_eq!(ask(&stack, "one/any", "hi").await, (200, "any".to_owned()));
}

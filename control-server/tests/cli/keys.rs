//! `muxspace key`

use serde_json::{Value, json};

use crate::support::{Fake, Real, list};

fn key(id: u64) -> Value {
    json!({"id": id, "name": "Ann's laptop", "workspace": "docs", "session": null,
        "scopes": {"endpoints": "all", "models": ["fast"], "deployments": "none"}, "expires_at": null,
        "requests_per_minute": 60, "tokens_per_minute": null, "last_four": "wxyz", "previous_expires_at": null,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "last_used_at": null})
}

fn made(until: Value) -> Value {
    let mut made = key(12);
    made["key"] = json!("vk_0123456789abcdefghijklmnopqrwxyz");
    made["previous_expires_at"] = until;
    made
}

#[tokio::test]
async fn keys_are_listed_made_rotated_and_revoked() {
    let fake = Fake::start(&[
        ("GET /workspaces/docs/keys", 200, list(json!([key(12)]))),
        ("POST /workspaces/docs/keys", 201, made(json!(null))),
        ("POST /workspaces/docs/keys/12/rotate", 200, made(json!("2026-01-01T01:00:00Z"))),
        ("DELETE /workspaces/docs/keys/12", 204, json!(null)),
    ])
    .await;
    fake.run(&["key", "list", "-w", "docs"]).await.expect(0).says(&["12", "wxyz", "models=fast", "deployments=none"]);
    let narrow = json!({"name": "ci", "scopes": {"endpoints": ["messages", "models"], "models": "none"},
        "expires_at": "2027-01-01", "tokens_per_minute": 9, "session": "s1"});
    let rows: [(&[&str], &str, Value); 4] = [
        (&["add", "Ann's laptop"], "POST /workspaces/docs/keys", json!({"name": "Ann's laptop"})),
        (
            &["add", "ci", "--endpoints", "messages, models", "--models", "none", "--expires-at", "2027-01-01"],
            "POST /workspaces/docs/keys",
            narrow,
        ),
        (&["rotate", "12"], "POST /workspaces/docs/keys/12/rotate", json!({})),
        (&["rotate", "12", "--grace-s", "0"], "POST /workspaces/docs/keys/12/rotate", json!({"grace_s": 0})),
    ];
    for (words, call, body) in rows {
        let more: &[&str] = if words[1] == "ci" { &["--tokens-per-minute", "9", "--session", "s1"] } else { &[] };
        let run = fake.run(&[&["key"], words, &["-w", "docs"], more].concat()).await.expect(0);
        assert_eq!(run.stdout, "vk_0123456789abcdefghijklmnopqrwxyz\n", "for scripts, and nothing beside it");
        run.complains(&["key 12", "not shown again"]);
        assert_eq!(fake.writes().pop().unwrap(), format!("{call}?wait=applied"));
        assert_eq!(fake.last_body(), body);
    }
    let run = fake.run(&["key", "rotate", "12", "-w", "docs"]).await.expect(0);
    run.complains(&["the old one works until 2026-01-01T01:00:00Z"]);
    let run = fake.run(&["key", "add", "x", "-w", "docs", "--json"]).await.expect(0);
    assert_eq!(run.json()["key"], "vk_0123456789abcdefghijklmnopqrwxyz");
    fake.run(&["key", "revoke", "12", "-w", "docs", "--yes"]).await.expect(0).says(&["key 12 revoked"]);
    assert_eq!(fake.writes().pop().unwrap(), "DELETE /workspaces/docs/keys/12?wait=applied");
    fake.run(&["key", "revoke", "12", "-w", "docs"]).await.expect(2).complains(&["--yes"]);
}

#[tokio::test]
async fn a_real_server_makes_keys_and_says_what_it_refuses() {
    let real = Real::start().await;
    let made = real.run(&["key", "add", "mine"]).await.expect(0);
    let key = made.stdout.trim().to_owned();
    assert!(key.starts_with("vk_") && key.len() == 35, "{key}");
    let listed = real.run(&["key", "list", "--json"]).await.expect(0);
    assert!(!listed.stdout.contains(&key));
    let id = listed.json()["items"][0]["id"].to_string();
    let request = real.place.write("request.json", r#"{"messages":[]}"#);
    let request = request.to_str().unwrap();
    real.run(&["explain", request, "--key", &id]).await.expect(0).says(&["Workspace default"]);
    let rotated = real.run(&["key", "rotate", &id]).await.expect(0);
    assert_ne!(rotated.stdout.trim(), key);
    real.run(&["key", "revoke", &id, "--yes"]).await.expect(0);
    real.run(&["key", "revoke", &id, "--yes"]).await.expect(1).complains(&["there is no key"]);
    real.run(&["explain", request, "--key", &id]).await.expect(1).complains(&["/key_id"]);
    real.run(&["key", "add", "x", "--endpoints", "poems"]).await.expect(1).complains(&["chat/completions"]);
    real.run(&["key", "list"]).await.expect(0).says(&["there are no keys"]);
}

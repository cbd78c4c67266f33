//! `muxspace provider`

use serde_json::{Value, json};

use crate::support::{Fake, list};

fn provider(reachable: Value) -> Value {
    json!({"name": "p", "type": "openai", "endpoint": "http://h/v1", "auth": {"type": "api_key", "configured": true},
        "status": {"reachable": reachable, "checked_at": null, "error": "refused"}})
}

#[tokio::test]
async fn a_key_comes_from_the_environment_or_standard_input() {
    let fake = Fake::start(&[("POST /providers", 201, provider(json!(true)))]).await.with("THE_KEY", "sk-env");
    let key = |key: &str| json!({"type": "api_key", "api_key": key});
    let rows = [
        ("add p --type openai", json!({})),
        ("add p --type openai --api-key-env THE_KEY", json!({"auth": key("sk-env")})),
        ("add p --type openai --api-key-stdin", json!({"auth": key("sk-stdin")})),
        ("add p --type openai --auth none", json!({"auth": {"type": "none"}})),
        (
            "add p --type openai --auth passthrough --endpoint http://h/v1 --description D --model a --model b",
            json!({"auth": {"type": "passthrough"}, "endpoint": "http://h/v1", "description": "D", "models": ["a", "b"]}),
        ),
    ];
    for (line, more) in rows {
        let words: Vec<&str> = std::iter::once("provider").chain(line.split(' ')).collect();
        let run = fake.place.run_with(&words, "sk-stdin\n").await.expect(0).says(&["provider p added", "p answers"]);
        assert!(!run.stdout.contains("sk-"), "{}", run.stdout);
        let mut expected = json!({"name": "p", "type": "openai"});
        expected.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(fake.last_body(), expected, "{line}");
    }
    let unset = ["provider", "add", "p", "--type", "openai", "--api-key-env", "NO_KEY"];
    fake.run(&unset).await.expect(1).complains(&["NO_KEY is not set"]);
    fake.run(&["provider", "add", "p", "--type", "openai", "--api-key-stdin"]).await.expect(1).complains(&["empty"]);
    fake.run(&["provider", "add", "p", "--type", "openai", "--require-reachable"]).await.expect(0);
    assert!(fake.writes().ends_with(&["POST /providers?require=reachable&wait=applied".to_owned()]));
}

#[tokio::test]
async fn reading_shows_state_and_models() {
    let models = list(json!([{"id": "m", "provider": "p", "context_tokens": 8000, "capabilities": ["tools"]}]));
    let answers = |reachable: bool| {
        [
            ("GET /providers", 200, list(json!([provider(json!(reachable))]))),
            ("GET /providers/p", 200, provider(json!(reachable))),
            ("GET /providers/p/models", 200, models.clone()),
            ("POST /providers/p/models/refresh", 200, models.clone()),
            ("GET /models", 200, models.clone()),
        ]
    };
    let fake = Fake::start(&answers(true)).await;
    fake.run(&["provider", "list"]).await.expect(0).says(&["http://h/v1", "reachable", "api_key"]);
    let run = fake.run(&["provider", "list", "--json"]).await.expect(0);
    assert_eq!(run.stdout, format!("{}\n", list(json!([provider(json!(true))]))));
    for words in [&["provider", "models", "p"][..], &["provider", "models"], &["provider", "refresh", "p"]] {
        fake.run(words).await.expect(0).says(&["8000", "tools"]);
        let json = fake.run(&[words, &["--json"]].concat()).await.expect(0);
        assert_eq!(json.stdout, format!("{models}\n"));
    }
    let fake = Fake::start(&answers(false)).await;
    fake.run(&["provider", "list"]).await.expect(0).says(&["unreachable: refused"]);
    fake.run(&["provider", "refresh", "p"]).await.expect(1).complains(&["does not answer: refused"]);
}

#[tokio::test]
async fn only_force_removes_what_is_used() {
    let refusal = json!({"status": 409, "detail": "it is in use", "used_by": [{"workspace": "docs", "rule": "md"}]});
    let fake = Fake::start(&[
        ("DELETE /providers/p?wait=applied", 409, refusal),
        ("DELETE /providers/p?force=true&wait=applied", 204, json!(null)),
    ])
    .await;
    fake.run(&["provider", "remove", "p"]).await.expect(1).complains(&["it is in use", "rule md of workspace docs"]);
    fake.run(&["provider", "remove", "p", "--force"]).await.expect(2).complains(&["--yes"]);
    fake.run(&["provider", "remove", "p", "--force", "--yes"]).await.expect(0).says(&["provider p removed"]);
    assert_eq!(fake.writes().len(), 2);
}

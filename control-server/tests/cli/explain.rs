//! `muxspace explain`

use serde_json::json;

use crate::support::{Fake, problem};

#[tokio::test]
async fn a_request_is_explained() {
    let answer = json!({
        "workspace": "docs", "files": [{"path": "a.md", "source": "block", "turn": 1}], "request": "chat", "estimated_tokens": 9,
        "rules": [{"name": "py", "matched": false, "failed_condition": "file"}, {"name": "md", "matched": true, "failed_condition": null}],
        "decision": {"rule": "md", "target": "p/m", "targets": ["p/m"]},
        "would_send": {"dialect": "chat", "path": "/v1/chat/completions", "model": "m"},
    });
    let fake = Fake::start(&[("POST /explain", 200, answer.clone())]).await;
    let body = json!({"messages": [{"role": "user", "content": "Hi"}]});
    fake.place.write("request.json", &body.to_string());
    let run = fake.run(&["explain", "request.json"]).await.expect(0);
    run.says(&[
        "Workspace docs",
        "a.md",
        "block",
        "fails: file",
        "matches",
        "sends it to p/m: model m at /v1/chat/completions",
    ]);
    assert_eq!(fake.last_body(), json!({"session": "default", "endpoint": "chat/completions", "body": body}));

    let run = fake.place.run_with(&["explain", "-", "--json"], "{\"system\":\"x\",\"messages\":[]}").await.expect(0);
    assert_eq!(run.stdout, format!("{answer}\n"));
    assert_eq!(fake.last_body()["endpoint"], "messages");

    let all = ["explain", "request.json", "--workspace", "docs", "--endpoint", "responses", "--header", "X-Team=red"];
    fake.run(&all).await.expect(0);
    let expected = json!({"workspace": "docs", "endpoint": "responses", "headers": {"x-team": "red"}, "body": body});
    assert_eq!(fake.last_body(), expected);
    fake.run(&["explain", "request.json", "--session", "s1"]).await.expect(0);
    assert_eq!(fake.last_body()["session"], "s1");
    assert!(fake.calls().iter().all(|call| call.path == "/explain"), "nothing else is asked");
}

#[tokio::test]
async fn what_cannot_be_explained_is_said() {
    let fake = Fake::start(&[("POST /explain", 404, problem(404, "there is no session `s9`"))]).await;
    fake.place.write("broken.json", "{\"messages\": [");
    fake.place.write("request.json", "{\"messages\": []}");
    fake.run(&["explain", "broken.json"]).await.expect(1).complains(&["broken.json is not JSON"]);
    assert_eq!(fake.calls().len(), 0);
    fake.run(&["explain", "request.json", "--session", "s9"]).await.expect(1).complains(&["there is no session `s9`"]);
}

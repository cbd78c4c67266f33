//! `muxspace status`

use serde_json::{Value, json};

use crate::support::{Fake, list, problem};

fn answers(ready: u16, nodes: Value) -> [(&'static str, u16, Value); 5] {
    [
        ("GET /readyz", ready, json!({"status": "ready"})),
        (
            "GET /metrics",
            200,
            json!("# TYPE muxspace_published_revision gauge\nmuxspace_published_revision 12\n# EOF\n"),
        ),
        ("GET /nodes", 200, list(nodes)),
        (
            "GET /providers",
            200,
            list(
                json!([{"name": "p", "type": "ollama", "endpoint": "http://h", "auth": {"type": "none", "configured": false},
                "status": {"reachable": false, "error": "refused"}}]),
            ),
        ),
        ("GET /sessions", 200, list(json!([{"id": "default", "active_workspace": "docs"}]))),
    ]
}

#[tokio::test]
async fn everything_at_a_glance() {
    let node = json!({"node": "0123456789abcdef", "envoy": "muxspace", "envoy_version": "1.40.0", "build": "0.1.0",
        "revision_acked": 11, "lag": 1, "connected_at": "2026-01-02T03:04:05Z", "last_error": null});
    let fake = Fake::start(&answers(200, json!([node]))).await;
    let run = fake.run(&["status"]).await.expect(0);
    let run = run.says(&["ready, revision 12, 1 of 1 nodes lag", "1.40.0", "unreachable: refused", "default", "docs"]);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
    let status = fake.run(&["status", "--json"]).await.expect(0).json();
    assert_eq!(status["revision"], 12);
    assert_eq!(status["ready"], true);
    assert_eq!(status["nodes"], json!([node]));
    assert_eq!(status["sessions"][0]["active_workspace"], "docs");
}

#[tokio::test]
async fn a_server_that_is_not_ready_says_so() {
    let fake = Fake::start(&answers(503, json!([]))).await;
    fake.run(&["status"]).await.expect(0).says(&["not ready", "no nodes", "No filter is connected"]);
    let fake = Fake::start(&[("GET /nodes", 500, problem(500, "the server failed"))]).await;
    fake.run(&["status"]).await.expect(1).complains(&["the server failed"]);
}

//! `muxspace session`

use serde_json::{Value, json};

use crate::support::{Fake, list};

#[tokio::test]
async fn sessions_are_read_and_changed() {
    let one = json!({"id": "s1", "label": "Mine", "active_workspace": "docs", "last_update": "2026-01-01T00:00:00Z", "last_seen": null});
    let fake = Fake::start(&[
        ("GET /sessions", 200, list(json!([one]))),
        ("GET /sessions/s1", 200, one.clone()),
        ("POST /sessions", 201, one.clone()),
        ("PATCH /sessions/s1", 200, one.clone()),
        ("DELETE /sessions/s1", 204, json!(null)),
    ])
    .await;
    fake.run(&["session", "list"]).await.expect(0).says(&["s1", "docs", "Mine"]);
    fake.run(&["session", "show", "s1"]).await.expect(0).says(&["s1", "docs", "Mine"]);
    let run = fake.run(&["session", "show", "s1", "--json"]).await.expect(0);
    assert_eq!(run.stdout, format!("{one}\n"));
    let rows: [(&[&str], &str, Value); 5] = [
        (&["create", "--workspace", "docs"], "POST /sessions", json!({"active_workspace": "docs"})),
        (
            &["create", "s1", "--workspace", "docs", "--label", "My own"],
            "POST /sessions",
            json!({"id": "s1", "active_workspace": "docs", "label": "My own"}),
        ),
        (&["set", "s1", "--label", ""], "PATCH /sessions/s1", json!({"label": ""})),
        (&["set", "s1", "--workspace", "docs"], "PATCH /sessions/s1", json!({"active_workspace": "docs"})),
        (&["delete", "s1", "--yes"], "DELETE /sessions/s1", json!(null)),
    ];
    for (words, call, body) in rows {
        fake.run(&[&["session"], words].concat()).await.expect(0).says(&["session s1"]);
        assert_eq!(fake.writes().pop().unwrap(), format!("{call}?wait=applied"));
        assert_eq!(fake.last_body(), body);
    }
    fake.run(&["session", "delete", "s1"]).await.expect(2).complains(&["--yes"]);
}

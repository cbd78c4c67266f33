//! `muxspace rules`

use serde_json::json;

use crate::support::{Fake, list, problem};

#[tokio::test]
async fn rules_are_shown_and_replaced() {
    let rules = list(json!([
        {"name": "md", "when": {"file": ["*.md"]}, "target": "p/m"},
        {"name": "gone", "when": {}, "target": "q/m", "broken": true},
    ]));
    let fake = Fake::start(&[
        ("GET /workspaces/docs/rules", 200, rules.clone()),
        ("PUT /workspaces/docs/rules", 200, rules.clone()),
    ])
    .await;
    fake.run(&["rules", "show", "docs"]).await.expect(0).says(&["file *.md", "always", "broken: its provider is gone"]);
    let run = fake.run(&["rules", "show", "docs", "--json"]).await.expect(0);
    assert_eq!(run.stdout, format!("{rules}\n"));

    let sent = json!([{"name": "md", "when": {"file": "*.md"}, "target": "p/m"}]);
    fake.place.write("rules.yaml", "- name: md\n  when: { file: \"*.md\" }\n  target: p/m\n");
    fake.place.write("rules.json", &sent.to_string());
    for file in ["rules.yaml", "rules.json"] {
        fake.run(&["rules", "set", "docs", "-f", file]).await.expect(0).says(&["has 2 rules (revision 7)"]);
        assert_eq!(fake.last_body(), sent);
    }
    fake.place.run_with(&["rules", "set", "docs", "-f", "-"], &sent.to_string()).await.expect(0);
    assert_eq!(fake.last_body(), sent);
    // What was read can be sent back.
    fake.place.run_with(&["rules", "set", "docs", "-f", "-"], &run.stdout).await.expect(0);
    assert_eq!(fake.last_body(), rules);
    assert_eq!(fake.writes(), ["PUT /workspaces/docs/rules?wait=applied"; 4]);
}

#[tokio::test]
async fn files_that_cannot_be_read_are_named() {
    let fake = Fake::start(&[]).await;
    fake.place.write("broken.yaml", "a: [1");
    for (file, said) in [("gone.yaml", "gone.yaml"), ("broken.yaml", "broken.yaml: ")] {
        fake.run(&["rules", "set", "docs", "-f", file]).await.expect(1).complains(&[said]);
    }
    assert_eq!(fake.calls().len(), 0);
}

#[tokio::test]
async fn lint_fails_for_errors_alone() {
    let finding = |severity: &str| json!({"code": "unreachable", "severity": severity, "rule": "md", "detail": "behind rule all", "pointer": "/1"});
    let rows = [
        (json!([]), 0, "nothing to complain about"),
        (json!([finding("warning"), finding("info")]), 0, "behind rule all"),
        (json!([finding("warning"), finding("error")]), 1, "unreachable"),
    ];
    for (items, code, said) in rows {
        let answer = list(items);
        let fake = Fake::start(&[("GET /workspaces/docs/lint", 200, answer.clone())]).await;
        fake.run(&["rules", "lint", "docs"]).await.expect(code).says(&[said]);
        let run = fake.run(&["rules", "lint", "docs", "--json"]).await.expect(code);
        assert_eq!(run.stdout, format!("{answer}\n"));
    }
    let fake = Fake::start(&[("GET /workspaces/docs/lint", 404, problem(404, "there is no workspace `docs`"))]).await;
    fake.run(&["rules", "lint", "docs"]).await.expect(1).complains(&["there is no workspace `docs`"]);
}

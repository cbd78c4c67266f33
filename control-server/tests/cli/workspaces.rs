//! `muxspace workspace`

use serde_json::{Value, json};

use crate::support::{Fake, list, problem};

fn docs() -> Value {
    json!({"name": "docs", "description": "Words", "rules": 1, "active_in": ["default", "s1"], "archived_at": null})
}

#[tokio::test]
async fn reading_shows_a_table_or_the_answer_itself() {
    let rules = list(json!([{"name": "md", "when": {"file": ["*.md"]}, "target": "p/m"}]));
    let fake = Fake::start(&[
        ("GET /workspaces", 200, list(json!([docs()]))),
        ("GET /workspaces/docs", 200, docs()),
        ("GET /workspaces/docs/rules", 200, rules),
    ])
    .await;
    let run = fake.run(&["workspace", "list"]).await.expect(0).says(&["NAME", "docs", "default, s1", "Words"]);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
    assert!(!run.stdout.contains('\u{1b}'), "no colours");
    let run = fake.run(&["workspace", "list", "--json"]).await.expect(0);
    assert_eq!(run.stdout, format!("{}\n", list(json!([docs()]))));
    fake.run(&["workspace", "show", "docs"]).await.expect(0).says(&["Words", "file *.md", "p/m"]);
    let run = fake.run(&["workspace", "show", "docs", "--json"]).await.expect(0);
    assert_eq!(run.stdout, format!("{}\n", docs()));

    for (flag, which) in [("--archived", "true"), ("--all", "any")] {
        fake.run(&["workspace", "list", flag]).await.expect(0).says(&["ARCHIVED"]);
        let asked = fake.calls().pop().unwrap().path;
        assert_eq!(asked, format!("/workspaces?archived={which}&limit=500"));
    }
}

#[tokio::test]
async fn each_change_is_one_call() {
    let session = json!({"id": "s1", "active_workspace": "docs"});
    let fake = Fake::start(&[
        ("POST /workspaces", 201, docs()),
        ("PATCH /workspaces/docs", 200, json!({"name": "words"})),
        ("POST /workspaces/docs/activate", 200, session),
        ("POST /workspaces/docs/archive", 200, docs()),
        ("POST /workspaces/docs/recover", 200, docs()),
        ("DELETE /workspaces/docs", 204, json!(null)),
    ])
    .await;
    fake.place.write("rules.yaml", "rules:\n- target: p/m\n");
    fake.place.write("i.md", "Be brief.\n");
    // Command, call, body, what is said.
    let rows: [(&str, &str, Value, &str); 9] = [
        ("create docs", "POST /workspaces", json!({"name": "docs"}), "workspace docs created (revision 7)"),
        (
            "create docs --description D --instructions-file i.md --rules rules.yaml",
            "POST /workspaces",
            json!({"name": "docs", "description": "D", "custom_instructions": "Be brief.\n", "rules": [{"target": "p/m"}]}),
            "created",
        ),
        ("rename docs words", "PATCH /workspaces/docs", json!({"name": "words"}), "words"),
        ("activate docs", "POST /workspaces/docs/activate", json!({}), "active in session s1"),
        ("activate docs --session s1", "POST /workspaces/docs/activate", json!({"session": "s1"}), "docs"),
        ("archive docs", "POST /workspaces/docs/archive", json!(null), "docs archived"),
        ("recover docs", "POST /workspaces/docs/recover", json!(null), "docs recovered"),
        ("delete docs --yes", "DELETE /workspaces/docs", json!(null), "docs deleted"),
        ("delete docs -y --json", "DELETE /workspaces/docs", json!(null), ""),
    ];
    for (line, call, body, said) in rows {
        let words: Vec<&str> = std::iter::once("workspace").chain(line.split(' ')).collect();
        fake.run(&words).await.expect(0).says(&[said]);
        let seen = fake.calls().pop().unwrap();
        assert_eq!(format!("{} {}", seen.method, seen.path), format!("{call}?wait=applied"), "{line}");
        assert_eq!(seen.body, body, "{line}");
    }
}

#[tokio::test]
async fn nothing_is_deleted_unasked() {
    let fake = Fake::start(&[("DELETE /workspaces/docs", 204, json!(null))]).await;
    fake.run(&["workspace", "delete", "docs"]).await.expect(2).complains(&["--yes"]);
    assert_eq!(fake.writes(), [""; 0]);
}

#[tokio::test]
async fn refusals_are_told_by_field() {
    let refusal = json!({"detail": "a; b", "status": 400, "errors": [
        {"pointer": "/name", "detail": "a name is lower-case"}, {"pointer": "/rules/0/target", "detail": "there is no provider `q`"}]});
    let fake = Fake::start(&[
        ("POST /workspaces", 400, refusal),
        ("POST /workspaces/docs/archive", 409, problem(409, "docs is active in session s1")),
    ])
    .await;
    let run = fake.run(&["workspace", "create", "docs"]).await.expect(1);
    assert_eq!(run.stderr, "muxspace: /name: a name is lower-case\n  /rules/0/target: there is no provider `q`\n");
    assert_eq!(run.stdout, "");
    let run = fake.run(&["workspace", "archive", "docs"]).await.expect(1);
    assert_eq!(run.stderr, "muxspace: docs is active in session s1\n");
}

#[tokio::test]
async fn a_name_is_never_more_than_a_name() {
    let fake = Fake::start(&[]).await;
    fake.run(&["workspace", "archive", "../providers?x=1"]).await.expect(1);
    assert_eq!(fake.calls()[0].path, "/workspaces/..%2Fproviders%3Fx=1/archive?wait=applied");
}

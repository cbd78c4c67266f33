//! `muxspace export`, `import` and `apply`

use serde_json::{Value, json};

use crate::support::{Fake, list, problem};

const DRY: &str = "POST /workspaces/import?mode=replace&dry_run=true";
const DRY_CREATE: &str = "POST /workspaces/import?mode=create&dry_run=true";
const REPLACE: &str = "POST /workspaces/import?mode=replace&wait=applied";
const CREATE: &str = "POST /workspaces/import?mode=create&wait=applied";

fn document(name: &str) -> Value {
    json!({"apiVersion": "muxspace/v1", "kind": "Workspace", "metadata": {"name": name}, "spec": {"description": "New"}})
}

fn changed() -> Value {
    json!({"name": "docs", "changes": [{"path": "/spec/description", "before": "Old", "after": "New"}],
        "warnings": [{"pointer": "/spec/rules/0/target", "detail": "p does not list model m"}]})
}

fn unchanged() -> Value {
    json!({"name": "docs", "changes": [], "warnings": []})
}

/// A server that has workspace `docs`.
async fn fake(answers: &[(&str, u16, Value)]) -> Fake {
    let known = ("GET /workspaces", 200, list(json!([{"name": "docs"}])));
    Fake::start(&[&[known], answers].concat()).await
}

#[tokio::test]
async fn documents_are_exported_as_they_come() {
    let yaml = "kind: Workspace\n";
    let fake = Fake::start(&[
        ("GET /workspaces/docs/export?format=yaml", 200, json!(yaml)),
        ("GET /workspaces/docs/export?format=json", 200, document("docs")),
    ])
    .await;
    assert_eq!(fake.run(&["export", "docs"]).await.expect(0).stdout, yaml);
    assert_eq!(fake.run(&["export", "docs", "--json"]).await.expect(0).stdout, format!("{}\n", document("docs")));
    assert_eq!(fake.run(&["export", "docs", "-o", "out.yaml"]).await.expect(0).stdout, "");
    assert_eq!(std::fs::read_to_string(fake.place.path("out.yaml")).unwrap(), yaml);
    fake.run(&["export", "gone"]).await.expect(1).complains(&["there is no"]);
}

#[tokio::test]
async fn one_document_is_imported() {
    let fake =
        fake(&[(DRY, 200, changed()), (CREATE, 409, problem(409, "docs is there")), (REPLACE, 200, changed())]).await;
    fake.place.write(
        "docs.yaml",
        "apiVersion: muxspace/v1\nkind: Workspace\nmetadata: {name: docs}\nspec: {description: New}\n",
    );
    fake.run(&["import", "docs.yaml"]).await.expect(1).complains(&["docs is there"]);
    let run =
        fake.run(&["import", "docs.yaml", "--mode", "replace"]).await.expect(0).says(&["docs replaced (revision 7)"]);
    run.complains(&["warning: /spec/rules/0/target: p does not list model m"]);
    assert_eq!(fake.last_body(), document("docs"));
    let dry = ["import", "docs.yaml", "--mode", "replace", "--dry-run"];
    fake.run(&dry).await.expect(0).says(&["would be replaced", "@ /spec/description\n- Old\n+ New\n"]);
    let run = fake.run(&[&dry[..], &["--json"]].concat()).await.expect(0);
    assert_eq!(run.stdout, format!("{}\n", changed()));
    assert_eq!(fake.writes(), [CREATE, REPLACE, DRY, DRY]);
    fake.place.write("odd.yaml", "kind: Workspace\n");
    fake.run(&["import", "odd.yaml"]).await.expect(1).complains(&["metadata.name"]);
}

#[tokio::test]
async fn a_folder_is_checked_then_applied() {
    let fake = fake(&[
        (DRY, 200, changed()),
        (DRY_CREATE, 200, changed()),
        (REPLACE, 200, changed()),
        (CREATE, 201, changed()),
    ])
    .await;
    fake.place.write("w/docs.json", &document("Docs").to_string());
    fake.place.write("w/deep/fresh.yml", "metadata: {name: fresh}\n");
    fake.place.write("w/notes.txt", "no document");
    let run = fake.run(&["apply", "-f", "w", "--dry-run"]).await.expect(0);
    run.says(&["workspace docs would be replaced\n@ /spec/description", "workspace fresh would be created"]);
    assert_eq!(fake.writes(), [DRY_CREATE, DRY]);

    fake.run(&["apply", "-f", "w"]).await.expect(0).says(&["workspace fresh created", "workspace docs replaced"]);
    assert_eq!(fake.writes()[2..], [DRY_CREATE, DRY, CREATE, REPLACE]);

    let run = fake.run(&["apply", "-f", "w", "--json"]).await.expect(0);
    let items = run.json()["items"].clone();
    assert_eq!(items[0]["action"], "create");
    assert_eq!(items[1], json!({"file": "w/docs.json", "workspace": "docs", "action": "replace", "answer": changed()}));
}

#[tokio::test]
async fn what_is_the_same_is_left_alone() {
    let fake = fake(&[(DRY, 200, unchanged())]).await;
    fake.place.write("docs.json", &document("docs").to_string());
    fake.run(&["apply", "-f", "docs.json"]).await.expect(0).says(&["workspace docs unchanged"]);
    fake.run(&["apply", "-f", "docs.json", "--dry-run"]).await.expect(0).says(&["would stay as it is"]);
    assert_eq!(fake.writes(), [DRY, DRY]);
}

#[tokio::test]
async fn one_refusal_stops_all() {
    let refused = json!({"status": 400, "detail": "x", "errors": [{"pointer": "/spec/rules/0/target", "detail": "there is no provider `q`"}]});
    let fake = fake(&[(DRY, 200, changed()), (DRY_CREATE, 400, refused)]).await;
    fake.place.write("w/docs.json", &document("docs").to_string());
    fake.place.write("w/fresh.json", &document("fresh").to_string());
    fake.place.write("w/other.json", &document("other").to_string());
    let run = fake.run(&["apply", "-f", "w"]).await.expect(1);
    let line = |file: &str| format!("{file}: /spec/rules/0/target: there is no provider `q`");
    run.complains(&[&line("w/fresh.json"), &line("w/other.json"), "nothing was applied"]);
    assert_eq!(fake.writes(), [DRY, DRY_CREATE, DRY_CREATE]);
}

#[tokio::test]
async fn a_failure_on_the_way_says_how_far_it_came() {
    let fake = fake(&[
        (DRY, 200, changed()),
        (DRY_CREATE, 200, changed()),
        (REPLACE, 200, changed()),
        (CREATE, 409, problem(409, "taken")),
    ])
    .await;
    fake.place.write("w/a.json", &document("docs").to_string());
    fake.place.write("w/b.json", &document("fresh").to_string());
    fake.place.write("w/c.json", &document("other").to_string());
    let run = fake.run(&["apply", "-f", "w"]).await.expect(1).says(&["workspace docs replaced"]);
    run.complains(&["w/b.json: taken", "applied: docs\n", "not applied: fresh, other\n"]);
    assert_eq!(fake.writes().iter().filter(|call| !call.contains("dry_run")).count(), 2);
}

#[tokio::test]
async fn files_that_contradict_each_other_are_refused() {
    let fake = fake(&[]).await;
    fake.place.write("a.json", &document("docs").to_string());
    fake.place.write("b.json", &document("DOCS").to_string());
    fake.place.write("w/notes.txt", "");
    fake.run(&["apply", "-f", "a.json", "b.json"]).await.expect(1).complains(&[
        "docs is described twice",
        "a.json",
        "b.json",
    ]);
    fake.run(&["apply", "-f", "w"]).await.expect(1).complains(&["no file that ends in yaml"]);
    fake.run(&["apply", "-f", "gone"]).await.expect(1).complains(&["gone"]);
    assert_eq!(fake.calls().len(), 0);
}

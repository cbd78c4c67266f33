//! `muxspace workspace edit`

use serde_json::{Value, json};

use crate::support::{Fake, problem};

const YAML: &str = "apiVersion: muxspace/v1\nkind: Workspace\nmetadata:\n  name: docs\nspec:\n  description: Old\n";

async fn fake(status: u16, answer: Value) -> Fake {
    Fake::start(&[("GET /workspaces/docs/export", 200, json!(YAML)), ("POST /workspaces/import", status, answer)]).await
}

#[tokio::test]
async fn what_the_editor_saves_replaces_the_workspace() {
    let fake = fake(200, json!({"name": "docs", "changes": [], "warnings": []})).await;
    let editor = fake.place.script("my editor", "sed -i 's/Old/New/' \"$2\"; test \"$1\" = --wait");
    let fake = fake.with("EDITOR", "false").with("VISUAL", &format!("'{editor}' --wait"));
    fake.run(&["workspace", "edit", "docs"]).await.expect(0).says(&["docs replaced (revision 7)"]);
    assert_eq!(fake.writes(), ["POST /workspaces/import?mode=replace&wait=applied"]);
    assert_eq!(fake.last_body()["spec"], json!({"description": "New"}));
}

#[tokio::test]
async fn an_unchanged_text_changes_nothing() {
    for (editor, code) in [("true", 0), ("false", 1), ("no-such-editor-here", 1)] {
        let fake = fake(200, json!({})).await.with("EDITOR", editor);
        fake.run(&["workspace", "edit", "docs"]).await.expect(code);
        assert_eq!(fake.writes(), [""; 0], "{editor}");
    }
}

#[tokio::test]
async fn a_refused_text_is_kept() {
    let rows = [
        ("sed -i 's/Old/New/' \"$1\"", "there is no provider `q`"),
        ("echo 'a: [1' > \"$1\"", "docs is unchanged"),
        ("sed -i 's/name: docs/name: words/' \"$1\"", "workspace rename"),
    ];
    for (script, said) in rows {
        let fake = fake(400, problem(400, "there is no provider `q`")).await;
        let editor = fake.place.script("editor", script);
        let temporary = fake.place.path("tmp");
        std::fs::create_dir(&temporary).unwrap();
        let place = fake.place.with("EDITOR", &editor).with("TMPDIR", &temporary.display().to_string());
        let run = place.run(&["workspace", "edit", "docs"]).await.expect(1);
        run.complains(&[said, "your text is kept in", "--mode replace"]);
        let kept: Vec<_> = std::fs::read_dir(&temporary).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert_ne!(std::fs::read_to_string(&kept[0]).unwrap(), YAML);
    }
}

//! Collections and deployments.

use mux::config::{Alias, CollectionModel};

use super::*;
use crate::domain::collection::{ModelDraft, ModelPatch};
use crate::domain::deployment::{DeploymentDraft, TargetDraft};
use crate::domain::document::ImportMode;
use crate::domain::workspace::WorkspacePatch;

fn alias(text: &str) -> Alias {
    text.parse().unwrap()
}

fn model(text: &str, of: &str) -> ModelDraft {
    ModelDraft { alias: text.to_owned(), model: format!("{of}/{text}"), enabled: true, requests_per_minute: None }
}

fn deployment(text: &str, targets: &[&str]) -> DeploymentDraft {
    let target = |text: &&str| TargetDraft { model: (*text).to_owned(), weight: 1 };
    DeploymentDraft::new(text.to_owned(), targets.iter().map(target).collect())
}

/// What nodes know of a workspace: aliases, deployments with their targets, and rules.
type Sent = (Vec<String>, Vec<(String, Vec<String>)>, Vec<String>);

fn sent(workspace: &mux::config::Workspace) -> Sent {
    let models = workspace.collection.models.iter().map(|own| own.alias.to_string());
    let targets = |own: &mux::config::Deployment| own.targets.iter().map(|target| target.alias.to_string()).collect();
    let deployments = workspace.deployments.iter().map(|own| (own.name.to_string(), targets(own)));
    (models.collect(), deployments.collect(), workspace.rules.iter().map(|rule| rule.name.clone()).collect())
}

/// Of the state as a whole, and of the newest change, which must agree.
async fn sent_by(store: &Store, workspace: &str) -> Sent {
    let state = store.state().await.unwrap();
    let in_state = state.workspaces.iter().find(|own| own.name == name(workspace)).unwrap();
    let changes = store.changes_since(0).await.unwrap().unwrap();
    let in_changes = changes.workspaces.iter().find_map(|change| match change {
        Change::Upsert(own) if own.name == name(workspace) => Some(own),
        _ => None,
    });
    assert_eq!(Some(in_state), in_changes);
    assert_eq!(mux::snapshot::check_workspace(in_state), [], "nodes take it");
    sent(in_state)
}

fn names(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Workspace `w` with models `a` of provider `p` and `b` of `q`, a deployment over both and one over `a`, and a rule for
/// each name.
async fn furnished(database: &Database) -> Store {
    let store = database.open().await;
    store.create_provider(&provider("p", None)).await.unwrap();
    store.create_provider(&provider("q", None)).await.unwrap();
    let w = name("w");
    store.create_workspace(&new_workspace("w")).await.unwrap();
    store.add_model(&w, model("a", "p")).await.unwrap();
    store.add_model(&w, model("b", "q")).await.unwrap();
    store.create_deployment(&w, deployment("both", &["a", "b"])).await.unwrap();
    store.create_deployment(&w, deployment("lone", &["a"])).await.unwrap();
    let rules: Vec<Rule> = ["a", "b", "both", "lone"].map(|target| rule(&format!("to-{target}"), target)).into();
    store.replace_rules(&w, &rules).await.unwrap();
    store
}

fn everything() -> Sent {
    let deployments = vec![("both".to_owned(), names(&["a", "b"])), ("lone".to_owned(), names(&["a"]))];
    (names(&["a", "b"]), deployments, names(&["to-a", "to-b", "to-both", "to-lone"]))
}

#[tokio::test]
async fn nodes_get_what_leads_somewhere_and_only_that() {
    let database = Database::new();
    let store = furnished(&database).await;
    assert_eq!(sent_by(&store, "w").await, everything());
    assert_eq!(sent_by(&store, "default").await.0, [""; 0], "it is no other workspace's");

    store.delete_provider(&name("p"), IfUsed::Break).await.unwrap();
    let left = (names(&["b"]), vec![("both".to_owned(), names(&["b"]))], names(&["to-b", "to-both"]));
    assert_eq!(sent_by(&store, "w").await, left);
    store.create_provider(&provider("p", None)).await.unwrap();
    assert_eq!(sent_by(&store, "w").await, everything(), "it is whole again");

    store.remove_model(&name("w"), &alias("a"), IfUsed::Break).await.unwrap();
    assert_eq!(sent_by(&store, "w").await, left);
    store.add_model(&name("w"), model("a", "q")).await.unwrap();
    assert_eq!(sent_by(&store, "w").await, everything(), "another model of that name will do");
}

#[tokio::test]
async fn renamed_and_archived_workspaces_keep_what_they_hold() {
    let database = Database::new();
    let store = furnished(&database).await;
    let patch = WorkspacePatch { name: Some(name("v")), ..WorkspacePatch::default() };
    store.patch_workspace(&name("w"), &patch).await.unwrap();
    assert_eq!(sent_by(&store, "v").await, everything());
    store.archive_workspace(&name("v")).await.unwrap();
    assert_eq!(store.state().await.unwrap().workspaces.len(), 1);
    store.add_model(&name("v"), model("c", "p")).await.unwrap();
    store.remove_model(&name("v"), &alias("c"), IfUsed::Refuse).await.unwrap();
    store.recover_workspace(&name("v")).await.unwrap();
    assert_eq!(sent_by(&store, "v").await, everything());
    store.archive_workspace(&name("v")).await.unwrap();
    store.delete_workspace(&name("v")).await.unwrap();
    for table in ["workspace_models", "deployments", "deployment_targets"] {
        let sql = sqlx::AssertSqlSafe(format!("SELECT * FROM {table}"));
        assert!(sqlx::query(sql).fetch_all(store.pool()).await.unwrap().is_empty(), "{table}");
    }
}

#[tokio::test]
async fn a_document_carries_all_of_it() {
    let database = Database::new();
    let store = furnished(&database).await;
    let document = store.export_workspace(&name("w")).await.unwrap();
    let copy = NewWorkspace { name: name("copy"), ..document.clone() };
    assert!(store.import_workspace(&copy, ImportMode::Create, Run::Real).await.unwrap().created);
    assert_eq!(sent_by(&store, "copy").await, everything());
    let fewer: Vec<CollectionModel> = document.models.iter().filter(|own| own.alias == alias("b")).cloned().collect();
    let stripped = NewWorkspace { models: fewer, deployments: Vec::new(), ..copy.clone() };
    let refused = store.import_workspace(&stripped, ImportMode::Replace, Run::Real).await;
    let Err(StoreError::Invalid(errors)) = refused else { panic!("{refused:?}") };
    let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(pointers, ["/rules/0/target", "/rules/2/target", "/rules/3/target"]);
    assert_eq!(sent_by(&store, "copy").await, everything(), "a refused document changes nothing");
    let stripped = NewWorkspace { rules: Vec::new(), ..stripped };
    store.import_workspace(&stripped, ImportMode::Replace, Run::Real).await.unwrap();
    assert_eq!(sent_by(&store, "copy").await, (names(&["b"]), vec![], vec![]));
    assert_eq!(sent_by(&store, "w").await, everything());
}

#[tokio::test]
async fn what_is_the_same_is_no_change() {
    let database = Database::new();
    let store = furnished(&database).await;
    let before = *store.committed().borrow();
    let patch = ModelPatch { enabled: Some(true), ..ModelPatch::default() };
    let (_, revision) = store.patch_model(&name("w"), &alias("a"), &patch).await.unwrap();
    assert_eq!(revision, before);
    let document = store.export_workspace(&name("w")).await.unwrap();
    let same = store.import_workspace(&document, ImportMode::Replace, Run::Real).await.unwrap();
    assert_eq!((same.revision, same.differences), (before, vec![]));
}

#[tokio::test]
async fn a_collection_has_bounds() {
    let database = Database::new();
    let store = database.open().await;
    store.create_provider(&provider("p", None)).await.unwrap();
    let models = (0..mux::config::COLLECTION_MAX).map(|number| model(&format!("m{number}"), "p").read().unwrap());
    let full = NewWorkspace { models: models.collect(), ..new_workspace("w") };
    store.create_workspace(&full).await.unwrap();
    let refused = store.add_model(&name("w"), model("more", "p")).await;
    assert!(matches!(refused, Err(StoreError::Full { kind: Kind::Model, .. })), "{refused:?}");
    assert_eq!(sent_by(&store, "w").await.0.len(), mux::config::COLLECTION_MAX);
}

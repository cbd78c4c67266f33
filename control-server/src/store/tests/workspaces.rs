//! What a change of a workspace does to routing, and what a refused one leaves.

use super::*;
use crate::domain::audit::AuditQuery;
use crate::domain::document::ImportMode;
use crate::domain::lint::{Seen, UNMATCHED_DAYS};
use crate::domain::session::{NewSession, SessionPatch};
use crate::domain::workspace::WorkspacePatch;
use crate::store::{Run, write::now_ms};

/// Workspaces and sessions that changed after a revision; `-` in front: it is gone.
async fn changed(store: &Store, since: u64) -> (Vec<String>, Vec<String>) {
    let changes = store.changes_since(since).await.unwrap().unwrap();
    let workspaces = changes.workspaces.into_iter().map(|change| match change {
        Change::Upsert(workspace) => format!("{} {}", workspace.name, workspace.rules.len()),
        Change::Removal(name) => format!("-{name}"),
    });
    let sessions = changes.sessions.into_iter().map(|change| match change {
        Change::Upsert(session) => format!("{} {}", session.id, session.active_workspace),
        Change::Removal(id) => format!("-{id}"),
    });
    (workspaces.collect(), sessions.collect())
}

fn revision(store: &Store) -> u64 {
    *store.committed().borrow()
}

fn rename(text: &str) -> WorkspacePatch {
    WorkspacePatch { name: Some(name(text)), ..WorkspacePatch::default() }
}

async fn with_workspace(database: &Database) -> Store {
    let store = database.open().await;
    store.create_provider(&provider("a", None)).await.unwrap();
    let new = NewWorkspace { rules: vec![rule("one", "a/m")], ..new_workspace("w") };
    store.create_workspace(&new).await.unwrap();
    store
}

#[tokio::test]
async fn a_renamed_workspace_is_routed_under_its_new_name_at_once() {
    let database = Database::new();
    let store = with_workspace(&database).await;
    for id in ["s1", "s2"] {
        let new = NewSession { id: name(id), label: String::new(), active_workspace: name("w") };
        store.create_session(&new).await.unwrap();
    }
    let before = revision(&store);
    store.patch_workspace(&name("w"), &rename("v")).await.unwrap();
    let (workspaces, sessions) = changed(&store, before).await;
    assert_eq!(workspaces, ["v 1", "-w"]);
    assert_eq!(sessions, ["s1 v", "s2 v"]);
    assert_eq!(revision(&store), before + 1, "one revision holds all of it");
}

#[tokio::test]
async fn archived_and_recovered_workspaces_leave_and_enter_routing() {
    let database = Database::new();
    let store = with_workspace(&database).await;
    let before = revision(&store);
    store.archive_workspace(&name("w")).await.unwrap();
    assert_eq!(changed(&store, before).await.0, ["-w"]);
    assert!(store.state().await.unwrap().workspaces.iter().all(|workspace| workspace.name != name("w")));
    let before = revision(&store);
    store.recover_workspace(&name("w")).await.unwrap();
    assert_eq!(changed(&store, before).await.0, ["w 1"]);
}

#[tokio::test]
async fn nodes_are_not_told_what_they_do_not_route_by() {
    let database = Database::new();
    let store = with_workspace(&database).await;
    let before = revision(&store);
    let patch = WorkspacePatch { description: Some("d".to_owned()), ..WorkspacePatch::default() };
    store.patch_workspace(&name("w"), &patch).await.unwrap();
    let patch = SessionPatch { label: Some("l".to_owned()), ..SessionPatch::default() };
    store.patch_session(&name(DEFAULT), &patch).await.unwrap();
    assert_eq!(revision(&store), before + 2);
    assert_eq!(changed(&store, before).await, (Vec::new(), Vec::new()));
    let patch = WorkspacePatch { instructions: Some("i".to_owned()), ..WorkspacePatch::default() };
    store.patch_workspace(&name("w"), &patch).await.unwrap();
    assert_eq!(changed(&store, before).await.0, ["w 1"]);
}

#[tokio::test]
async fn refused_changes_of_workspaces_leave_nothing() {
    let database = Database::new();
    let store = with_workspace(&database).await;
    store.create_workspace(&new_workspace("old")).await.unwrap();
    store.archive_workspace(&name("old")).await.unwrap();
    store.activate(&name("w"), &name(DEFAULT)).await.unwrap();
    let before = store.state().await.unwrap();
    let logged = store.audit(&AuditQuery::default(), &all()).await.unwrap().items.len();

    let patch = WorkspacePatch { description: Some("d".to_owned()), ..rename("old") };
    assert!(matches!(store.patch_workspace(&name("w"), &patch).await, Err(StoreError::TakenByArchived(_))));
    let taken = store.patch_workspace(&name("w"), &rename(DEFAULT)).await;
    assert!(matches!(taken, Err(StoreError::Taken { .. })));
    let permanent = store.patch_workspace(&name(DEFAULT), &rename("x")).await;
    assert!(matches!(permanent, Err(StoreError::Permanent { .. })));
    let Err(StoreError::Active { active_in, .. }) = store.archive_workspace(&name("w")).await else { panic!() };
    assert_eq!(active_in, [name(DEFAULT)]);
    assert!(matches!(store.delete_workspace(&name("w")).await, Err(StoreError::NotArchived(_))));
    let bad = NewWorkspace {
        description: "d".to_owned(),
        rules: vec![rule("one", "a/m"), rule("two", "none/m")],
        ..new_workspace("w")
    };
    let replaced = store.import_workspace(&bad, ImportMode::Replace, Run::Real).await;
    assert!(matches!(replaced, Err(StoreError::Invalid(_))));
    let good = NewWorkspace { rules: Vec::new(), ..bad };
    assert!(store.import_workspace(&good, ImportMode::Replace, Run::Dry).await.is_ok());
    let made = NewWorkspace { name: name("new"), ..good };
    assert!(store.import_workspace(&made, ImportMode::Create, Run::Dry).await.is_ok());

    let after = store.state().await.unwrap();
    assert_eq!((after.revision, after.workspaces), (before.revision, before.workspaces));
    assert_eq!(store.workspace(&name("w")).await.unwrap().summary.description, "");
    assert_eq!(store.audit(&AuditQuery::default(), &all()).await.unwrap().items.len(), logged);
}

fn all() -> Page {
    Page { after: None, limit: PAGE_MAX }
}

#[tokio::test]
async fn a_deleted_workspace_takes_its_history_with_it() {
    let database = Database::new();
    let store = with_workspace(&database).await;
    let mine = RequestRecord { workspace: "w".to_owned(), ..record("r1", None) };
    store.record_requests(vec![mine, record("r2", None)]).await.unwrap();
    store.archive_workspace(&name("w")).await.unwrap();
    store.delete_workspace(&name("w")).await.unwrap();
    assert_eq!(store.usage(&UsageQuery::default(), GroupBy::Model).await.unwrap().total.requests, 1);
    for table in ["requests", "attempts"] {
        let sql = sqlx::AssertSqlSafe(format!("SELECT request_id FROM {table}"));
        assert_eq!(sqlx::query(sql).fetch_all(store.pool()).await.unwrap().len(), 1, "{table}");
    }
}

#[tokio::test]
async fn late_reports_find_a_renamed_workspace() {
    let database = Database::new();
    let store = with_workspace(&database).await;
    let before = revision(&store);
    store.patch_workspace(&name("w"), &rename("v")).await.unwrap();
    store.create_workspace(&new_workspace("w")).await.unwrap();
    let under = |id: &str, revision: u64| RequestRecord { workspace: "w".to_owned(), revision, ..record(id, None) };
    let now = revision(&store);
    store.record_requests(vec![under("r1", before), under("r2", now), under("r3", now)]).await.unwrap();
    for (workspace, requests) in [("v", 1), ("w", 2)] {
        let query = UsageQuery { workspace: Some(name(workspace)), ..UsageQuery::default() };
        assert_eq!(store.usage(&query, GroupBy::Model).await.unwrap().total.requests, requests, "{workspace}");
    }
}

#[tokio::test]
async fn a_session_is_seen_at_most_once_a_minute() {
    let database = Database::new();
    let store = database.open().await;
    let seen = async || store.session(&name(DEFAULT)).await.unwrap().last_seen_ms.unwrap();
    store.record_requests(vec![record("r1", None)]).await.unwrap();
    let first = seen().await;
    for (ago_ms, moves) in [(50_000, false), (61_000, true)] {
        sqlx::query("UPDATE sessions SET last_seen_at = $1").bind(first - ago_ms).execute(store.pool()).await.unwrap();
        store.record_requests(vec![record(&format!("after {ago_ms}"), None)]).await.unwrap();
        assert_eq!(seen().await >= first, moves, "{ago_ms} ms ago");
    }
}

#[tokio::test]
async fn the_log_of_who_changed_what_is_cut() {
    let database = Database::new();
    let store = database.open().await;
    sqlx::query(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) \
         INSERT INTO audit (revision, number, changed_at, actor, action, kind, name) \
         SELECT -i, 1, 0, 'admin', 'x', 'y', 'z' FROM n",
    )
    .bind(AUDIT_KEPT)
    .execute(store.pool())
    .await
    .unwrap();
    sqlx::query("UPDATE store SET revision = 254").execute(store.pool()).await.unwrap();
    for text in ["a", "b"] {
        store.create_workspace(&new_workspace(text)).await.unwrap();
    }
    let kept: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM audit").fetch_one(store.pool()).await.unwrap();
    assert_eq!(kept, AUDIT_KEPT);
    assert_eq!(store.audit(&AuditQuery::default(), &all()).await.unwrap().items[0].name, "b");
}

#[tokio::test]
async fn a_rule_counts_as_unmatched_only_after_its_time() {
    let database = Database::new();
    let store = with_workspace(&database).await;
    store.replace_rules(&name("w"), &[rule("one", "a/m"), rule("two", "a/m")]).await.unwrap();
    let seen = async || -> Vec<Seen> {
        store.rule_facts(&name("w")).await.unwrap().into_iter().map(|facts| facts.seen).collect()
    };
    let age = |days: i64| now_ms() - days * 24 * 3_600_000;
    let request = |id: &str, days: i64, rule: &str| RequestRecord {
        workspace: "w".to_owned(),
        rule: rule.to_owned(),
        started_at_ms: age(days).unsigned_abs(),
        ..record(id, None)
    };
    store.record_requests(vec![request("r1", UNMATCHED_DAYS + 1, "two"), request("r2", 1, "one")]).await.unwrap();
    assert_eq!(seen().await, [Seen::Matched, Seen::Unknown], "the workspace is new");
    let old = age(UNMATCHED_DAYS + 2);
    sqlx::query("UPDATE workspaces SET created_at = $1").bind(old).execute(store.pool()).await.unwrap();
    assert_eq!(seen().await, [Seen::Matched, Seen::NeverMatched]);
    sqlx::query("DELETE FROM requests WHERE request_id = 'r2'").execute(store.pool()).await.unwrap();
    assert_eq!(seen().await, [Seen::Unknown, Seen::Unknown], "there were no requests");
}

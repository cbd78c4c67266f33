//! Virtual keys in the database, and what nodes hear of them.

use std::time::{Duration, Instant};

use mux::config::{Holder, Key, KeyHash, Scope, Scopes};

use super::*;
use crate::domain::audit::AuditQuery;
use crate::domain::key::{KEYS_MAX, KeyText, Terms, TermsPatch, VirtualKey};
use crate::domain::session::NewSession;
use crate::domain::workspace::WorkspacePatch;

const HOUR_MS: i64 = 3_600_000;

fn terms(text: &str) -> Terms {
    Terms {
        name: text.to_owned(),
        scopes: Scopes::default(),
        expires_at_ms: None,
        requests_per_minute: None,
        tokens_per_minute: None,
    }
}

async fn make(store: &Store, workspace: &str, session: Option<&str>) -> (VirtualKey, KeyText) {
    let text = KeyText::generate();
    let session = session.map(name);
    let (key, _) = store.create_key(&name(workspace), session.as_ref(), terms("k"), &text).await.unwrap();
    (key, text)
}

/// What a publisher that read everything up to `since` hears of keys: ids, and what they open; `None`: gone.
async fn told(store: &Store, since: u64) -> Vec<(u64, Option<Holder>)> {
    let changes = store.changes_since(since).await.unwrap().unwrap();
    let told = changes.keys.into_iter().map(|change| match change {
        Change::Upsert(Key { id, holder, .. }) => (id, Some(holder)),
        Change::Removal(id) => (id, None),
    });
    told.collect()
}

#[tokio::test]
async fn nodes_get_what_a_key_may_do() {
    let database = Database::new();
    let store = database.open().await;
    let before = *store.committed().borrow();
    let text = KeyText::generate();
    let terms = Terms {
        scopes: Scopes { models: Scope::Only(Box::new(["m".into()])), ..Scopes::default() },
        expires_at_ms: Some(i64::MAX / 2),
        requests_per_minute: Some(u32::MAX),
        tokens_per_minute: Some(1),
        ..terms("k")
    };
    let (made, _) = store.create_key(&name(DEFAULT), None, terms.clone(), &text).await.unwrap();
    let expected = Key {
        id: made.id,
        hash: KeyHash::of(text.show()),
        previous: None,
        holder: Holder::Workspace(name(DEFAULT)),
        expires_at_ms: Some(u64::MAX / 4),
        scopes: terms.scopes.clone(),
        requests_per_minute: Some(u32::MAX),
        tokens_per_minute: Some(1),
    };
    assert_eq!(store.state().await.unwrap().keys, std::slice::from_ref(&expected));
    assert_eq!(store.changes_since(before).await.unwrap().unwrap().keys, [Change::Upsert(expected.clone())]);

    let patch = TermsPatch { expires_at_ms: Some(None), ..TermsPatch::default() };
    let (_, patched) = store.patch_key(&name(DEFAULT), made.id, &patch).await.unwrap();
    let unlimited = Key { expires_at_ms: None, ..expected };
    assert_eq!(store.changes_since(patched - 1).await.unwrap().unwrap().keys, [Change::Upsert(unlimited)]);
    assert_eq!(store.patch_key(&name(DEFAULT), made.id, &patch).await.unwrap().1, patched, "nothing changed");

    let gone = store.delete_key(&name(DEFAULT), made.id).await.unwrap();
    assert_eq!(told(&store, gone - 1).await, [(made.id, None)]);
    assert_eq!(told(&store, before).await, [(made.id, None)]);
    assert!(store.state().await.unwrap().keys.is_empty());
}

#[tokio::test]
async fn a_rotated_key_leaves_one_that_works_for_a_while() {
    let database = Database::new();
    let store = database.open().await;
    let (made, first) = make(&store, DEFAULT, None).await;
    let rotate =
        async |text: &KeyText, grace_s| store.rotate_key(&name(DEFAULT), made.id, text, grace_s).await.unwrap();
    let held = async || store.state().await.unwrap().keys.remove(0);
    let now_ms = jiff::Timestamp::now().as_millisecond();

    let second = KeyText::generate();
    let (rotated, _) = rotate(&second, 3_600).await;
    let until_ms = rotated.previous_until_ms.unwrap();
    assert!((now_ms + HOUR_MS..now_ms + HOUR_MS + 60_000).contains(&until_ms));
    assert_eq!((rotated.id, rotated.last_four), (made.id, second.last_four()));
    let key = held().await;
    assert_eq!((key.hash, key.previous), (second.hash(), Some((first.hash(), until_ms.unsigned_abs()))));

    let third = KeyText::generate();
    rotate(&third, 60).await;
    let key = held().await;
    assert_eq!((key.hash, key.previous.unwrap().0), (third.hash(), second.hash()), "the first one has ended");

    let fourth = KeyText::generate();
    let (at_once, _) = rotate(&fourth, 0).await;
    let key = held().await;
    assert_eq!((at_once.previous_until_ms, key.hash, key.previous), (None, fourth.hash(), None));

    rotate(&KeyText::generate(), 60).await;
    sqlx::query("UPDATE virtual_keys SET previous_until = 1").execute(store.pool()).await.unwrap();
    assert_eq!(held().await.previous, None, "its time is over");
    assert_eq!(store.key(&name(DEFAULT), made.id).await.unwrap().previous_until_ms, None);
}

#[tokio::test]
async fn keys_follow_their_workspace() {
    let database = Database::new();
    let store = database.open().await;
    store.create_workspace(&new_workspace("w")).await.unwrap();
    store.create_workspace(&new_workspace("other")).await.unwrap();
    let ((own, _), (bound, _)) = (make(&store, "w", None).await, make(&store, "w", Some(DEFAULT)).await);
    make(&store, "other", None).await;
    let session = Holder::Session(name(DEFAULT));

    let rename = WorkspacePatch { name: Some(name("v")), ..WorkspacePatch::default() };
    let (_, renamed) = store.patch_workspace(&name("w"), &rename).await.unwrap();
    let holder = Holder::Workspace(name("v"));
    let both = [(own.id, Some(holder)), (bound.id, Some(session))];
    assert_eq!(told(&store, renamed - 1).await, both);
    assert_eq!(store.key(&name("v"), own.id).await.unwrap().workspace, name("v"));

    let (_, archived) = store.archive_workspace(&name("v")).await.unwrap();
    assert_eq!(told(&store, archived - 1).await, [(own.id, None), (bound.id, None)]);
    assert_eq!(store.state().await.unwrap().keys.len(), 1);
    make(&store, "v", None).await;
    assert_eq!(store.state().await.unwrap().keys.len(), 1, "a key of an archived workspace waits for it");
    let (_, recovered) = store.recover_workspace(&name("v")).await.unwrap();
    assert_eq!(told(&store, recovered - 1).await[..2], both);
    assert_eq!(store.state().await.unwrap().keys.len(), 4);

    store.archive_workspace(&name("v")).await.unwrap();
    store.delete_workspace(&name("v")).await.unwrap();
    let gone: Vec<_> = told(&store, recovered).await.into_iter().map(|(_, holder)| holder).collect();
    assert_eq!(gone, [None, None, None], "also for a publisher that saw neither archive nor delete");
    assert_eq!(store.state().await.unwrap().keys.len(), 1);
}

#[tokio::test]
async fn keys_go_with_their_session() {
    let database = Database::new();
    let store = database.open().await;
    store.create_workspace(&new_workspace("w")).await.unwrap();
    let new = NewSession { id: name("s"), label: String::new(), active_workspace: name("w") };
    store.create_session(&new).await.unwrap();
    let ((own, _), (bound, _)) = (make(&store, DEFAULT, None).await, make(&store, DEFAULT, Some("s")).await);
    let (_, activated) = store.activate(&name(DEFAULT), &name("s")).await.unwrap();
    assert_eq!(told(&store, activated - 1).await, [], "the key names the session, not the workspace");

    let gone = store.delete_session(&name("s")).await.unwrap();
    assert_eq!(told(&store, gone - 1).await, [(bound.id, None)]);
    assert!(matches!(store.key(&name(DEFAULT), bound.id).await, Err(StoreError::NotFound { kind: Kind::Key, .. })));
    store.key(&name(DEFAULT), own.id).await.unwrap();
    let log = store.audit(&AuditQuery::default(), &Page { after: None, limit: 1 }).await.unwrap();
    assert_eq!(log.items[0].before.as_ref().unwrap()["keys"], serde_json::json!([bound.id]));
    store.create_session(&new).await.unwrap();
    assert_eq!(store.state().await.unwrap().keys.len(), 1, "a session of the same id is another one");
}

#[tokio::test]
async fn requests_tell_when_a_key_was_used_and_by_which() {
    let database = Database::new();
    let store = database.open().await;
    let ((one, _), (two, _)) = (make(&store, DEFAULT, None).await, make(&store, DEFAULT, None).await);
    let used = |id: &str, key: u64, started_at_ms: u64| RequestRecord {
        key,
        started_at_ms,
        deployment: "d".to_owned(),
        ..record(id, Some(tokens(10, 1)))
    };
    let last_used = async |id| store.key(&name(DEFAULT), id).await.unwrap().last_used_ms;
    assert_eq!(last_used(one.id).await, None);
    let records = vec![used("a", one.id, 2_000), used("b", one.id, 1_000), used("c", 0, 3_000), used("d", 999, 1)];
    store.record_requests(records.clone()).await.unwrap();
    assert_eq!((last_used(one.id).await, last_used(two.id).await), (Some(2_000), None));
    store.record_requests(records).await.unwrap();
    store.record_requests(vec![used("e", one.id, 500), used("f", two.id, 7)]).await.unwrap();
    assert_eq!((last_used(one.id).await, last_used(two.id).await), (Some(2_000), Some(7)), "nothing moves back");
    let stored = sqlx::query("SELECT deployment, key_id FROM requests WHERE request_id = 'd'");
    let row = sqlx::Row::try_get::<String, _>(&stored.fetch_one(store.pool()).await.unwrap(), "deployment");
    assert_eq!(row.unwrap(), "d");

    store.delete_key(&name(DEFAULT), two.id).await.unwrap();
    let report = store.usage(&UsageQuery::default(), GroupBy::Key).await.unwrap();
    let groups = report.groups.into_iter().map(|group| (group.key, group.totals.requests, group.totals.input_tokens));
    let named = Some("k".to_owned());
    let mut expected = vec![
        (GroupKey::Key(Some((one.id, named))), 3, 30),
        (GroupKey::Key(None), 1, 10),
        (GroupKey::Key(Some((two.id, None))), 1, 10),
        (GroupKey::Key(Some((999, None))), 1, 10),
    ];
    expected.sort_by_key(|(key, requests, _)| (-requests, format!("{key:?}")));
    let mut groups: Vec<_> = groups.collect();
    groups.sort_by_key(|(key, requests, _)| (-requests, format!("{key:?}")));
    assert_eq!(groups, expected);
}

#[tokio::test]
async fn no_row_holds_a_key() {
    let database = Database::new();
    let store = database.open().await;
    let (made, first) = make(&store, DEFAULT, None).await;
    let second = KeyText::generate();
    store.rotate_key(&name(DEFAULT), made.id, &second, 60).await.unwrap();
    store.close().await;
    let mut is_hash_there = false;
    for file in std::fs::read_dir(database.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        for text in [&first, &second] {
            assert!(!has(&text.show()["vk_".len()..]));
        }
        is_hash_there |= has(&format!("{:032x}", u128::from_be_bytes(second.hash().0)));
    }
    assert!(is_hash_there, "the files were looked at");
}

/// A full state of as many keys as there may be, and what renaming their workspace costs.
#[tokio::test]
async fn many_keys_are_read_quickly() {
    /// Far above what a debug build takes.
    const BOUND: Duration = Duration::from_secs(20);
    let database = Database::new();
    let store = database.open().await;
    store.create_workspace(&new_workspace("w")).await.unwrap();
    sqlx::query(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) \
         INSERT INTO virtual_keys (id, workspace_id, name, hash, last_four, scopes, created_at, updated_at) \
         SELECT 1000 + i, (SELECT id FROM workspaces WHERE name = 'w'), 'k', printf('%032x', i), 'last', \
         '{\"endpoints\":\"all\",\"models\":[\"fast\",\"large\"],\"deployments\":\"none\"}', 1, 1 FROM n",
    )
    .bind(KEYS_MAX as i64)
    .execute(store.pool())
    .await
    .unwrap();

    let timed = |what: &str, since: Instant| {
        println!("{what}: {:?}", since.elapsed());
        assert!(since.elapsed() < BOUND, "{what}");
    };
    let begin = Instant::now();
    assert_eq!(store.state().await.unwrap().keys.len(), KEYS_MAX);
    timed("state of 100,000 keys", begin);

    let begin = Instant::now();
    let rename = WorkspacePatch { name: Some(name("v")), ..WorkspacePatch::default() };
    let (_, renamed) = store.patch_workspace(&name("w"), &rename).await.unwrap();
    timed("rename of their workspace", begin);
    let begin = Instant::now();
    let changed = told(&store, renamed - 1).await;
    timed("reading what it changed", begin);
    assert_eq!(changed.len(), KEYS_MAX);
    assert!(changed.iter().all(|(_, holder)| *holder == Some(Holder::Workspace(name("v")))));

    let refused = store.create_key(&name(DEFAULT), None, terms("one more"), &KeyText::generate()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Full { kind: Kind::Key, max: KEYS_MAX }));
    assert!(refused.to_string().contains("100000"), "{refused}");
}

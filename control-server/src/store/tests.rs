//! The store against a real database file.

mod cache;
mod catalog;
mod gateway;
mod keys;
mod workspaces;

use mux::config::{DEFAULT, Model, Name, Rule, Target, When};
use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::*;
use crate::domain::provider::{Auth, AuthPatch, Kind as ProviderKind, NewProvider, ProviderPatch};
use crate::domain::record::{AttemptRecord, RequestRecord, TokenUsage};
use crate::domain::settings::Settings;
use crate::domain::usage::{GroupBy, GroupKey, UsageQuery};
use crate::domain::workspace::NewWorkspace;

struct Database {
    folder: TempDir,
    key: MasterKey,
}

impl Database {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), key: MasterKey::generate() }
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.folder.path().join("test.db").display())
    }

    async fn open(&self) -> Store {
        Store::open(&self.url(), self.key.clone()).await.unwrap()
    }
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn provider(text: &str, key: Option<&str>) -> NewProvider {
    NewProvider {
        name: name(text),
        kind: ProviderKind::Openai,
        endpoint: "http://127.0.0.1:9/v1".parse().unwrap(),
        auth: Auth::ApiKey(key.map(Into::into)),
        description: String::new(),
        models: Vec::new(),
    }
}

fn new_workspace(text: &str) -> NewWorkspace {
    NewWorkspace {
        name: name(text),
        description: String::new(),
        instructions: String::new(),
        rules: Vec::new(),
        models: Vec::new(),
        deployments: Vec::new(),
        settings: Settings::default(),
    }
}

fn rule(text: &str, target: &str) -> Rule {
    let when = When { file: vec!["*.md".to_owned()], ..When::default() };
    Rule::new(text, when, target.parse().unwrap())
}

fn record(id: &str, usage: Option<TokenUsage>) -> RequestRecord {
    RequestRecord {
        request_id: id.to_owned(),
        started_at_ms: 1_767_225_600_000,
        workspace: DEFAULT.to_owned(),
        session: DEFAULT.to_owned(),
        rule: "all".to_owned(),
        status: 200,
        attempts: vec![AttemptRecord {
            number: 1,
            provider: "a".to_owned(),
            model: "gpt-4.1".to_owned(),
            status: 200,
            usage,
            ..AttemptRecord::default()
        }],
        ..RequestRecord::default()
    }
}

fn tokens(input: u64, output: u64) -> TokenUsage {
    TokenUsage { input_tokens: input, output_tokens: output, raw: "{}".to_owned(), ..TokenUsage::default() }
}

#[tokio::test]
async fn a_new_database_has_a_workspace_and_a_session() {
    let database = Database::new();
    let store = database.open().await;
    let state = store.state().await.unwrap();
    assert_eq!(state.revision, 1);
    assert_eq!(*store.committed().borrow(), 1);
    let epoch = state.workspaces[0].cache_epoch;
    let default = mux::config::Workspace::new(name(DEFAULT), Vec::new());
    assert_eq!(state.workspaces, [mux::config::Workspace { cache_epoch: epoch, ..default }]);
    assert!(epoch > 0);
    assert_eq!(state.sessions, [mux::config::Session { id: name(DEFAULT), active_workspace: name(DEFAULT) }]);
    assert!(state.providers.is_empty());
}

#[tokio::test]
async fn only_the_owner_reads_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let database = Database::new();
    let store = database.open().await;
    store.create_provider(&provider("a", None)).await.unwrap();
    for file in std::fs::read_dir(database.folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
    }
}

#[tokio::test]
async fn databases_that_cannot_be_kept_are_refused() {
    for url in ["", "mysql://host/db", "sqlite::memory:", "sqlite:/no/such/folder/a.db"] {
        let opened = Store::open(url, MasterKey::generate()).await;
        assert!(matches!(opened, Err(StoreError::Url(_))), "{url}");
    }
}

#[tokio::test]
async fn a_refused_change_leaves_nothing() {
    let database = Database::new();
    let store = database.open().await;
    store.create_provider(&provider("a", None)).await.unwrap();
    store.replace_rules(&name(DEFAULT), &[rule("keep", "a/m")]).await.unwrap();
    let before = store.state().await.unwrap();

    let bad = [rule("one", "a/m"), rule("two", "b/m"), rule("three", "c/m")];
    let StoreError::Invalid(errors) = store.replace_rules(&name(DEFAULT), &bad).await.unwrap_err() else { panic!() };
    let pointers: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(pointers, ["/rules/1/target", "/rules/2/target"]);

    let new = NewWorkspace { rules: bad.to_vec(), ..new_workspace("w") };
    assert!(matches!(store.create_workspace(&new).await, Err(StoreError::Invalid(_))));
    assert!(matches!(store.workspace(&name("w")).await, Err(StoreError::NotFound { .. })));

    let taken = store.create_provider(&provider("a", None)).await;
    assert!(matches!(taken, Err(StoreError::Taken { .. })));
    assert!(matches!(store.delete_provider(&name("a"), IfUsed::Refuse).await, Err(StoreError::InUse { .. })));
    assert!(matches!(store.activate(&name("no"), &name(DEFAULT)).await, Err(StoreError::NotFound { .. })));

    let after = store.state().await.unwrap();
    assert_eq!(after.revision, before.revision);
    assert_eq!(after.workspaces, before.workspaces);
    assert_eq!(after.providers.len(), 1);
}

#[tokio::test]
async fn a_write_that_changes_nothing_is_no_revision() {
    let database = Database::new();
    let store = database.open().await;
    let (_, made) = store.create_provider(&provider("a", Some("key"))).await.unwrap();
    let rules = [rule("one", "a/m"), rule("two", "requested")];
    let first = store.replace_rules(&name(DEFAULT), &rules).await.unwrap();
    assert_eq!(first, made + 1);
    assert_eq!(store.replace_rules(&name(DEFAULT), &rules).await.unwrap(), first);
    assert_eq!(store.activate(&name(DEFAULT), &name(DEFAULT)).await.unwrap().1, first);
    let same = ProviderPatch { auth: Some(AuthPatch::ApiKey(None)), ..ProviderPatch::default() };
    let (kept, revision) = store.patch_provider(&name("a"), &same).await.unwrap();
    assert_eq!((kept.api_key().unwrap().expose_secret(), revision), ("key", first));
    assert_eq!(*store.committed().borrow(), first);
}

#[tokio::test]
async fn changes_are_told_since_a_revision_also_after_a_restart() {
    let database = Database::new();
    let store = database.open().await;
    let (id, start) = (store.id().to_owned(), *store.committed().borrow());
    store.create_provider(&provider("a", None)).await.unwrap();
    store.create_provider(&provider("b", None)).await.unwrap();
    store.replace_rules(&name(DEFAULT), &[rule("one", "a/m"), rule("two", "b/m")]).await.unwrap();
    let middle = *store.committed().borrow();
    store.delete_provider(&name("a"), IfUsed::Break).await.unwrap();
    store.close().await;

    let store = database.open().await;
    assert_eq!(store.id(), id);
    let changes = store.changes_since(middle).await.unwrap().unwrap();
    assert_eq!(changes.revision, middle + 1);
    let removed: Vec<&Name> = changes
        .providers
        .iter()
        .map(|change| match change {
            Change::Removal(name) => name,
            Change::Upsert(provider) => panic!("{}", provider.name),
        })
        .collect();
    assert_eq!(removed, [&name("a")]);
    let [Change::Upsert(workspace)] = changes.workspaces.as_slice() else { panic!("{changes:?}") };
    assert_eq!(workspace.rules, [rule("two", "b/m")], "a broken rule never matches");
    assert!(changes.sessions.is_empty());

    let all = store.changes_since(start).await.unwrap().unwrap();
    assert_eq!((all.providers.len(), all.workspaces.len()), (2, 1));
    assert!(store.changes_since(middle + 2).await.unwrap().is_none(), "not of this database");
    let none = store.changes_since(middle + 1).await.unwrap().unwrap();
    assert!(none.providers.is_empty() && none.workspaces.is_empty());
}

#[tokio::test]
async fn the_log_of_changes_is_cut() {
    let database = Database::new();
    let store = database.open().await;
    let mut write = store.write().await.unwrap();
    // Up to the revision before one that cuts.
    sqlx::query("UPDATE store SET revision = 255").execute(write.connection()).await.unwrap();
    for row in 0..CHANGES_KEPT {
        sqlx::query("INSERT INTO changes (revision, kind, name) VALUES ($1, 'workspace', $2)")
            .bind(2 + row / 100)
            .bind(format!("w{row}"))
            .execute(write.connection())
            .await
            .unwrap();
    }
    write.revision = 255;
    write.touch(Kind::Session, DEFAULT);
    write.commit().await.unwrap();
    store.create_provider(&provider("a", None)).await.unwrap();
    assert!(store.changes_since(1).await.unwrap().is_none());
    assert!(store.changes_since(2).await.unwrap().is_some());
    let kept = sqlx::query("SELECT revision FROM changes").fetch_all(store.pool()).await.unwrap();
    assert!(kept.len() as i64 <= CHANGES_KEPT);
}

#[tokio::test]
async fn broken_rules_are_shown_and_heal() {
    let database = Database::new();
    let store = database.open().await;
    store.create_provider(&provider("a", None)).await.unwrap();
    store.replace_rules(&name(DEFAULT), &[rule("one", "a/m")]).await.unwrap();
    store.delete_provider(&name("a"), IfUsed::Break).await.unwrap();
    assert!(store.rules(&name(DEFAULT)).await.unwrap()[0].broken);
    let before = *store.committed().borrow();
    store.create_provider(&provider("a", None)).await.unwrap();
    assert!(!store.rules(&name(DEFAULT)).await.unwrap()[0].broken);
    let changes = store.changes_since(before).await.unwrap().unwrap();
    assert_eq!(changes.workspaces.len(), 1, "nodes get the rule back");
}

#[tokio::test]
async fn a_renamed_provider_keeps_its_rules_and_key() {
    let database = Database::new();
    let store = database.open().await;
    store.create_provider(&provider("a", Some("key"))).await.unwrap();
    store.replace_rules(&name(DEFAULT), &[rule("one", "a/m")]).await.unwrap();
    let patch = ProviderPatch { name: Some(name("b")), ..ProviderPatch::default() };
    let (renamed, _) = store.patch_provider(&name("a"), &patch).await.unwrap();
    assert_eq!(renamed.api_key().unwrap().expose_secret(), "key");
    let state = store.state().await.unwrap();
    let target = Target::Model(Model { provider: name("b"), id: "m".into() });
    assert_eq!(state.workspaces[0].rules[0].target, target);
}

#[tokio::test]
async fn keys_are_sealed_in_the_file() {
    let database = Database::new();
    let store = database.open().await;
    store.create_provider(&provider("a", Some("sk-very-secret-key"))).await.unwrap();
    let patch =
        ProviderPatch { auth: Some(AuthPatch::ApiKey(Some("sk-other-secret".into()))), ..ProviderPatch::default() };
    store.patch_provider(&name("a"), &patch).await.unwrap();
    store.close().await;
    for file in std::fs::read_dir(database.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for secret in [b"sk-very-secret-key".as_slice(), b"sk-other-secret"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret));
        }
    }
    let reopened = database.open().await;
    let key = reopened.provider(&name("a")).await.unwrap().api_key().unwrap().expose_secret().to_owned();
    assert_eq!(key, "sk-other-secret");
    reopened.close().await;
    let wrong = Store::open(&database.url(), MasterKey::generate()).await;
    assert!(matches!(wrong, Err(StoreError::MasterKey)));
}

#[tokio::test]
async fn a_record_counts_once() {
    let database = Database::new();
    let store = database.open().await;
    store.create_provider(&provider("a", None)).await.unwrap();
    let records: Vec<RequestRecord> =
        (0..120).map(|number| record(&format!("r{number}"), Some(tokens(1_000, 10)))).collect();
    store.record_requests(records.clone()).await.unwrap();
    let mut again = records;
    again.push(record("new", None));
    again.push(record("new", None));
    store.record_requests(again).await.unwrap();
    assert_eq!(store.record_counts(), RecordCounts { inserted: 121, duplicates: 121 });

    let report = store.usage(&UsageQuery::default(), GroupBy::Model).await.unwrap();
    assert_eq!((report.total.requests, report.total.input_tokens, report.total.output_tokens), (121, 120_000, 1_200));
    // gpt-4.1: 2 dollars in, 8 out.
    assert_eq!(report.total.cost_micro_usd, Some(120 * 2_080));
    assert_eq!(report.total.cost_unknown_requests, 0);
    assert!(store.session(&name(DEFAULT)).await.unwrap().last_seen_ms.is_some());
}

#[tokio::test]
async fn usage_is_grouped_and_bounded_in_time() {
    let database = Database::new();
    let store = database.open().await;
    store.create_provider(&provider("a", None)).await.unwrap();
    let mut failed = record("failed", None);
    failed.status = 503;
    let mut other = record("other", Some(TokenUsage { estimated: true, ..tokens(5, 5) }));
    other.workspace = "gone".to_owned();
    other.started_at_ms += 3 * 3_600_000;
    other.attempts[0].model = "no-price".to_owned();
    let mut refused = record("refused", None);
    refused.attempts.clear();
    refused.rule.clear();
    refused.status = 404;
    store.record_requests(vec![record("ok", Some(tokens(7, 3))), failed, other, refused]).await.unwrap();

    let everywhere = UsageQuery::default();
    let report = store.usage(&everywhere, GroupBy::Model).await.unwrap();
    let total = &report.total;
    assert_eq!((total.requests, total.errors, total.input_tokens, total.output_tokens), (4, 2, 12, 8));
    assert_eq!((total.cost_unknown_requests, total.estimated_requests), (1, 1));
    let group = |model: &str| {
        report.groups.iter().find(|group| matches!(&group.key, GroupKey::Model { model: id, .. } if id == model))
    };
    assert_eq!(group("no-price").unwrap().totals.cost_micro_usd, None);
    assert_eq!(group("gpt-4.1").unwrap().totals.requests, 2);
    assert_eq!(group("").unwrap().totals.errors, 1, "a request without a try");

    let here = UsageQuery { workspace: Some(name(DEFAULT)), ..UsageQuery::default() };
    assert_eq!(store.usage(&here, GroupBy::Provider).await.unwrap().total.requests, 3);
    let hours = store.usage(&everywhere, GroupBy::Hour).await.unwrap();
    let begins: Vec<_> = hours.groups.into_iter().map(|group| (group.key, group.totals.requests)).collect();
    let begin = 1_767_225_600_000;
    assert_eq!(begins, [(GroupKey::Hour(begin), 3), (GroupKey::Hour(begin + 3 * 3_600_000), 1)]);
    assert_eq!(store.usage(&everywhere, GroupBy::Day).await.unwrap().groups.len(), 1);
    for by in [GroupBy::Rule, GroupBy::Session] {
        let sum: i64 =
            store.usage(&everywhere, by).await.unwrap().groups.iter().map(|group| group.totals.requests).sum();
        assert_eq!(sum, 4);
    }
    let late = UsageQuery { from_ms: Some(begin + 1), to_ms: Some(begin + 4 * 3_600_000), ..UsageQuery::default() };
    assert_eq!(store.usage(&late, GroupBy::Model).await.unwrap().total.requests, 1);
    let never = UsageQuery { to_ms: Some(begin), ..UsageQuery::default() };
    let nothing = store.usage(&never, GroupBy::Model).await.unwrap();
    assert_eq!((nothing.groups.len(), nothing.total.requests, nothing.total.cost_micro_usd), (0, 0, None));
}

#[tokio::test]
async fn writers_and_readers_do_not_disturb_each_other() {
    let database = Database::new();
    let store = database.open().await;
    store.create_provider(&provider("a", None)).await.unwrap();
    let flips = (0..20).map(|round| {
        let store = store.clone();
        async move {
            let target = format!("a/m{round}");
            store.replace_rules(&name(DEFAULT), &[rule("one", &target)]).await.unwrap();
            store.record_requests(vec![record(&format!("r{round}"), None)]).await.unwrap();
            let state = store.state().await.unwrap();
            assert_eq!(state.workspaces[0].rules.len(), 1);
        }
    });
    let before = *store.committed().borrow();
    futures::future::join_all(flips).await;
    assert_eq!(*store.committed().borrow(), before + 20);
}

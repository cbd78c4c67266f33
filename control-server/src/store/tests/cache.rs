//! Kept answers, as far as the database has to do with them: settings, and what hits saved.

use super::*;
use crate::domain::cache::{CacheSettings, DeploymentCache};
use crate::domain::collection::ModelDraft;
use crate::domain::deployment::{DeploymentDraft, DeploymentPatch, TargetDraft};
use crate::domain::workspace::WorkspacePatch;

fn cache(enabled: bool, ttl_s: Option<u32>) -> DeploymentCache {
    DeploymentCache { enabled, ttl_s: ttl_s.map(|ttl_s| ttl_s.try_into().unwrap()) }
}

/// What nodes know of a workspace, by the state as a whole and by the changes, which must agree.
async fn sent(store: &Store, workspace: &str) -> mux::config::Workspace {
    let state = store.state().await.unwrap();
    let in_state = state.workspaces.into_iter().find(|own| own.name == name(workspace)).unwrap();
    let changes = store.changes_since(0).await.unwrap().unwrap();
    assert!(changes.workspaces.contains(&Change::Upsert(in_state.clone())));
    in_state
}

#[tokio::test]
async fn nodes_get_for_how_long_answers_are_kept() {
    let database = Database::new();
    let store = database.open().await;
    store.create_provider(&provider("p", None)).await.unwrap();
    let settings = Settings { cache: CacheSettings { enabled: true, ..Default::default() }, ..Settings::default() };
    store.create_workspace(&NewWorkspace { settings, ..new_workspace("w") }).await.unwrap();
    store.create_workspace(&new_workspace("off")).await.unwrap();
    assert_eq!((sent(&store, "w").await.cache_ttl_s, sent(&store, "off").await.cache_ttl_s), (300, 0));

    let w = name("w");
    let model = ModelDraft { alias: "a".into(), model: "p/a".into(), enabled: true, requests_per_minute: None };
    store.add_model(&w, model).await.unwrap();
    let draft = DeploymentDraft::new("d".into(), vec![TargetDraft { model: "a".into(), weight: 1 }]);
    store.create_deployment(&w, draft).await.unwrap();
    assert_eq!(sent(&store, "w").await.deployments[0].cache_ttl_s, None);
    let rows = [
        (Some(cache(true, Some(60))), Some(60)),
        (Some(cache(true, None)), Some(60)),
        (Some(cache(false, None)), Some(0)),
        (Some(cache(true, None)), Some(300)),
        (None, None),
    ];
    for (given, expected) in rows {
        let patch = DeploymentPatch { cache: Some(given), ..DeploymentPatch::default() };
        let (stored, _) = store.patch_deployment(&w, &"d".parse().unwrap(), &patch).await.unwrap();
        assert_eq!(stored.deployment.cache_ttl_s, expected, "{given:?}");
        assert_eq!(sent(&store, "w").await.deployments[0].cache_ttl_s, expected, "{given:?}");
    }
}

#[tokio::test]
async fn a_later_workspace_of_the_same_name_has_another_epoch() {
    let database = Database::new();
    let store = database.open().await;
    store.create_workspace(&new_workspace("w")).await.unwrap();
    store.create_workspace(&new_workspace("other")).await.unwrap();
    let first = sent(&store, "w").await.cache_epoch;
    assert_ne!(first, sent(&store, "other").await.cache_epoch);

    let rename = |text: &str| WorkspacePatch { name: Some(name(text)), ..WorkspacePatch::default() };
    store.patch_workspace(&name("w"), &rename("v")).await.unwrap();
    assert_eq!(sent(&store, "v").await.cache_epoch, first, "it is still the same");
    store.create_workspace(&new_workspace("w")).await.unwrap();
    let second = sent(&store, "w").await.cache_epoch;
    assert_ne!(second, first);

    store.archive_workspace(&name("w")).await.unwrap();
    store.recover_workspace(&name("w")).await.unwrap();
    assert_eq!(sent(&store, "w").await.cache_epoch, second);
    store.archive_workspace(&name("w")).await.unwrap();
    store.delete_workspace(&name("w")).await.unwrap();
    store.create_workspace(&new_workspace("w")).await.unwrap();
    let third = sent(&store, "w").await.cache_epoch;
    assert!(third != first && third != second);
}

fn hit(id: &str, model: &str, usage: Option<TokenUsage>) -> RequestRecord {
    let mut made = record(id, usage);
    let mut saved = made.attempts.remove(0);
    saved.model = model.to_owned();
    RequestRecord { cache: "hit".to_owned(), saved: Some(saved), ..made }
}

#[tokio::test]
async fn hits_count_as_requests_at_no_cost_with_what_they_saved() {
    let database = Database::new();
    let store = database.open().await;
    store.create_provider(&provider("a", None)).await.unwrap();
    let miss = RequestRecord { cache: "miss".to_owned(), ..record("miss", Some(tokens(1_000, 10))) };
    let bypass = RequestRecord { cache: "bypass".to_owned(), ..record("bypass", Some(tokens(1_000, 10))) };
    let cached = TokenUsage { cached_input_tokens: 1_000, ..tokens(1_000, 10) };
    let hits = [
        hit("hit", "gpt-4.1", Some(tokens(1_000, 10))),
        hit("cached", "gpt-4.1", Some(cached)),
        hit("unpriced", "no-price", Some(tokens(5, 5))),
        hit("silent", "gpt-4.1", None),
    ];
    for _ in 0..2 {
        store.record_requests([&[miss.clone(), bypass.clone()], &hits[..]].concat()).await.unwrap();
    }
    let report = store.usage(&UsageQuery::default(), GroupBy::Model).await.unwrap();
    let total = &report.total;
    assert_eq!((total.requests, total.errors, total.cache_hits), (6, 0, 4));
    assert_eq!((total.input_tokens, total.output_tokens, total.cost_micro_usd), (2_000, 20, Some(2 * 2_080)));
    assert_eq!((total.cost_unknown_requests, total.estimated_requests), (0, 0));
    assert_eq!((total.saved_input_tokens, total.saved_output_tokens), (2_005, 25));
    // gpt-4.1: 2 dollars in, 0.50 cached, 8 out.
    assert_eq!(total.saved_micro_usd, Some(2_080 + 580));

    let group = |model: &str| {
        let found =
            report.groups.iter().find(|group| matches!(&group.key, GroupKey::Model { model: id, .. } if id == model));
        &found.unwrap().totals
    };
    assert_eq!((group("gpt-4.1").requests, group("gpt-4.1").cache_hits), (5, 3), "under the model that answered");
    assert_eq!((group("no-price").saved_input_tokens, group("no-price").saved_micro_usd), (5, None));
    assert_eq!((group("no-price").cost_micro_usd, group("no-price").cost_unknown_requests), (Some(0), 0));
    let by_provider = store.usage(&UsageQuery::default(), GroupBy::Provider).await.unwrap();
    assert_eq!(by_provider.groups.len(), 1);
    assert_eq!(by_provider.groups[0].totals, *total);
}

#[tokio::test]
async fn those_who_watch_see_who_would_have_answered() {
    let database = Database::new();
    let store = database.open().await;
    let mut events = store.events();
    store.record_requests(vec![hit("hit", "m", None)]).await.unwrap();
    let Event::Request(seen) = events.recv().await.unwrap() else { panic!() };
    assert_eq!(seen.target.as_deref(), Some("a/m"));
}

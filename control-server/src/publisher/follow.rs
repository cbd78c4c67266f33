//! The loop that turns commits into published revisions.
//!
//! Make before break: clusters that a revision needs are offered before the revision is published; clusters that it no
//! longer needs are withdrawn once no node routes by an older one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use proto::v1::{self, resource};

use super::clusters::ClusterSpec;
use super::resources::{Edit, Key, Resources};
use super::{Publisher, lock};
use crate::domain::provider::Provider;
use crate::store::{Change, Changes, State, StoreError};

/// How long a revision waits for Envoys to take the clusters that it needs.
const CLUSTERS_ANSWERED_TIMEOUT: Duration = Duration::from_secs(1);
/// An Envoy accepts a cluster before it has resolved its name; this is the time it gets for that.
const NAME_RESOLUTION_GRACE: Duration = Duration::from_millis(200);
/// How long clusters that are no longer used wait for nodes to move on.
const NODES_MOVED_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the clusters of a deployment stay that is there no more: longer than most requests wait for an answer.
const FURTHER_TRIES_GRACE: Duration = Duration::from_secs(600);
/// Pause after a failed read of the store.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Follows the store until the publisher closes.
pub async fn run(publisher: Arc<Publisher>) {
    let mut committed = publisher.store.committed();
    loop {
        tokio::select! {
            () = publisher.closed() => return,
            changed = committed.changed() => if changed.is_err() { return },
        }
        committed.mark_unchanged();
        while let Err(error) = catch_up(&publisher).await {
            tracing::error!(%error, "reading what changed failed; trying again");
            tokio::select! {
                () = publisher.closed() => return,
                () = tokio::time::sleep(RETRY_DELAY) => {}
            }
        }
    }
}

async fn catch_up(publisher: &Arc<Publisher>) -> Result<(), StoreError> {
    let published = publisher.published_revision();
    match publisher.store.changes_since(published).await? {
        Some(changes) if changes.revision == published => {}
        Some(changes) => publish_changes(publisher, changes).await,
        None => {
            let state = publisher.store.state().await?;
            let providers: Vec<ClusterSpec> = state.providers.iter().map(ClusterSpec::from).collect();
            let next = resources_of(state);
            offer(publisher, providers.into_iter().chain(next.sequences(&[])).collect()).await;
            publisher.publish(|resources| *resources = next);
            withdraw_unused(publisher);
        }
    }
    Ok(())
}

async fn publish_changes(publisher: &Arc<Publisher>, changes: Changes) {
    let Changes { revision, workspaces, sessions, providers, keys } = changes;
    let upserted = providers.iter().filter_map(|change| match change {
        Change::Upsert(provider) => Some(ClusterSpec::from(provider)),
        Change::Removal(_) => None,
    });
    let mut needed: Vec<ClusterSpec> = upserted.collect();
    let steers = !providers.is_empty() || !workspaces.is_empty();
    let edits: Vec<Edit> = (providers.into_iter().map(provider_edit))
        .chain(workspaces.into_iter().map(workspace_edit))
        .chain(sessions.into_iter().map(session_edit))
        .chain(keys.into_iter().map(key_edit))
        .collect();
    if steers {
        needed.extend(lock(&publisher.resources).sequences(&edits));
    }
    offer(publisher, needed).await;
    publisher.publish(|resources| resources.apply(revision, edits));
    if steers {
        withdraw_unused(publisher);
    }
}

/// Offers clusters and waits, within reason, until every Envoy has them.
async fn offer(publisher: &Publisher, specs: Vec<ClusterSpec>) {
    let new = publisher.clusters.add(specs);
    if new.is_empty() {
        return;
    }
    if !publisher.clusters.wait_answered(CLUSTERS_ANSWERED_TIMEOUT).await {
        tracing::warn!(clusters = new.len(), "not every Envoy has answered the new clusters; going on without it");
    } else if new.iter().any(ClusterSpec::has_host_name) {
        tokio::time::sleep(NAME_RESOLUTION_GRACE).await;
    }
}

/// Withdraws, in the background, the clusters that the published revision does not name. Those that a deployment goes
/// through stay somewhat longer: a request that is under way may still go on to its next target.
fn withdraw_unused(publisher: &Arc<Publisher>) {
    let unused = &publisher.clusters.names() - &used_clusters(publisher);
    if unused.is_empty() {
        return;
    }
    let publisher = Arc::clone(publisher);
    tokio::spawn(async move {
        let revision = publisher.published_revision();
        let lagging = publisher.wait_applied(revision, NODES_MOVED_TIMEOUT).await.len();
        let in_sequences = &unused & &publisher.clusters.in_sequences();
        withdraw(&publisher, &(&unused - &in_sequences), lagging);
        tokio::select! {
            () = publisher.closed() => {}
            () = tokio::time::sleep(FURTHER_TRIES_GRACE) => withdraw(&publisher, &in_sequences, lagging),
        }
    });
}

fn withdraw(publisher: &Publisher, unused: &BTreeSet<String>, lagging: usize) {
    // A later revision may use one of them again.
    let still_unused = unused - &used_clusters(publisher);
    if !still_unused.is_empty() {
        publisher.clusters.remove(&still_unused);
        tracing::info!(clusters = ?still_unused, lagging_nodes = lagging, "clusters withdrawn");
    }
}

fn used_clusters(publisher: &Publisher) -> BTreeSet<String> {
    lock(&publisher.resources).cluster_names()
}

pub fn resources_of(state: State) -> Resources {
    let State { revision, workspaces, sessions, providers, keys } = state;
    let resources = (providers.iter().map(provider_resource))
        .chain(workspaces.into_iter().map(workspace_resource))
        .chain(sessions.into_iter().map(session_resource))
        .chain(keys.into_iter().map(key_resource));
    Resources::new(revision, resources)
}

fn provider_resource(provider: &Provider) -> v1::Resource {
    v1::Resource { resource: Some(resource::Resource::Provider(provider.data_plane().into())) }
}

fn workspace_resource(workspace: mux::config::Workspace) -> v1::Resource {
    v1::Resource { resource: Some(resource::Resource::Workspace(workspace.into())) }
}

fn session_resource(session: mux::config::Session) -> v1::Resource {
    v1::Resource { resource: Some(resource::Resource::Session(session.into())) }
}

fn key_resource(key: mux::config::Key) -> v1::Resource {
    v1::Resource { resource: Some(resource::Resource::Key(key.into())) }
}

fn provider_edit(change: Change<Provider>) -> Edit {
    match change {
        Change::Upsert(provider) => Edit::Upsert(provider_resource(&provider)),
        Change::Removal(name) => Edit::Removal(Key::Provider(name.to_string())),
    }
}

fn workspace_edit(change: Change<mux::config::Workspace>) -> Edit {
    match change {
        Change::Upsert(workspace) => Edit::Upsert(workspace_resource(workspace)),
        Change::Removal(name) => Edit::Removal(Key::Workspace(name.to_string())),
    }
}

fn session_edit(change: Change<mux::config::Session>) -> Edit {
    match change {
        Change::Upsert(session) => Edit::Upsert(session_resource(session)),
        Change::Removal(name) => Edit::Removal(Key::Session(name.to_string())),
    }
}

fn key_edit(change: Change<mux::config::Key, u64>) -> Edit {
    match change {
        Change::Upsert(key) => Edit::Upsert(key_resource(key)),
        Change::Removal(id) => Edit::Removal(Key::VirtualKey(id)),
    }
}

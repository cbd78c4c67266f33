//! Turns what the store committed into what nodes and Envoys are sent, in order, and knows how far each of them is.
//!
//! It reads only what is committed, never talks to a socket, and knows neither gRPC nor REST. Followers ask for what they
//! lack when they are ready for it, so a slow one costs nobody anything.

mod clusters;
mod follow;
mod nodes;
mod resources;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use clusters::{ClusterKind, ClusterSpec, Clusters, Follower, Offer};
use mux::config::Name;
use mux::snapshot::Snapshot;
pub use nodes::{Connection, NodeError, NodeIdentity, NodeStatus, Nodes};
use proto::convert;
use resources::Resources;
pub use resources::{CHUNK_BYTES_MAX, LOG_ENTRIES_MAX, Update};
use tokio::sync::watch;

use crate::store::{Store, StoreError};

/// Published resources that no snapshot can be made of: a fault of this server.
#[derive(Debug, thiserror::Error)]
pub enum Unroutable {
    #[error("a published resource is malformed: {0}")]
    Malformed(#[from] convert::Malformed),
    #[error("the published resources do not compile: {0}")]
    Compile(#[from] mux::snapshot::UpdateError),
}

/// The published state, and who follows it.
pub struct Publisher {
    store: Store,
    resources: Mutex<Resources>,
    published: watch::Sender<u64>,
    nodes: Nodes,
    clusters: Arc<Clusters>,
    closing: watch::Sender<bool>,
}

impl Publisher {
    /// Reads the present state and follows the store from there, until [`Publisher::close`].
    pub async fn start(store: Store) -> Result<Arc<Self>, StoreError> {
        let state = store.state().await?;
        let providers: Vec<ClusterSpec> = state.providers.iter().map(ClusterSpec::from).collect();
        let resources = follow::resources_of(state);
        let clusters = Arc::new(Clusters::new(providers.into_iter().chain(resources.sequences(&[]))));
        let publisher = Arc::new(Self {
            store,
            published: watch::Sender::new(resources.revision()),
            resources: Mutex::new(resources),
            nodes: Nodes::default(),
            clusters,
            closing: watch::Sender::new(false),
        });
        tokio::spawn(follow::run(Arc::clone(&publisher)));
        Ok(publisher)
    }

    /// The newest revision that is sent to nodes.
    pub fn published_revision(&self) -> u64 {
        *self.published.borrow()
    }

    /// Identity of the database that counts the revisions.
    pub fn store_id(&self) -> &str {
        self.store.id()
    }

    /// The connected nodes.
    pub fn nodes(&self) -> Vec<NodeStatus> {
        self.nodes.statuses()
    }

    /// Waits until every connected node serves `revision` or refused it, at most for `timeout`; returns those that do
    /// not serve it.
    pub async fn wait_applied(&self, revision: u64, timeout: Duration) -> Vec<NodeStatus> {
        self.nodes.wait_applied(revision, timeout).await
    }

    /// Nodes, for the streams that speak for them.
    pub fn registry(&self) -> &Nodes {
        &self.nodes
    }

    /// Clusters, for the streams that offer them.
    pub fn clusters(&self) -> &Arc<Clusters> {
        &self.clusters
    }

    /// Waits for something that a node lacks which holds `base`, or nothing at all.
    pub async fn update_for(&self, base: Option<u64>) -> Update {
        let mut published = self.published.subscribe();
        loop {
            if let Some(update) = lock(&self.resources).update_for(base) {
                return update;
            }
            if published.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until something newer than `revision` is published.
    pub async fn newer_than(&self, revision: u64) {
        // The sender lives as long as `self`.
        let _newer = self.published.subscribe().wait_for(|published| *published > revision).await.is_ok();
    }

    /// The full state at the newest revision.
    pub fn full(&self) -> Update {
        lock(&self.resources).full()
    }

    /// What a filter would route by that knew nothing but these workspaces, these sessions with theirs, this key with
    /// its own, and all providers, at the newest revision.
    pub fn snapshot_for(
        &self,
        workspaces: &[Name],
        sessions: &[Name],
        key: Option<u64>,
    ) -> Result<Snapshot, Unroutable> {
        let (revision, part) = lock(&self.resources).part(workspaces, sessions, key);
        let mut update = mux::snapshot::Update { revision, ..Default::default() };
        for resource in part {
            convert::add(&mut update, resource)?;
        }
        let mut snapshot = Snapshot::default();
        snapshot.apply(update)?;
        Ok(snapshot)
    }

    /// Ends every stream, so that the server can stop.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Waits for [`Publisher::close`].
    pub async fn closed(&self) {
        let _closing = self.closing.subscribe().wait_for(|closing| *closing).await.is_ok();
    }

    fn publish(&self, change: impl FnOnce(&mut Resources)) {
        let mut resources = lock(&self.resources);
        change(&mut resources);
        let revision = resources.revision();
        drop(resources);
        self.published.send_replace(revision);
    }
}

fn lock(resources: &Mutex<Resources>) -> MutexGuard<'_, Resources> {
    // Every change is whole before the lock goes, so a poisoned one still guards a sound state.
    resources.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Turns what the store committed into what nodes and Envoys are sent, in order, and knows how far each of them is.
//!
//! It reads only what is committed, never talks to a socket, and knows neither gRPC nor REST.

mod nodes;

use std::sync::Arc;
use std::time::Duration;

pub use nodes::{Connection, NodeError, NodeIdentity, NodeStatus, Nodes};
use tokio::sync::watch;

use crate::store::{Store, StoreError};

/// The published state, and who follows it.
pub struct Publisher {
    nodes: Nodes,
    published: watch::Sender<u64>,
}

impl Publisher {
    /// Reads the present state and follows the store from there, until the publisher is dropped.
    pub async fn start(store: Store) -> Result<Arc<Self>, StoreError> {
        let state = store.state().await?;
        Ok(Arc::new(Self { nodes: Nodes::default(), published: watch::Sender::new(state.revision) }))
    }

    /// The newest revision that is sent to nodes; 0: nothing is published yet.
    pub fn published_revision(&self) -> u64 {
        *self.published.borrow()
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
}

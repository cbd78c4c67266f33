//! Which nodes are connected, and which revision each of them serves.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

/// A connected node, as `GET /nodes` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// Unique per worker VM, made by the VM.
    pub node: String,
    /// Node id of the Envoy around it.
    pub envoy: String,
    pub envoy_version: String,
    /// Build of the filter.
    pub build: String,
    /// Newest revision that the node said it serves; 0: none yet.
    pub revision_acked: u64,
    pub connected_at_ms: u64,
    /// Why the node refused its last revision; cleared by the next ack.
    pub last_error: Option<NodeError>,
}

/// A revision that a node refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeError {
    pub revision: u64,
    pub reason: String,
}

/// What a node says about itself when it connects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeIdentity {
    pub node: String,
    pub envoy: String,
    pub envoy_version: String,
    pub build: String,
}

/// Bytes of a node's own words that are kept.
const TEXT_BYTES_MAX: usize = 1_024;

/// The connected nodes. A stream that ends takes its node out, unless the node has come back on a newer stream.
pub struct Nodes {
    connected: Mutex<Connected>,
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct Connected {
    next_connection: u64,
    by_node: BTreeMap<String, Entry>,
}

struct Entry {
    connection: u64,
    status: NodeStatus,
}

/// Names one stream of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    node: String,
    number: u64,
}

impl Connection {
    pub fn node(&self) -> &str {
        &self.node
    }
}

impl Default for Nodes {
    fn default() -> Self {
        Self { connected: Mutex::default(), changed: watch::Sender::new(0) }
    }
}

impl Nodes {
    pub fn connect(&self, identity: NodeIdentity, revision: u64) -> Connection {
        let NodeIdentity { node, envoy, envoy_version, build } = identity;
        let mut connected = self.lock();
        connected.next_connection += 1;
        let connection = Connection { node: clip(node), number: connected.next_connection };
        let status = NodeStatus {
            node: connection.node.clone(),
            envoy: clip(envoy),
            envoy_version: clip(envoy_version),
            build: clip(build),
            revision_acked: revision,
            connected_at_ms: now_ms(),
            last_error: None,
        };
        connected.by_node.insert(connection.node.clone(), Entry { connection: connection.number, status });
        drop(connected);
        self.tell();
        connection
    }

    pub fn disconnect(&self, connection: &Connection) {
        let mut connected = self.lock();
        if connected.by_node.get(&connection.node).is_some_and(|entry| entry.connection == connection.number) {
            connected.by_node.remove(&connection.node);
        }
        drop(connected);
        self.tell();
    }

    pub fn ack(&self, connection: &Connection, revision: u64) {
        self.update(connection, |status| {
            status.revision_acked = revision;
            status.last_error = None;
        });
    }

    pub fn nack(&self, connection: &Connection, revision: u64, reason: String) {
        self.update(connection, |status| status.last_error = Some(NodeError { revision, reason: clip(reason) }));
    }

    pub fn statuses(&self) -> Vec<NodeStatus> {
        self.lock().by_node.values().map(|entry| entry.status.clone()).collect()
    }

    /// Waits until every connected node serves `revision` or has refused it, at most for `timeout`; returns the nodes
    /// that do not serve it.
    pub async fn wait_applied(&self, revision: u64, timeout: Duration) -> Vec<NodeStatus> {
        let mut changed = self.changed.subscribe();
        let settled = changed.wait_for(|_| self.statuses().iter().all(|status| status.is_settled(revision)));
        // Out of time is an answer too: what lags is read below either way.
        let _in_time = tokio::time::timeout(timeout, settled).await.is_ok();
        self.statuses().into_iter().filter(|status| status.revision_acked < revision).collect()
    }

    fn update(&self, connection: &Connection, change: impl FnOnce(&mut NodeStatus)) {
        let mut connected = self.lock();
        match connected.by_node.get_mut(&connection.node) {
            Some(entry) if entry.connection == connection.number => change(&mut entry.status),
            _ => return,
        }
        drop(connected);
        self.tell();
    }

    fn tell(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn lock(&self) -> MutexGuard<'_, Connected> {
        // Every change is whole before the lock goes, so a poisoned one still guards a sound map.
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NodeStatus {
    fn is_settled(&self, revision: u64) -> bool {
        self.revision_acked >= revision || self.last_error.as_ref().is_some_and(|error| error.revision >= revision)
    }
}

fn clip(mut text: String) -> String {
    if text.len() > TEXT_BYTES_MAX {
        let mut end = TEXT_BYTES_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

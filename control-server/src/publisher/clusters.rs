//! Which clusters Envoys are offered, and which offer each of them has accepted.
//!
//! A cluster is never changed: its name says what it connects to. A changed endpoint is a new cluster, offered before
//! any node routes to it, while the old one stays until no node does.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mux::config::{Name, composite_name};
use tokio::sync::watch;

use crate::domain::provider::{Endpoint, Provider};

/// A cluster that Envoys are offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterSpec {
    pub name: String,
    pub kind: ClusterKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterKind {
    Provider {
        provider: Name,
        endpoint: Endpoint,
    },
    /// Other clusters, by name, in the order in which they are tried.
    Sequence(Vec<String>),
}

impl From<&Provider> for ClusterSpec {
    fn from(provider: &Provider) -> Self {
        let kind = ClusterKind::Provider { provider: provider.name.clone(), endpoint: provider.endpoint.clone() };
        Self { name: provider.cluster_name(), kind }
    }
}

impl ClusterSpec {
    pub fn sequence(clusters: &[&str]) -> Self {
        let kind = ClusterKind::Sequence(clusters.iter().map(ToString::to_string).collect());
        Self { name: composite_name(clusters.iter().copied()), kind }
    }

    /// Whether the name of its host has to be resolved.
    pub fn has_host_name(&self) -> bool {
        match &self.kind {
            ClusterKind::Provider { endpoint, .. } => endpoint.host().parse::<IpAddr>().is_err(),
            ClusterKind::Sequence(_) => false,
        }
    }
}

/// All clusters at one version.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    pub version: u64,
    pub clusters: Arc<BTreeMap<String, ClusterSpec>>,
}

/// The present offer and the streams that follow it.
#[derive(Default)]
pub struct Clusters {
    offer: watch::Sender<Offer>,
    /// Newest version that each stream answered, accepted or refused.
    answered: watch::Sender<BTreeMap<u64, u64>>,
    next_stream: AtomicU64,
}

/// One Envoy's stream; it no longer counts once dropped.
pub struct Follower {
    clusters: Arc<Clusters>,
    stream: u64,
    offers: watch::Receiver<Offer>,
}

impl Clusters {
    pub fn new(specs: impl IntoIterator<Item = ClusterSpec>) -> Self {
        let this = Self::default();
        this.add(specs);
        this
    }

    pub fn follow(self: &Arc<Self>) -> Follower {
        let stream = self.next_stream.fetch_add(1, Ordering::Relaxed);
        self.answered.send_modify(|answered| {
            answered.insert(stream, 0);
        });
        let mut offers = self.offer.subscribe();
        offers.mark_changed();
        Follower { clusters: Arc::clone(self), stream, offers }
    }

    /// Offers these as well; returns those that are new.
    pub fn add(&self, specs: impl IntoIterator<Item = ClusterSpec>) -> Vec<ClusterSpec> {
        let mut new: BTreeMap<_, _> = specs.into_iter().map(|spec| (spec.name.clone(), spec)).collect();
        self.offer.send_if_modified(|offer| {
            new.retain(|name, _| !offer.clusters.contains_key(name));
            if new.is_empty() && offer.version != 0 {
                return false;
            }
            offer.version += 1;
            Arc::make_mut(&mut offer.clusters).extend(new.clone());
            true
        });
        new.into_values().collect()
    }

    /// Offers these no longer.
    pub fn remove(&self, names: &BTreeSet<String>) {
        self.offer.send_if_modified(|offer| {
            if !names.iter().any(|name| offer.clusters.contains_key(name)) {
                return false;
            }
            offer.version += 1;
            Arc::make_mut(&mut offer.clusters).retain(|name, _| !names.contains(name));
            true
        });
    }

    pub fn names(&self) -> BTreeSet<String> {
        self.offer.borrow().clusters.keys().cloned().collect()
    }

    /// Offered sequences, and the clusters that they go through.
    pub fn in_sequences(&self) -> BTreeSet<String> {
        let offer = self.offer.borrow();
        let sequences = offer.clusters.values().filter_map(|spec| match &spec.kind {
            ClusterKind::Sequence(clusters) => Some(clusters.iter().chain([&spec.name])),
            ClusterKind::Provider { .. } => None,
        });
        sequences.flatten().cloned().collect()
    }

    /// Waits until every stream has answered the present offer, at most for `timeout`.
    pub async fn wait_answered(&self, timeout: Duration) -> bool {
        let version = self.offer.borrow().version;
        let mut answered = self.answered.subscribe();
        let all = answered.wait_for(|answered| answered.values().all(|answer| *answer >= version));
        tokio::time::timeout(timeout, all).await.is_ok()
    }

    #[cfg(test)]
    pub fn followers(&self) -> usize {
        self.answered.borrow().len()
    }
}

impl Follower {
    /// The next offer that this stream has not seen; only the newest counts. `None`: the server is going away.
    pub async fn next(&mut self) -> Option<Offer> {
        self.offers.changed().await.ok()?;
        Some(self.offers.borrow_and_update().clone())
    }

    pub fn answer(&self, version: u64) {
        self.clusters.answered.send_modify(|answered| {
            answered.insert(self.stream, version);
        });
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.clusters.answered.send_modify(|answered| {
            answered.remove(&self.stream);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str) -> ClusterSpec {
        let endpoint = "http://127.0.0.1:1/v1".parse().unwrap();
        ClusterSpec { name: name.to_owned(), kind: ClusterKind::Provider { provider: "p".parse().unwrap(), endpoint } }
    }

    #[tokio::test]
    async fn an_offer_is_answered_by_every_stream_that_lives() {
        let clusters = Arc::new(Clusters::new([spec("a")]));
        let (mut one, two) = (clusters.follow(), clusters.follow());
        let offer = one.next().await.unwrap();
        assert_eq!(offer.clusters.len(), 1);
        one.answer(offer.version);
        assert!(!clusters.wait_answered(Duration::from_millis(10)).await);
        drop(two);
        assert!(clusters.wait_answered(Duration::from_secs(5)).await);
    }

    #[tokio::test]
    async fn only_what_differs_is_a_new_offer() {
        let clusters = Arc::new(Clusters::new([spec("a")]));
        let before = clusters.offer.borrow().version;
        assert!(clusters.add([spec("a")]).is_empty());
        clusters.remove(&BTreeSet::from(["b".to_owned()]));
        assert_eq!(clusters.offer.borrow().version, before);
        assert_eq!(clusters.add([spec("a"), spec("b")]).len(), 1);
        clusters.remove(&BTreeSet::from(["a".to_owned()]));
        assert_eq!(clusters.names(), BTreeSet::from(["b".to_owned()]));
        assert_eq!(clusters.offer.borrow().version, before + 2);
    }
}

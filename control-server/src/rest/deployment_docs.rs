//! Deployments as documents.

use mux::config::{Breaker, Deployment, DeploymentTarget, Policy};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::given;
use crate::domain::cache::{CacheTtl, DeploymentCache};
use crate::domain::deployment::{BreakerPatch, DeploymentDraft, DeploymentPatch, StoredDeployment, TargetDraft};

/// A virtual model of a workspace: requests for it go to one of its targets, and to another if that fails.
#[derive(Serialize, ToSchema)]
#[schema(as = Deployment)]
pub(super) struct DeploymentDoc {
    name: String,
    policy: PolicyDoc,
    targets: Vec<TargetDoc>,
    /// Statuses of a provider for which the next target is tried.
    retry_on: Vec<u16>,
    /// Milliseconds from the start of a try until its first byte; 0: no limit.
    try_timeout_ms: u32,
    breaker: BreakerDoc,
    /// Not there: as the workspace has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<DeploymentCacheDoc>,
    /// True: all its targets are, and it leads nowhere.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    broken: bool,
}

/// Which target is tried first; the others follow in their order.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[schema(as = Policy)]
#[serde(rename_all = "snake_case")]
pub(super) enum PolicyDoc {
    /// The first in the list.
    Ordered,
    /// Each in turn.
    RoundRobin,
    /// By chance, in proportion to the weights.
    Weighted,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DeploymentTarget)]
struct TargetDoc {
    /// An alias of the workspace's collection.
    model: String,
    weight: u32,
    /// True: its model is gone, or that model's provider. It is skipped.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    broken: bool,
}

/// A target is left alone after so many failures within a window, for a cooldown; then one request probes it.
#[derive(Serialize, ToSchema)]
#[schema(as = Breaker)]
struct BreakerDoc {
    /// 0: never.
    failures: u32,
    window_s: u32,
    cooldown_s: u32,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = NewDeployment)]
#[serde(deny_unknown_fields)]
pub(super) struct NewDeploymentDoc {
    /// 1 to 63 letters, digits, `.`, `_`, `:` or `-`, the first a letter or digit. No model of the collection has the
    /// same alias.
    name: String,
    /// Unless given: `ordered`.
    policy: Option<PolicyDoc>,
    /// 1 to 8.
    targets: Vec<NewTargetDoc>,
    /// Unless given: 408, 429, 500, 502, 503, 504 and 529.
    retry_on: Option<Vec<u16>>,
    /// Unless given: 0.
    try_timeout_ms: Option<u32>,
    breaker: Option<NewBreakerDoc>,
    /// Unless given: as the workspace has it.
    cache: Option<DeploymentCacheDoc>,
    /// Shown by the server and taken back unread, so that what was read can be sent.
    #[serde(rename = "broken")]
    _broken: Option<bool>,
}

/// What is not given stays.
#[derive(Deserialize, ToSchema)]
#[schema(as = DeploymentPatch)]
#[serde(deny_unknown_fields)]
pub(super) struct DeploymentPatchDoc {
    /// Carried into the rules that use the deployment.
    name: Option<String>,
    policy: Option<PolicyDoc>,
    /// All of them.
    targets: Option<Vec<NewTargetDoc>>,
    retry_on: Option<Vec<u16>>,
    try_timeout_ms: Option<u32>,
    breaker: Option<NewBreakerDoc>,
    /// Null: as the workspace has it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<DeploymentCacheDoc>)]
    cache: Option<Option<DeploymentCacheDoc>>,
    /// As in a new one.
    #[serde(rename = "broken")]
    _broken: Option<bool>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = NewDeploymentTarget)]
#[serde(deny_unknown_fields)]
struct NewTargetDoc {
    /// An alias of the workspace's collection.
    model: String,
    /// Unless given: 1.
    weight: Option<u32>,
    /// As in a deployment.
    #[serde(rename = "broken")]
    _broken: Option<bool>,
}

/// What is not given stays; in a new deployment: 5 failures, 30 and 30 seconds.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewBreaker)]
#[serde(deny_unknown_fields)]
struct NewBreakerDoc {
    failures: Option<u32>,
    window_s: Option<u32>,
    cooldown_s: Option<u32>,
}

/// Whether answers are kept, and served again to whoever asks the same.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[schema(as = DeploymentCache)]
#[serde(deny_unknown_fields)]
struct DeploymentCacheDoc {
    enabled: bool,
    /// Seconds; unless given: as it was, and 300 at first.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 86_400)]
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl_s: Option<CacheTtl>,
}

impl From<DeploymentCache> for DeploymentCacheDoc {
    fn from(cache: DeploymentCache) -> Self {
        let DeploymentCache { enabled, ttl_s } = cache;
        Self { enabled, ttl_s }
    }
}

impl From<DeploymentCacheDoc> for DeploymentCache {
    fn from(doc: DeploymentCacheDoc) -> Self {
        let DeploymentCacheDoc { enabled, ttl_s } = doc;
        Self { enabled, ttl_s }
    }
}

impl From<Policy> for PolicyDoc {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Ordered => Self::Ordered,
            Policy::RoundRobin => Self::RoundRobin,
            Policy::Weighted => Self::Weighted,
        }
    }
}

impl From<PolicyDoc> for Policy {
    fn from(policy: PolicyDoc) -> Self {
        match policy {
            PolicyDoc::Ordered => Self::Ordered,
            PolicyDoc::RoundRobin => Self::RoundRobin,
            PolicyDoc::Weighted => Self::Weighted,
        }
    }
}

impl From<StoredDeployment> for DeploymentDoc {
    fn from(stored: StoredDeployment) -> Self {
        let all_broken = stored.is_broken();
        let StoredDeployment { deployment, broken } = stored;
        let Deployment { name, policy, targets, retry_on, try_timeout_ms, breaker, cache_ttl_s } = deployment;
        let Breaker { failures, window_s, cooldown_s } = breaker;
        let target = |(DeploymentTarget { alias, weight }, broken): (DeploymentTarget, bool)| TargetDoc {
            model: alias.to_string(),
            weight,
            broken,
        };
        Self {
            name: name.to_string(),
            policy: policy.into(),
            targets: targets.into_iter().zip(broken).map(target).collect(),
            retry_on,
            try_timeout_ms,
            breaker: BreakerDoc { failures, window_s, cooldown_s },
            cache: cache_ttl_s.map(DeploymentCache::from).map(Into::into),
            broken: all_broken,
        }
    }
}

impl From<NewDeploymentDoc> for DeploymentDraft {
    fn from(doc: NewDeploymentDoc) -> Self {
        let NewDeploymentDoc { name, policy, targets, retry_on, try_timeout_ms, breaker, cache, _broken: _ } = doc;
        let patch = DeploymentPatch {
            name: None,
            policy: policy.map(Policy::from),
            targets: None,
            retry_on,
            try_timeout_ms,
            breaker: breaker_patch(breaker),
            cache: Some(cache.map(Into::into)),
        };
        Self::new(name, drafts(targets)).patched(&patch)
    }
}

impl From<DeploymentPatchDoc> for DeploymentPatch {
    fn from(doc: DeploymentPatchDoc) -> Self {
        let DeploymentPatchDoc { name, policy, targets, retry_on, try_timeout_ms, breaker, cache, _broken: _ } = doc;
        Self {
            name,
            policy: policy.map(Policy::from),
            targets: targets.map(drafts),
            retry_on,
            try_timeout_ms,
            breaker: breaker_patch(breaker),
            cache: cache.map(|given| given.map(Into::into)),
        }
    }
}

fn drafts(targets: Vec<NewTargetDoc>) -> Vec<TargetDraft> {
    let draft = |NewTargetDoc { model, weight, _broken: _ }| TargetDraft { model, weight: weight.unwrap_or(1) };
    targets.into_iter().map(draft).collect()
}

fn breaker_patch(doc: Option<NewBreakerDoc>) -> BreakerPatch {
    let patch = |NewBreakerDoc { failures, window_s, cooldown_s }| BreakerPatch { failures, window_s, cooldown_s };
    doc.map(patch).unwrap_or_default()
}

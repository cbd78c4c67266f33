//! Models, deployments and keys.

use mux::config::{
    Breaker, CollectionModel, Deployment, DeploymentTarget, Holder, Key, KeyHash, Policy, Scope, Scopes,
};

use super::{Malformed, name};
use crate::v1;

impl TryFrom<v1::CollectionModel> for CollectionModel {
    type Error = Malformed;

    fn try_from(message: v1::CollectionModel) -> Result<Self, Malformed> {
        let v1::CollectionModel { alias, model, disabled, requests_per_minute } = message;
        let malformed = |what: &dyn std::fmt::Display| Malformed(format!("model `{alias}`: {what}"));
        Ok(Self {
            alias: alias.parse().map_err(|error| malformed(&error))?,
            model: model.parse().map_err(|error| malformed(&error))?,
            enabled: !disabled,
            requests_per_minute: limit(requests_per_minute),
        })
    }
}

impl From<CollectionModel> for v1::CollectionModel {
    fn from(value: CollectionModel) -> Self {
        let CollectionModel { alias, model, enabled, requests_per_minute } = value;
        Self {
            alias: alias.to_string(),
            model: model.to_string(),
            disabled: !enabled,
            requests_per_minute: requests_per_minute.unwrap_or(0),
        }
    }
}

impl TryFrom<v1::Deployment> for Deployment {
    type Error = Malformed;

    fn try_from(message: v1::Deployment) -> Result<Self, Malformed> {
        let policy = message.policy();
        let v1::Deployment { name, policy: _, targets, retry_on, try_timeout_ms, breaker, cache_ttl_s } = message;
        let malformed = |what: &dyn std::fmt::Display| Malformed(format!("deployment `{name}`: {what}"));
        let target = |v1::DeploymentTarget { alias, weight }| {
            Ok(DeploymentTarget { alias: alias.parse().map_err(|error| malformed(&error))?, weight })
        };
        let status = |status| u16::try_from(status).map_err(|error| malformed(&error));
        Ok(Self {
            name: name.parse().map_err(|error| malformed(&error))?,
            policy: match policy {
                v1::Policy::Unspecified => return Err(malformed(&"a policy that this build does not know")),
                v1::Policy::Ordered => Policy::Ordered,
                v1::Policy::RoundRobin => Policy::RoundRobin,
                v1::Policy::Weighted => Policy::Weighted,
            },
            targets: targets.into_iter().map(target).collect::<Result<_, _>>()?,
            retry_on: retry_on.into_iter().map(status).collect::<Result<_, _>>()?,
            try_timeout_ms,
            breaker: {
                let v1::Breaker { failures, window_s, cooldown_s } = breaker.unwrap_or_default();
                Breaker { failures, window_s, cooldown_s }
            },
            cache_ttl_s,
        })
    }
}

impl From<Deployment> for v1::Deployment {
    fn from(value: Deployment) -> Self {
        let Deployment { name, policy, targets, retry_on, try_timeout_ms, breaker, cache_ttl_s } = value;
        let Breaker { failures, window_s, cooldown_s } = breaker;
        let policy = match policy {
            Policy::Ordered => v1::Policy::Ordered,
            Policy::RoundRobin => v1::Policy::RoundRobin,
            Policy::Weighted => v1::Policy::Weighted,
        };
        let target = |DeploymentTarget { alias, weight }| v1::DeploymentTarget { alias: alias.to_string(), weight };
        Self {
            name: name.to_string(),
            policy: policy.into(),
            targets: targets.into_iter().map(target).collect(),
            retry_on: retry_on.into_iter().map(u32::from).collect(),
            try_timeout_ms,
            breaker: Some(v1::Breaker { failures, window_s, cooldown_s }),
            cache_ttl_s,
        }
    }
}

impl TryFrom<v1::VirtualKey> for Key {
    type Error = Malformed;

    fn try_from(message: v1::VirtualKey) -> Result<Self, Malformed> {
        use v1::virtual_key::Holder as Said;
        let v1::VirtualKey {
            id,
            hash,
            previous_hash,
            previous_until_unix_ms,
            holder,
            expires_at_unix_ms,
            endpoints,
            models,
            deployments,
            requests_per_minute,
            tokens_per_minute,
        } = message;
        let key_hash = |bytes: &[u8]| {
            let bytes = bytes.try_into().map_err(|_| Malformed(format!("key {id}: a hash of {} bytes", bytes.len())));
            bytes.map(KeyHash)
        };
        let previous = match previous_hash.as_slice() {
            [] => None,
            bytes => Some((key_hash(bytes)?, previous_until_unix_ms)),
        };
        Ok(Self {
            id,
            hash: key_hash(&hash)?,
            previous,
            holder: match holder {
                Some(Said::Workspace(text)) => Holder::Workspace(name("workspace", &text)?),
                Some(Said::Session(text)) => Holder::Session(name("session", &text)?),
                None => return Err(Malformed(format!("key {id} opens nothing"))),
            },
            expires_at_ms: (expires_at_unix_ms > 0).then_some(expires_at_unix_ms),
            scopes: Scopes { endpoints: scope(endpoints), models: scope(models), deployments: scope(deployments) },
            requests_per_minute: limit(requests_per_minute),
            tokens_per_minute: limit(tokens_per_minute),
        })
    }
}

impl From<Key> for v1::VirtualKey {
    fn from(value: Key) -> Self {
        use v1::virtual_key::Holder as Said;
        let Key { id, hash, previous, holder, expires_at_ms, scopes, requests_per_minute, tokens_per_minute } = value;
        let Scopes { endpoints, models, deployments } = scopes;
        let (previous_hash, previous_until_unix_ms) =
            previous.map_or((Vec::new(), 0), |(KeyHash(bytes), until_ms)| (bytes.to_vec(), until_ms));
        Self {
            id,
            hash: hash.0.to_vec(),
            previous_hash,
            previous_until_unix_ms,
            holder: Some(match holder {
                Holder::Workspace(name) => Said::Workspace(name.to_string()),
                Holder::Session(id) => Said::Session(id.to_string()),
            }),
            expires_at_unix_ms: expires_at_ms.unwrap_or(0),
            endpoints: scope_message(endpoints),
            models: scope_message(models),
            deployments: scope_message(deployments),
            requests_per_minute: requests_per_minute.unwrap_or(0),
            tokens_per_minute: tokens_per_minute.unwrap_or(0),
        }
    }
}

/// 0 stands for none.
fn limit(number: u32) -> Option<u32> {
    (number > 0).then_some(number)
}

fn scope(message: Option<v1::Scope>) -> Scope {
    match message {
        None => Scope::All,
        Some(v1::Scope { names }) => Scope::Only(names.into_iter().map(Into::into).collect()),
    }
}

fn scope_message(value: Scope) -> Option<v1::Scope> {
    match value {
        Scope::All => None,
        Scope::Only(names) => Some(v1::Scope { names: names.into_iter().map(Into::into).collect() }),
    }
}

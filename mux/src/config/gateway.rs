//! What a workspace offers its clients: models under aliases, deployments over them, and keys.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Model, Name};

/// Models in the collection of one workspace.
pub const COLLECTION_MAX: usize = 1_000;
/// Deployments of one workspace.
pub const DEPLOYMENTS_MAX: usize = 1_000;
/// Targets of one deployment.
pub const TARGETS_MAX: usize = 8;
/// Names in one scope of a key.
pub const SCOPE_NAMES_MAX: usize = 100;
/// Bytes of an [`Alias`].
pub const ALIAS_BYTES_MAX: usize = 63;
/// What every virtual key begins with.
pub const KEY_PREFIX: &str = "vk_";
/// Statuses of a provider for which another target is tried, unless a deployment says otherwise.
pub const RETRY_ON_DEFAULT: [u16; 7] = [408, 429, 500, 502, 503, 504, 529];

/// What clients and rules call a model or a deployment of a workspace: 1 to 63 letters, digits, `.`, `_`, `:` or `-`,
/// the first a letter or digit; case counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Alias(Box<str>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAlias {
    #[error(
        "a name has 1 to {ALIAS_BYTES_MAX} letters, digits, `.`, `_`, `:` or `-`, and begins with a letter or digit"
    )]
    Shape,
    #[error("`{0}` has a meaning of its own as a model")]
    Reserved(&'static str),
}

impl Alias {
    /// Names that are no alias, since they say who decides.
    const RESERVED: [&'static str; 2] = ["mux", "requested"];

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Alias {
    type Err = InvalidAlias;

    fn from_str(text: &str) -> Result<Self, InvalidAlias> {
        if let Some(reserved) = Self::RESERVED.into_iter().find(|reserved| *reserved == text) {
            return Err(InvalidAlias::Reserved(reserved));
        }
        let first_fits = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let all_fit = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte));
        if first_fits && all_fit && text.len() <= ALIAS_BYTES_MAX {
            Ok(Self(text.into()))
        } else {
            Err(InvalidAlias::Shape)
        }
    }
}

impl Borrow<str> for Alias {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Alias {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A model that a workspace allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionModel {
    pub alias: Alias,
    pub model: Model,
    pub enabled: bool,
    pub requests_per_minute: Option<u32>,
}

/// A virtual model: requests for it go to one of its targets, and to another if that fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    pub name: Alias,
    pub policy: Policy,
    /// 1 to [`TARGETS_MAX`].
    pub targets: Vec<DeploymentTarget>,
    /// Statuses of a provider for which the next target is tried.
    pub retry_on: Vec<u16>,
    /// From the start of a try until its first byte could go to the client; 0: no limit.
    pub try_timeout_ms: u32,
    pub breaker: Breaker,
    /// For how long answers are kept; 0: they are not; none: as the workspace has it.
    pub cache_ttl_s: Option<u32>,
}

/// Which target of a deployment is tried first. The others follow in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// The first in the list.
    #[default]
    Ordered,
    /// Each in turn.
    RoundRobin,
    /// By chance, in proportion to the weights.
    Weighted,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentTarget {
    pub alias: Alias,
    /// In proportion to those of the others; only the policy `weighted` looks at it.
    pub weight: u32,
}

/// When a target is left alone: after so many failures within a window, for a cooldown; then one request probes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// 0: never.
    pub failures: u32,
    pub window_s: u32,
    pub cooldown_s: u32,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { failures: 5, window_s: 30, cooldown_s: 30 }
    }
}

/// A client's credential: whose workspace it opens and what may be done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub id: u64,
    pub hash: KeyHash,
    /// The key that this one replaced, and until when it is taken too, in ms since 1970.
    pub previous: Option<(KeyHash, u64)>,
    pub holder: Holder,
    /// In ms since 1970.
    pub expires_at_ms: Option<u64>,
    pub scopes: Scopes,
    pub requests_per_minute: Option<u32>,
    pub tokens_per_minute: Option<u32>,
}

/// What a key opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    Workspace(Name),
    /// The workspace that is active in it.
    Session(Name),
}

/// What a key may be used for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes {
    /// Paths of endpoints without the first slash, such as `chat/completions`.
    pub endpoints: Scope,
    /// Aliases of models.
    pub models: Scope,
    /// Names of deployments.
    pub deployments: Scope,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    #[default]
    All,
    Only(Box<[Box<str>]>),
}

impl Scope {
    pub fn holds(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|own| &**own == name),
        }
    }
}

/// What is kept of a key: the first half of its SHA-256. Keys are random, so that they cannot be guessed from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyHash(pub [u8; 16]);

impl KeyHash {
    pub fn of(key: &str) -> Self {
        let digest = Sha256::digest(key.as_bytes());
        Self(digest.first_chunk().copied().unwrap_or_default())
    }
}

/// The orders in which so many targets may be tried: all of them, all but one, or any two, whichever comes first; after
/// it they go round. (One alone needs no order.)
fn orders(count: usize) -> Vec<Vec<usize>> {
    let mut sets: Vec<Vec<usize>> = vec![(0..count).collect()];
    if count > 2 {
        sets.extend((0..count).map(|skipped| (0..count).filter(|index| *index != skipped).collect()));
    }
    if count > 3 {
        sets.extend((0..count).flat_map(|one| (one + 1..count).map(move |other| vec![one, other])));
    }
    let rotations = |set: Vec<usize>| {
        (0..set.len()).map(move |first| {
            let mut order = set.clone();
            order.rotate_left(first);
            order
        })
    };
    sets.into_iter().filter(|set| set.len() > 1).flat_map(rotations).collect()
}

/// How many of the targets that are left of `count` may be tried, so that theirs is one of the orders that there are.
pub fn tries_max(left: usize, count: usize) -> usize {
    if left + 1 >= count { left } else { left.min(2) }
}

/// The clusters that the deployments of a workspace go through, in every order in which they may be tried. `cluster_of`
/// knows the cluster of a provider that exists.
pub fn sequences<'c>(
    models: &[CollectionModel],
    deployments: &[Deployment],
    cluster_of: impl Fn(&Name) -> Option<&'c str>,
) -> impl Iterator<Item = Vec<&'c str>> {
    let models: HashMap<&Alias, &Name> =
        models.iter().filter(|own| own.enabled).map(|own| (&own.alias, &own.model.provider)).collect();
    deployments.iter().flat_map(move |deployment| {
        let providers = deployment.targets.iter().filter_map(|target| models.get(&target.alias));
        let clusters: Vec<&str> = providers.filter_map(|provider| cluster_of(provider)).collect();
        let of_order = |order: Vec<usize>| order.into_iter().filter_map(|index| clusters.get(index).copied()).collect();
        orders(clusters.len()).into_iter().map(of_order).collect::<Vec<_>>()
    })
}

/// The Envoy cluster that tries these clusters in this order. Deployments with the same sequence share it.
pub fn composite_name<'c>(clusters: impl IntoIterator<Item = &'c str>) -> String {
    // FNV-1a with 128 bits.
    const OFFSET: u128 = 0x6c62272e07bb014262b821756295c58d;
    const PRIME: u128 = 0x0000000001000000000000000000013b;
    let mut hash = OFFSET;
    for cluster in clusters {
        for byte in cluster.bytes().chain([0]) {
            hash = (hash ^ u128::from(byte)).wrapping_mul(PRIME);
        }
    }
    format!("sequence_{hash:032x}")
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{Alias, InvalidAlias, KeyHash, TARGETS_MAX, composite_name, orders, tries_max};

    #[test]
    fn aliases() {
        for text in ["gpt-4o", "Llama3.1:8b", "a", "9_x"] {
            assert_eq!(text.parse::<Alias>().unwrap().as_str(), text);
        }
        for text in ["", "-a", "a/b", "a b", "ä", &"x".repeat(64)] {
            assert_eq!(text.parse::<Alias>(), Err(InvalidAlias::Shape), "{text}");
        }
        assert_eq!("mux".parse::<Alias>(), Err(InvalidAlias::Reserved("mux")));
    }

    #[test]
    fn a_key_is_known_by_half_its_digest() {
        // SHA-256 of "abc", FIPS 180-2, appendix B.1.
        assert_eq!(KeyHash::of("abc").0[..4], [0xba, 0x78, 0x16, 0xbf]);
    }

    #[test]
    fn every_choice_of_targets_has_an_order() {
        for (count, expected) in [(1, 0), (2, 2), (3, 9), (4, 28), (8, 120)] {
            assert_eq!(orders(count).len(), expected, "of {count}");
        }
        for count in 2..=TARGETS_MAX {
            let orders = orders(count);
            for closed in 1_u32..1 << count {
                let left: Vec<usize> = (0..count).filter(|index| closed & 1 << index != 0).collect();
                let tried = &left[..tries_max(left.len(), count)];
                assert!(tried.len() == 1 || orders.iter().any(|order| order == tried), "{tried:?} of {count}");
            }
        }
    }

    #[test]
    fn a_sequence_has_a_name_of_its_own() {
        let name = |clusters: &[&str]| composite_name(clusters.iter().copied());
        assert_eq!(name(&["a", "b"]), name(&["a", "b"]));
        for other in [&["b", "a"][..], &["ab"], &["a"], &["a", "b", "a"], &[]] {
            assert_ne!(name(&["a", "b"]), name(other));
        }
    }
}

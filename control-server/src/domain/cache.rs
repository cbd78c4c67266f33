//! Whether answers are kept and for how long, as people write it.

use serde::{Deserialize, Serialize};

/// Seconds for which an answer may be kept: a day.
pub const TTL_S_MAX: u32 = 86_400;
const TTL_S_DEFAULT: u32 = 300;

/// Seconds for which an answer is kept: 1 to [`TTL_S_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct CacheTtl(u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an answer is kept for 1 to {TTL_S_MAX} seconds, not {0}")]
pub struct InvalidTtl(u32);

/// What a workspace says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheSettings {
    pub enabled: bool,
    pub ttl_s: CacheTtl,
}

/// What a deployment says instead of its workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeploymentCache {
    pub enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_s: Option<CacheTtl>,
}

impl Default for CacheTtl {
    fn default() -> Self {
        Self(TTL_S_DEFAULT)
    }
}

impl TryFrom<u32> for CacheTtl {
    type Error = InvalidTtl;

    fn try_from(seconds: u32) -> Result<Self, InvalidTtl> {
        if (1..=TTL_S_MAX).contains(&seconds) { Ok(Self(seconds)) } else { Err(InvalidTtl(seconds)) }
    }
}

impl From<CacheTtl> for u32 {
    fn from(ttl: CacheTtl) -> Self {
        ttl.0
    }
}

impl CacheSettings {
    /// Seconds, as nodes get it; 0: answers are not kept.
    pub fn in_force_s(self) -> u32 {
        if self.enabled { self.ttl_s.0 } else { 0 }
    }
}

impl DeploymentCache {
    /// Seconds, as nodes get it; 0: answers are not kept.
    pub fn in_force_s(self) -> u32 {
        if self.enabled { self.ttl_s.unwrap_or_default().0 } else { 0 }
    }

    /// What is given anew, with the time that held before if none is.
    pub fn instead_of(self, before: Option<Self>) -> Self {
        Self { ttl_s: self.ttl_s.or(before.and_then(|before| before.ttl_s)), ..self }
    }
}

impl From<u32> for DeploymentCache {
    /// From seconds as nodes get it.
    fn from(in_force_s: u32) -> Self {
        let enabled = in_force_s > 0;
        Self { enabled, ttl_s: enabled.then_some(CacheTtl(in_force_s)) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_time_has_bounds() {
        for (seconds, is_good) in [(0, false), (1, true), (TTL_S_MAX, true), (TTL_S_MAX + 1, false)] {
            let read: Result<CacheTtl, _> = serde_json::from_value(json!(seconds));
            assert_eq!(read.is_ok(), is_good, "{seconds}");
        }
    }

    #[test]
    fn what_is_off_takes_no_time() {
        let settings = |json: Value| serde_json::from_value::<CacheSettings>(json).unwrap().in_force_s();
        assert_eq!(settings(json!({})), 0);
        assert_eq!(settings(json!({"ttl_s": 60})), 0);
        assert_eq!(settings(json!({"enabled": true})), TTL_S_DEFAULT);
        assert_eq!(settings(json!({"enabled": true, "ttl_s": 60})), 60);
        let deployment = |json: Value| serde_json::from_value::<DeploymentCache>(json).unwrap();
        for (json, in_force_s) in [
            (json!({"enabled": false, "ttl_s": 60}), 0),
            (json!({"enabled": true}), TTL_S_DEFAULT),
            (json!({"enabled": true, "ttl_s": 60}), 60),
        ] {
            assert_eq!(deployment(json).in_force_s(), in_force_s);
            assert_eq!(DeploymentCache::from(in_force_s).in_force_s(), in_force_s);
        }
        assert!(serde_json::from_value::<DeploymentCache>(json!({"ttl_s": 60})).is_err(), "on or off is said");
    }
}

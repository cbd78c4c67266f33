//! What a snapshot is compiled from: plain values, validated by [`crate::snapshot`], never by themselves on the request
//! path. The control server stores and validates these; the filter receives them.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Rules that one workspace may hold.
pub const RULES_MAX: usize = 1_000;
/// Patterns that all rules of one workspace may hold together.
pub const PATTERNS_MAX: usize = 10_000;
/// Bytes of one pattern.
pub const PATTERN_BYTES_MAX: usize = 1_024;
/// Bytes of a rule's name.
pub const RULE_NAME_BYTES_MAX: usize = 128;
/// Bytes of a model id.
pub const MODEL_BYTES_MAX: usize = 256;
/// Characters of a [`Name`].
pub const NAME_BYTES_MAX: usize = 63;

/// The workspace and the session that always exist.
pub const DEFAULT: &str = "default";

/// A name as users choose it for workspaces, sessions and providers: `[a-z0-9][a-z0-9_-]{0,62}`, lower-cased on entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Name(Box<str>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name is 1 to {NAME_BYTES_MAX} letters, digits, `_` or `-`, and begins with a letter or digit")]
pub struct InvalidName;

impl Name {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let lower = text.to_ascii_lowercase();
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let first_fits = lower.bytes().next().is_some_and(is_word);
        let all_fit = lower.bytes().all(|byte| is_word(byte) || byte == b'_' || byte == b'-');
        if first_fits && all_fit && lower.len() <= NAME_BYTES_MAX { Ok(Self(lower.into())) } else { Err(InvalidName) }
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Rules are tried top-down; the first whose conditions all hold decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    pub name: Name,
    pub rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub name: String,
    pub when: When,
    pub target: Target,
}

/// Conditions of a rule: all that are given must hold; a list within one condition means any. None: the catch-all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct When {
    /// Patterns over the paths of files in context.
    pub file: Vec<String>,
}

/// Where a rule sends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The model that the client named, which must itself name a target.
    Requested,
    Model(Model),
}

/// One provider's model, written `provider/model-id`; the id may hold further slashes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Model {
    pub provider: Name,
    pub id: Box<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    #[error("a target is `requested` or `provider/model-id`")]
    Shape,
    #[error("the part before the first `/` must name a provider: {0}")]
    Provider(#[from] InvalidName),
    #[error("a model id has 1 to {MODEL_BYTES_MAX} bytes and no control characters")]
    ModelId,
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        if text == "requested" {
            return Ok(Self::Requested);
        }
        text.parse().map(Self::Model)
    }
}

impl FromStr for Model {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        let (provider, id) = text.split_once('/').ok_or(InvalidTarget::Shape)?;
        if id.is_empty() || id.len() > MODEL_BYTES_MAX || id.chars().any(char::is_control) {
            return Err(InvalidTarget::ModelId);
        }
        Ok(Self { provider: provider.parse()?, id: id.into() })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested => formatter.write_str("requested"),
            Self::Model(model) => model.fmt(formatter),
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.provider, self.id)
    }
}

/// A user's interaction context and the workspace that is active in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: Name,
    pub active_workspace: Name,
}

/// A provider as the data plane needs it.
#[derive(Clone, PartialEq, Eq)]
pub struct Provider {
    pub name: Name,
    /// The Envoy cluster that reaches it.
    pub cluster: Box<str>,
    /// The `:authority` of requests to it.
    pub authority: Box<str>,
    /// Path before the endpoint, without a slash at its end: `/v1`, or empty.
    pub base_path: Box<str>,
    /// Sent as a bearer token; empty: none.
    pub api_key: Box<str>,
}

impl fmt::Debug for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, cluster, authority, base_path, api_key: _ } = self;
        formatter
            .debug_struct("Provider")
            .field("name", name)
            .field("cluster", cluster)
            .field("authority", authority)
            .field("base_path", base_path)
            .finish_non_exhaustive()
    }
}

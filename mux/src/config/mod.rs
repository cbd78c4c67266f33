//! What a snapshot is compiled from: plain values, validated by [`crate::snapshot`], never by themselves on the request
//! path. The control server stores and validates these; the filter receives them.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::dialect::Dialect;

mod gateway;
mod rule;

pub use gateway::{
    ALIAS_BYTES_MAX, Alias, Breaker, COLLECTION_MAX, CollectionModel, DEPLOYMENTS_MAX, Deployment, DeploymentTarget,
    Holder, InvalidAlias, KEY_PREFIX, Key, KeyHash, Policy, RETRY_ON_DEFAULT, SCOPE_NAMES_MAX, Scope, Scopes,
    TARGETS_MAX, composite_name, sequences, tries_max,
};
pub use rule::{HeaderCondition, InvalidTarget, Model, RequestKind, Rule, Target, Turns, When};

/// Rules that one workspace may hold.
pub const RULES_MAX: usize = 1_000;
/// Patterns that all rules of one workspace may hold together.
pub const PATTERNS_MAX: usize = 10_000;
/// Bytes of one pattern.
pub const PATTERN_BYTES_MAX: usize = 1_024;
/// Bytes of a rule's name.
pub const RULE_NAME_BYTES_MAX: usize = 128;
/// Bytes of a workspace's instructions, or of a rule's.
pub const INSTRUCTIONS_BYTES_MAX: usize = 64 << 10;
/// Bytes of a model id.
pub const MODEL_BYTES_MAX: usize = 256;
/// Characters of a [`Name`].
pub const NAME_BYTES_MAX: usize = 63;

/// The workspace and the session that always exist.
pub const DEFAULT: &str = "default";

/// A name as users choose it for workspaces, sessions and providers: `[a-z0-9][a-z0-9_-]{0,62}`, lower-cased on entry.
/// Clones share one text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

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

impl Serialize for Name {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A bundle of rules and instructions. Rules are tried top-down; the first whose conditions all hold decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    pub name: Name,
    pub rules: Vec<Rule>,
    /// Put in front of every request's own system prompt; empty: nothing.
    pub instructions: String,
    pub switch: Switch,
    pub access: Access,
    pub collection: Collection,
    pub deployments: Vec<Deployment>,
    /// For how long answers are kept; 0: they are not.
    pub cache_ttl_s: u32,
    /// Part of what answers are kept by: a later workspace of the same name has another.
    pub cache_epoch: u64,
}

impl Workspace {
    /// With rules alone, open to every model.
    pub fn new(name: Name, rules: Vec<Rule>) -> Self {
        let (switch, access) = (Switch::default(), Access::default());
        let collection = Collection { is_open: true, models: Vec::new() };
        Self {
            name,
            rules,
            instructions: String::new(),
            switch,
            access,
            collection,
            deployments: Vec::new(),
            cache_ttl_s: 0,
            cache_epoch: 0,
        }
    }
}

/// The models that clients of a workspace may name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collection {
    /// Every model of every provider may be named too, as `provider/model-id`.
    pub is_open: bool,
    pub models: Vec<CollectionModel>,
}

/// When a conversation may move to another target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// With every request.
    #[default]
    Anytime,
    /// With a user's turn: while tool calls answer it, what they bring into context decides nothing.
    UserTurn,
}

/// Who may use a workspace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Everybody who reaches the gateway.
    #[default]
    Anonymous,
    /// Only who shows a key of this gateway.
    KeyOnly,
}

/// A user's interaction context and the workspace that is active in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: Name,
    pub active_workspace: Name,
}

/// A provider as the data plane needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    pub name: Name,
    /// The Envoy cluster that reaches it.
    pub cluster: Box<str>,
    /// The `:authority` of requests to it.
    pub authority: Box<str>,
    /// Path before the endpoint, without a slash at its end: `/v1`, or empty.
    pub base_path: Box<str>,
    pub auth: Auth,
    /// What it understands.
    pub dialects: Box<[Dialect]>,
    /// Whether it takes what other servers added to OpenAI's format.
    pub extensions: bool,
    /// Most tokens of an answer, by model id, for dialects that must be told.
    pub output_limits: Box<[(Box<str>, u64)]>,
}

/// What stands in for the client's credential in a request to a provider.
#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    /// Nothing.
    None,
    Key {
        header: KeyHeader,
        key: Box<str>,
    },
    /// The client's own goes on.
    Passthrough,
}

/// Where a provider wants its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyHeader {
    /// `authorization: Bearer <key>`
    Bearer,
    /// `x-api-key: <key>`
    XApiKey,
}

impl fmt::Debug for Auth {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "None",
            Self::Key { header: KeyHeader::Bearer, key: _ } => "Key(Bearer)",
            Self::Key { header: KeyHeader::XApiKey, key: _ } => "Key(XApiKey)",
            Self::Passthrough => "Passthrough",
        })
    }
}

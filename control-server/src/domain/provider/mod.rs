//! A provider: a named endpoint of a kind, with a credential.

use mux::config::{self, InvalidTarget, MODEL_BYTES_MAX, Name};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

mod endpoint;
mod kind;
mod reach;

pub use endpoint::{ENDPOINT_BYTES_MAX, Endpoint, InvalidEndpoint, Scheme};
pub use kind::{InvalidKind, Kind};
pub use reach::{Forbidden, LinkLocal, check_address};

/// Providers that there may be.
pub const PROVIDERS_MAX: usize = 1_000;
/// Bytes of an API key.
pub const API_KEY_BYTES_MAX: usize = 4_096;
/// Bytes of a description, of anything.
pub const DESCRIPTION_BYTES_MAX: usize = 4_096;

/// How requests to a provider are authenticated.
#[derive(Clone, Debug)]
pub enum Auth {
    None,
    /// A key, in the header that the kind wants; `None`: it has not been given yet.
    ApiKey(Option<SecretString>),
    /// The client's own credential goes on.
    Passthrough,
}

impl Auth {
    /// As the API and the store name it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ApiKey(_) => "api_key",
            Self::Passthrough => "passthrough",
        }
    }

    pub fn key(&self) -> Option<&SecretString> {
        match self {
            Self::None | Self::Passthrough => None,
            Self::ApiKey(key) => key.as_ref(),
        }
    }
}

impl PartialEq for Auth {
    fn eq(&self, other: &Self) -> bool {
        let key = |auth: &Self| auth.key().map(|key| key.expose_secret().to_owned());
        self.as_str() == other.as_str() && key(self) == key(other)
    }
}

/// Reads a key as a person pasted it; `None`: it is empty. It must fit into a header.
pub fn read_api_key(text: &SecretString) -> Result<Option<SecretString>, String> {
    let text = text.expose_secret().trim();
    if text.len() > API_KEY_BYTES_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("a key has at most {API_KEY_BYTES_MAX} visible ASCII characters, without spaces"));
    }
    Ok(if text.is_empty() { None } else { Some(text.into()) })
}

pub fn check_model_id(text: &str) -> Result<(), InvalidTarget> {
    if text.is_empty() || text.len() > MODEL_BYTES_MAX || text.chars().any(char::is_control) {
        return Err(InvalidTarget::ModelId);
    }
    Ok(())
}

/// A provider as it is stored.
#[derive(Clone, Debug)]
pub struct Provider {
    pub name: Name,
    pub kind: Kind,
    pub endpoint: Endpoint,
    pub auth: Auth,
    pub description: String,
    pub status: Status,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
}

/// What came of the last question for its models.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Status {
    #[default]
    Unchecked,
    Reachable {
        checked_at_ms: i64,
    },
    Unreachable {
        checked_at_ms: i64,
        reason: String,
    },
}

impl Provider {
    /// The Envoy cluster that reaches it. It is named by what it connects to, so that a changed endpoint is a new
    /// cluster beside the old one, and no request meets half of a change.
    pub fn cluster_name(&self) -> String {
        let digest = Sha256::digest(self.endpoint.origin());
        let hash = digest.iter().take(4).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        format!("muxspace_{}_{hash}", self.name)
    }

    pub fn api_key(&self) -> Option<&SecretString> {
        self.auth.key()
    }

    /// What it becomes by a patch.
    pub fn patched(&self, patch: &ProviderPatch) -> Self {
        let Self { name, kind, endpoint, auth, description, status, created_at_ms, updated_at_ms } = self.clone();
        let patch = patch.clone();
        Self {
            name: patch.name.unwrap_or(name),
            kind: patch.kind.unwrap_or(kind),
            endpoint: patch.endpoint.unwrap_or(endpoint),
            auth: match patch.auth {
                None => auth,
                Some(AuthPatch::None) => Auth::None,
                Some(AuthPatch::Passthrough) => Auth::Passthrough,
                Some(AuthPatch::ApiKey(given)) => Auth::ApiKey(given.or_else(|| auth.key().cloned())),
            },
            description: patch.description.unwrap_or(description),
            status,
            created_at_ms,
            updated_at_ms,
        }
    }

    /// What of it people change, as the API shows it, for the log of changes.
    pub fn audit_value(&self) -> Value {
        let Self { name, kind, endpoint, auth, description, status: _, created_at_ms: _, updated_at_ms: _ } = self;
        json!({
            "name": name,
            "type": kind.as_str(),
            "endpoint": endpoint.to_string(),
            "auth": {"type": auth.as_str(), "configured": auth.key().is_some()},
            "description": description,
        })
    }

    /// The part that a filter needs.
    pub fn data_plane(&self) -> config::Provider {
        config::Provider {
            name: self.name.clone(),
            cluster: self.cluster_name().into(),
            authority: self.endpoint.authority().into(),
            base_path: self.kind.base_path(&self.endpoint).into(),
            auth: match &self.auth {
                Auth::None | Auth::ApiKey(None) => config::Auth::None,
                Auth::ApiKey(Some(key)) => {
                    config::Auth::Key { header: self.kind.key_header(), key: key.expose_secret().to_owned().into() }
                }
                Auth::Passthrough => config::Auth::Passthrough,
            },
            dialects: self.kind.dialects().into(),
            extensions: self.kind.takes_extensions(),
            output_limits: super::catalog::output_limits(self.kind).collect(),
        }
    }
}

/// A provider to be made.
#[derive(Clone, Debug)]
pub struct NewProvider {
    pub name: Name,
    pub kind: Kind,
    pub endpoint: Endpoint,
    pub auth: Auth,
    pub description: String,
    /// Models that are known from the start, without asking.
    pub models: Vec<String>,
}

/// What changes about a provider; `None`: it stays.
#[derive(Clone, Debug, Default)]
pub struct ProviderPatch {
    pub name: Option<Name>,
    pub kind: Option<Kind>,
    pub endpoint: Option<Endpoint>,
    pub auth: Option<AuthPatch>,
    pub description: Option<String>,
}

#[derive(Clone, Debug)]
pub enum AuthPatch {
    None,
    Passthrough,
    /// Use a key: this one, or with `None` the one that is stored.
    ApiKey(Option<SecretString>),
}

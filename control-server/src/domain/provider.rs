//! A provider: a named endpoint of a kind, with a credential.

use std::fmt;
use std::str::FromStr;

use mux::config::{self, InvalidTarget, KeyHeader, MODEL_BYTES_MAX, Name};
use mux::dialect::Dialect;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use url::Url;

/// Bytes of an endpoint.
pub const ENDPOINT_BYTES_MAX: usize = 2_048;
/// Bytes of an API key.
pub const API_KEY_BYTES_MAX: usize = 4_096;
/// Bytes of a description, of anything.
pub const DESCRIPTION_BYTES_MAX: usize = 4_096;

/// What a provider runs; `type` in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Openai,
    Anthropic,
    Openrouter,
    Vllm,
    Ollama,
    Lmstudio,
    Llamacpp,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a provider's type is one of {}", Kind::ALL.map(Kind::as_str).join(", "))]
pub struct InvalidKind;

impl Kind {
    pub const ALL: [Self; 7] =
        [Self::Openai, Self::Anthropic, Self::Openrouter, Self::Vllm, Self::Ollama, Self::Lmstudio, Self::Llamacpp];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
            Self::Openrouter => "openrouter",
            Self::Vllm => "vllm",
            Self::Ollama => "ollama",
            Self::Lmstudio => "lmstudio",
            Self::Llamacpp => "llamacpp",
        }
    }

    /// Where it is reached unless the provider says otherwise: the vendor's OpenAI-compatible API, or the local
    /// program's own default port.
    pub fn default_endpoint(self) -> &'static str {
        match self {
            Self::Openai => "https://api.openai.com/v1",
            Self::Anthropic => "https://api.anthropic.com/v1",
            Self::Openrouter => "https://openrouter.ai/api/v1",
            Self::Vllm => "http://127.0.0.1:8000/v1",
            Self::Ollama => "http://127.0.0.1:11434/v1",
            Self::Lmstudio => "http://127.0.0.1:1234/v1",
            Self::Llamacpp => "http://127.0.0.1:8080/v1",
        }
    }

    /// The wire formats that it understands.
    pub fn dialects(self) -> &'static [Dialect] {
        use Dialect::{Chat, Completions, Embeddings, Messages, Responses};
        match self {
            Self::Anthropic => &[Messages],
            Self::Openai => &[Chat, Responses, Completions, Embeddings],
            Self::Openrouter | Self::Vllm | Self::Ollama | Self::Lmstudio | Self::Llamacpp => {
                &[Chat, Completions, Embeddings]
            }
        }
    }

    /// Where it wants its key.
    pub fn key_header(self) -> KeyHeader {
        match self {
            Self::Anthropic => KeyHeader::XApiKey,
            _ => KeyHeader::Bearer,
        }
    }

    /// Path of the API on an endpoint that is given as a mere host.
    fn default_path(self) -> &'static str {
        match self {
            Self::Openrouter => "/api/v1",
            _ => "/v1",
        }
    }
}

impl FromStr for Kind {
    type Err = InvalidKind;

    fn from_str(text: &str) -> Result<Self, InvalidKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(InvalidKind)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Where a provider is reached: scheme, host, port and the path before the API's own paths.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    scheme: Scheme,
    host: Box<str>,
    port: u16,
    path: Box<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    #[error("an endpoint is a URL such as `https://host/v1`: {0}")]
    Url(#[from] url::ParseError),
    #[error("an endpoint begins with http:// or https://")]
    Scheme,
    #[error("an endpoint has no user name or password; give the key as `auth.api_key`")]
    Userinfo,
    #[error("an endpoint has no query and no fragment")]
    Query,
    #[error("an endpoint names a host")]
    Host,
    #[error("an endpoint names a port from 1 to 65535")]
    Port,
    #[error("an endpoint has at most {ENDPOINT_BYTES_MAX} bytes")]
    Length,
}

impl Endpoint {
    /// Reads an endpoint of a provider of this kind. A path that is given is kept; a mere host gets the kind's own.
    pub fn parse(kind: Kind, text: &str) -> Result<Self, InvalidEndpoint> {
        let endpoint: Self = text.parse()?;
        Ok(if endpoint.path.is_empty() { Self { path: kind.default_path().into(), ..endpoint } } else { endpoint })
    }

    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// A DNS name, an IPv4 address, or an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Begins with a slash and ends with none, or is empty.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Host, and port unless it is the scheme's own.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        if text.len() > ENDPOINT_BYTES_MAX {
            return Err(InvalidEndpoint::Length);
        }
        let url = Url::parse(text.trim())?;
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(InvalidEndpoint::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidEndpoint::Userinfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidEndpoint::Query);
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(InvalidEndpoint::Host)?;
        let port = url.port_or_known_default().filter(|port| *port != 0).ok_or(InvalidEndpoint::Port)?;
        Ok(Self { scheme, host: host.into(), port, path: url.path().trim_end_matches('/').into() })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}{}", self.scheme.as_str(), self.authority(), self.path)
    }
}

/// How requests to a provider are authenticated.
#[derive(Clone, Debug)]
pub enum Auth {
    None,
    /// The key is sent as a bearer token; `None`: it has not been given yet.
    ApiKey(Option<SecretString>),
}

impl Auth {
    pub fn key(&self) -> Option<&SecretString> {
        match self {
            Self::None => None,
            Self::ApiKey(key) => key.as_ref(),
        }
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
        let Endpoint { scheme, host, port, path: _ } = &self.endpoint;
        let digest = Sha256::digest(format!("{}://{host}:{port}", scheme.as_str()));
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
                Some(AuthPatch::ApiKey(given)) => Auth::ApiKey(given.or_else(|| auth.key().cloned())),
            },
            description: patch.description.unwrap_or(description),
            status,
            created_at_ms,
            updated_at_ms,
        }
    }

    /// The part that a filter needs.
    pub fn data_plane(&self) -> config::Provider {
        config::Provider {
            name: self.name.clone(),
            cluster: self.cluster_name().into(),
            authority: self.endpoint.authority().into(),
            base_path: self.endpoint.path().into(),
            auth: match self.api_key() {
                None => config::Auth::None,
                Some(key) => {
                    config::Auth::Key { header: self.kind.key_header(), key: key.expose_secret().to_owned().into() }
                }
            },
            dialects: self.kind.dialects().into(),
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
    /// Use a key: this one, or with `None` the one that is stored.
    ApiKey(Option<SecretString>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_kept_or_refused() {
        let rows: &[(&str, Result<&str, &str>)] = &[
            ("https://api.openai.com/v1", Ok("https://api.openai.com/v1")),
            ("https://host/v1beta/openai/", Ok("https://host/v1beta/openai")),
            ("http://127.0.0.1:9000", Ok("http://127.0.0.1:9000/v1")),
            ("HTTP://Host.Example:80/v1", Ok("http://host.example/v1")),
            ("http://[::1]:9000/v1", Ok("http://[::1]:9000/v1")),
            ("ftp://host/v1", Err("http://")),
            ("https://user:pw@host/v1", Err("user name")),
            ("https://host/v1?key=1", Err("query")),
            ("https://host/v1#x", Err("fragment")),
            ("host:9000", Err("http://")),
            ("", Err("URL")),
            ("http://host:0/v1", Err("port")),
        ];
        for (text, expected) in rows {
            match (Endpoint::parse(Kind::Openai, text), expected) {
                (Ok(endpoint), Ok(expected)) => assert_eq!(endpoint.to_string(), *expected, "{text}"),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{text}: {error}"),
                (got, expected) => panic!("{text}: {got:?}, expected {expected:?}"),
            }
        }
    }

    #[test]
    fn every_default_endpoint_is_one() {
        for kind in Kind::ALL {
            let endpoint = Endpoint::parse(kind, kind.default_endpoint()).unwrap();
            assert_eq!(endpoint.to_string(), kind.default_endpoint());
        }
    }
}

//! What a provider runs, and what follows from it.

use std::fmt;
use std::str::FromStr;

use mux::config::KeyHeader;
use mux::dialect::Dialect;

use super::{Auth, Endpoint};

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

/// Path of the version of the API that all kinds speak.
const V1: &str = "/v1";

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

    /// Where it is reached unless the provider says otherwise: the vendor's API, or the local program's own port. It
    /// is written as the vendor writes it.
    pub fn default_endpoint(self) -> &'static str {
        match self {
            Self::Openai => "https://api.openai.com/v1",
            Self::Anthropic => "https://api.anthropic.com",
            Self::Openrouter => "https://openrouter.ai/api/v1",
            Self::Vllm => "http://localhost:8000/v1",
            Self::Ollama => "http://localhost:11434",
            Self::Lmstudio => "http://localhost:1234/v1",
            Self::Llamacpp => "http://localhost:8080/v1",
        }
    }

    /// How requests are authenticated unless the provider says otherwise: services want a key, programs none.
    pub fn default_auth(self) -> Auth {
        match self {
            Self::Openai | Self::Anthropic | Self::Openrouter => Auth::ApiKey(None),
            Self::Vllm | Self::Ollama | Self::Lmstudio | Self::Llamacpp => Auth::None,
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

    /// Whether it takes what other servers added to OpenAI's format.
    pub fn takes_extensions(self) -> bool {
        !matches!(self, Self::Openai | Self::Anthropic)
    }

    /// Where it wants its key.
    pub fn key_header(self) -> KeyHeader {
        match self {
            Self::Anthropic => KeyHeader::XApiKey,
            _ => KeyHeader::Bearer,
        }
    }

    /// Path before the paths of the API, such as `/chat/completions`. Anthropic and Ollama are given without the
    /// version, as their own clients want it; a path of the others is complete, unless it is a mere host.
    pub fn base_path(self, endpoint: &Endpoint) -> String {
        let path = endpoint.path();
        match self {
            Self::Anthropic | Self::Ollama if path.ends_with(V1) => path.to_owned(),
            Self::Anthropic | Self::Ollama => format!("{path}{V1}"),
            Self::Openrouter if path.is_empty() => format!("/api{V1}"),
            _ if path.is_empty() => V1.to_owned(),
            _ => path.to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_endpoint_is_one() {
        for kind in Kind::ALL {
            let endpoint: Endpoint = kind.default_endpoint().parse().unwrap();
            assert_eq!(endpoint.to_string(), kind.default_endpoint());
            let base_path = if kind == Kind::Openrouter { "/api/v1" } else { "/v1" };
            assert_eq!(kind.base_path(&endpoint), base_path, "{kind}");
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
    }

    #[test]
    fn paths_are_completed_only_where_the_kind_wants_it() {
        let rows = [
            (Kind::Openai, "https://host", "/v1"),
            (Kind::Openai, "https://host/", "/v1"),
            (Kind::Openai, "https://host/v1beta/openai", "/v1beta/openai"),
            (Kind::Openai, "https://host/v1beta/openai/", "/v1beta/openai"),
            (Kind::Vllm, "http://host:8000", "/v1"),
            (Kind::Vllm, "http://host:8000/serve", "/serve"),
            (Kind::Lmstudio, "http://host:1234", "/v1"),
            (Kind::Llamacpp, "http://host:8080/api/v1", "/api/v1"),
            (Kind::Openrouter, "https://host", "/api/v1"),
            (Kind::Openrouter, "https://host/proxy/v1", "/proxy/v1"),
            (Kind::Anthropic, "https://host", "/v1"),
            (Kind::Anthropic, "https://host/v1", "/v1"),
            (Kind::Anthropic, "https://host/anthropic", "/anthropic/v1"),
            (Kind::Anthropic, "https://host/anthropic/v1/", "/anthropic/v1"),
            (Kind::Ollama, "http://host:11434", "/v1"),
            (Kind::Ollama, "http://host:11434/v1", "/v1"),
            (Kind::Ollama, "https://host/ollama", "/ollama/v1"),
        ];
        for (kind, text, expected) in rows {
            assert_eq!(kind.base_path(&text.parse().unwrap()), expected, "{kind} {text}");
        }
    }
}

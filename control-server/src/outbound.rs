//! Calls that the server itself makes to providers: asking for their models.

use std::error::Error;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::domain::model::MODELS_MAX;
use crate::domain::provider::{Endpoint, Kind, check_model_id};

/// For the whole of a call.
pub const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of a model list.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Version of Anthropic's API whose model list is read.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// Asks providers for their models. Clones share connections.
#[derive(Clone, Debug)]
pub struct ModelClient(Client);

#[derive(Deserialize)]
struct ModelList {
    data: Vec<ListedId>,
}

#[derive(Deserialize)]
struct ListedId {
    id: String,
}

impl ModelClient {
    pub fn new() -> Result<Self, String> {
        Self::with_timeout(TIMEOUT)
    }

    pub fn with_timeout(timeout: Duration) -> Result<Self, String> {
        // A second install fails and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Client::builder()
            .timeout(timeout)
            // Envoy follows no redirect and uses no proxy; a provider that needs one is not reachable.
            .redirect(redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("muxspace/", env!("CARGO_PKG_VERSION")))
            .build()
            .map(Self)
            .map_err(|error| format!("the HTTP client could not be made: {}", explain(&error)))
    }

    /// The ids of a provider's models, or why it does not tell them: `GET <endpoint>/models`.
    pub async fn list(
        &self,
        kind: Kind,
        endpoint: &Endpoint,
        key: Option<&SecretString>,
    ) -> Result<Vec<String>, String> {
        let request = authorize(self.0.get(format!("{endpoint}/models")), kind, key);
        let mut response = request.send().await.map_err(|error| explain(&error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(format!("{endpoint}/models answered {status}"));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| explain(&error))? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(format!("{endpoint}/models answered more than {ANSWER_BYTES_MAX} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        let ModelList { data } = serde_json::from_slice(&body)
            .map_err(|error| format!("{endpoint}/models answered no model list: {error}"))?;
        Ok(data
            .into_iter()
            .map(|ListedId { id }| id)
            .filter(|id| check_model_id(id).is_ok())
            .take(MODELS_MAX)
            .collect())
    }
}

fn authorize(request: RequestBuilder, kind: Kind, key: Option<&SecretString>) -> RequestBuilder {
    match (kind, key) {
        (_, None) => request,
        (Kind::Anthropic, Some(key)) => {
            request.header("x-api-key", key.expose_secret()).header("anthropic-version", ANTHROPIC_VERSION)
        }
        (_, Some(key)) => request.bearer_auth(key.expose_secret()),
    }
}

/// An error with its causes, which hold what matters: refused, no such host, timed out.
fn explain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

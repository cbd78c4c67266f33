//! Calls that the server itself makes to providers: asking for their models. It reaches no address that providers must
//! not have, whatever a name resolves to at the moment.

mod answer;
mod resolve;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, redirect};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::domain::model::{MODELS_MAX, OfferedModel};
use crate::domain::provider::{Endpoint, Forbidden, Kind, LinkLocal};
use answer::Page;
use resolve::Guarded;
pub use resolve::{Lookup, Resolved, system_lookup};

/// For all that is asked of one provider at once.
pub const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of one page of a model list.
const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Pages of a model list.
const PAGES_MAX: usize = 20;
/// Models per page that Anthropic is asked for: the most that it gives.
const ANTHROPIC_PAGE: &str = "1000";
/// Version of Anthropic's API whose model list is read.
const ANTHROPIC_VERSION: &str = "2023-06-01";
/// Where Ollama lists its models, and where its OpenAI-compatible paths begin.
const OLLAMA_TAGS: &str = "/api/tags";
const OLLAMA_COMPATIBLE: &str = "/v1";

/// Asks providers for their models. Clones share connections.
#[derive(Clone)]
pub struct ModelClient {
    client: Client,
    link_local: LinkLocal,
    lookup: Lookup,
}

impl ModelClient {
    pub fn new(link_local: LinkLocal, lookup: Lookup) -> Result<Self, String> {
        // A second install fails and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            // Envoy follows no redirect and uses no proxy; a provider that needs one is not reachable.
            .redirect(redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(Guarded { link_local, lookup: Arc::clone(&lookup) }))
            .user_agent(concat!("muxspace/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| format!("the HTTP client could not be made: {}", explain(&error)))?;
        Ok(Self { client, link_local, lookup })
    }

    /// Refuses an endpoint whose host is an address that providers must not have, or a name of one. A name that does
    /// not resolve in time passes: calls check it again.
    pub async fn check(&self, endpoint: &Endpoint) -> Result<(), Forbidden> {
        if self.link_local == LinkLocal::Allowed {
            return Ok(());
        }
        endpoint.check_host()?;
        resolve::check_name(&self.lookup, endpoint.host()).await
    }

    /// A provider's models, or why it does not tell them, within `timeout`.
    pub async fn list(
        &self,
        kind: Kind,
        endpoint: &Endpoint,
        key: Option<&SecretString>,
        timeout: Duration,
    ) -> Result<Vec<OfferedModel>, String> {
        // An address meets no resolver.
        if self.link_local == LinkLocal::Refused {
            endpoint.check_host().map_err(|error| error.to_string())?;
        }
        let all = self.all_pages(kind, endpoint, key);
        tokio::time::timeout(timeout, all)
            .await
            .unwrap_or_else(|_| Err(format!("{endpoint} did not list its models within {} ms", timeout.as_millis())))
    }

    async fn all_pages(
        &self,
        kind: Kind,
        endpoint: &Endpoint,
        key: Option<&SecretString>,
    ) -> Result<Vec<OfferedModel>, String> {
        let mut url = list_url(kind, endpoint)?;
        let (mut models, mut after) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let body = self.body(kind, &url, key).await?;
            let page = Page::read(kind, &body).map_err(|error| format!("{url} answered no model list: {error}"))?;
            models.extend(page.models);
            if page.next.is_none() || page.next == after || models.len() >= MODELS_MAX {
                break;
            }
            after = page.next;
            let next = after.iter().map(|id| ("after_id", id.as_str()));
            url.query_pairs_mut().clear().append_pair("limit", ANTHROPIC_PAGE).extend_pairs(next);
        }
        models.truncate(MODELS_MAX);
        Ok(models)
    }

    async fn body(&self, kind: Kind, url: &Url, key: Option<&SecretString>) -> Result<Vec<u8>, String> {
        let request = authorize(self.client.get(url.clone()), kind, key);
        let mut response = request.send().await.map_err(|error| explain(&error))?;
        let status = response.status();
        if !status.is_success() {
            let advice = match status.as_u16() {
                401 | 403 if key.is_some() => "; check its API key",
                401 | 403 => "; it wants an API key",
                404 => "; check the path of its endpoint",
                _ => "",
            };
            return Err(format!("{url} answered {status}{advice}"));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| explain(&error))? {
            if body.len() + chunk.len() > PAGE_BYTES_MAX {
                return Err(format!("{url} answered more than {PAGE_BYTES_MAX} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// Where a provider of this kind lists its models: <https://platform.openai.com/docs/api-reference/models/list>,
/// <https://docs.anthropic.com/en/api/models-list>, <https://docs.ollama.com/api/tags>.
fn list_url(kind: Kind, endpoint: &Endpoint) -> Result<Url, String> {
    let base_path = kind.base_path(endpoint);
    let text = match kind {
        Kind::Ollama => {
            let root = base_path.strip_suffix(OLLAMA_COMPATIBLE).unwrap_or(&base_path);
            format!("{}{root}{OLLAMA_TAGS}", endpoint.origin())
        }
        Kind::Anthropic => format!("{}{base_path}/models?limit={ANTHROPIC_PAGE}", endpoint.origin()),
        _ => format!("{}{base_path}/models", endpoint.origin()),
    };
    Url::parse(&text).map_err(|error| format!("{text} is no URL: {error}"))
}

fn authorize(request: RequestBuilder, kind: Kind, key: Option<&SecretString>) -> RequestBuilder {
    match kind {
        Kind::Anthropic => {
            let request = request.header("anthropic-version", ANTHROPIC_VERSION);
            key.iter().fold(request, |request, key| request.header("x-api-key", key.expose_secret()))
        }
        _ => key.iter().fold(request, |request, key| request.bearer_auth(key.expose_secret())),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_asked_where_it_lists_its_models() {
        let rows = [
            (Kind::Openai, "https://api.openai.com/v1", "https://api.openai.com/v1/models"),
            (Kind::Openai, "https://host/v1beta/openai/", "https://host/v1beta/openai/models"),
            (Kind::Openrouter, "https://openrouter.ai", "https://openrouter.ai/api/v1/models"),
            (Kind::Vllm, "http://localhost:8000", "http://localhost:8000/v1/models"),
            (Kind::Anthropic, "https://api.anthropic.com", "https://api.anthropic.com/v1/models?limit=1000"),
            (Kind::Anthropic, "https://host/a/v1", "https://host/a/v1/models?limit=1000"),
            (Kind::Ollama, "http://localhost:11434", "http://localhost:11434/api/tags"),
            (Kind::Ollama, "http://localhost:11434/v1", "http://localhost:11434/api/tags"),
            (Kind::Ollama, "https://host/ollama/", "https://host/ollama/api/tags"),
        ];
        for (kind, endpoint, expected) in rows {
            let url = list_url(kind, &endpoint.parse().unwrap()).unwrap();
            assert_eq!(url.as_str(), expected, "{kind} {endpoint}");
        }
    }
}

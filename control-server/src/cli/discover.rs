//! What a first start finds to route to: API keys in the environment, model servers on this machine, else the built-in
//! echo.

use std::time::Duration;

use mux::config::{self, Model, Name, Rule, Target, When};
use secrecy::SecretString;

use super::bootstrap::HostPort;
use super::{Failure, echo};
use crate::domain::model::OfferedModel;
use crate::domain::provider::{self, Auth, Endpoint, Kind, NewProvider, ProviderPatch};
use crate::outbound::ModelClient;
use crate::store::{Page, Store, StoreError};

/// A program on this machine answers at once or is not there.
const LOCAL_TIMEOUT: Duration = Duration::from_millis(300);
const REMOTE_TIMEOUT: Duration = Duration::from_secs(3);
/// Name of the rule that the default workspace begins with.
const RULE: &str = "everything";

type Preferred = &'static [&'static str];

/// Services that are used when their key is in the environment, with the models that a first rule prefers.
const SERVICES: [(Kind, &str, Preferred); 3] = [
    (Kind::Openai, "OPENAI_API_KEY", &["gpt-5-mini", "gpt-4.1-mini"]),
    (Kind::Anthropic, "ANTHROPIC_API_KEY", &["claude-sonnet-5-5", "claude-sonnet-5", "claude-sonnet-4-5"]),
    (Kind::Openrouter, "OPENROUTER_API_KEY", &["openrouter/auto"]),
];
/// Programs that are used when they answer at their own default address.
const PROGRAMS: [Kind; 4] = [Kind::Ollama, Kind::Lmstudio, Kind::Llamacpp, Kind::Vllm];
/// Words in the ids of models that don't chat.
const NOT_CHAT: [&str; 9] =
    ["embed", "rerank", "whisper", "tts", "dall-e", "moderation", "image", "transcribe", "bge-"];

/// Where a first start looks.
pub struct Surroundings(Vec<Candidate>);

/// Where a provider may be.
struct Candidate {
    kind: Kind,
    endpoint: String,
    role: Role,
}

enum Role {
    /// It is there, since there is a key for it.
    Service { key: SecretString, preferred: Preferred },
    /// It is there if it answers.
    Program,
}

/// A provider that was found.
struct Found {
    name: &'static str,
    kind: Kind,
    endpoint: String,
    auth: Auth,
    listed: Result<Vec<OfferedModel>, String>,
    /// A model for the first rule; `None`: it has none that chats.
    model: Option<String>,
}

impl Surroundings {
    /// This process's environment, and this machine.
    pub fn real() -> Self {
        let services = SERVICES.iter().filter_map(|(kind, variable, preferred)| {
            let key = read_key(variable)?;
            Some(Candidate::at_default(*kind, Role::Service { key, preferred }))
        });
        let mut candidates: Vec<Candidate> =
            services.chain(PROGRAMS.map(|kind| Candidate::at_default(kind, Role::Program))).collect();
        if let Ok(host) = std::env::var("OLLAMA_HOST") {
            let ollama = candidates.iter_mut().filter(|candidate| candidate.kind == Kind::Ollama);
            ollama.for_each(|candidate| candidate.endpoint = ollama_endpoint(&host));
        }
        Self(candidates)
    }

    /// Nowhere.
    pub fn none() -> Self {
        Self(Vec::new())
    }
}

impl Candidate {
    fn at_default(kind: Kind, role: Role) -> Self {
        Self { kind, endpoint: kind.default_endpoint().to_owned(), role }
    }

    async fn look(&self, client: &ModelClient) -> Option<Found> {
        let Self { kind, endpoint, role } = self;
        let parsed: Endpoint = endpoint.parse().ok()?;
        let (auth, listed, preferred) = match role {
            Role::Service { key, preferred } => {
                let listed = client.list(*kind, &parsed, Some(key), REMOTE_TIMEOUT).await;
                (Auth::ApiKey(Some(key.clone())), listed, *preferred)
            }
            Role::Program => {
                let listed = client.list(*kind, &parsed, None, LOCAL_TIMEOUT).await.ok()?;
                (Auth::None, Ok(listed), Preferred::default())
            }
        };
        let model = first_model(listed.as_deref().unwrap_or_default(), preferred);
        Some(Found { name: kind.as_str(), kind: *kind, endpoint: endpoint.clone(), auth, listed, model })
    }
}

/// Where Ollama serves, by its own variable: a URL, or host and port, either of which may be missing.
fn ollama_endpoint(host: &str) -> String {
    let default = Kind::Ollama.default_endpoint();
    let (scheme, rest) = host.trim().split_once("://").unwrap_or(("http", host.trim()));
    let rest = rest.trim_end_matches('/');
    let (name, port) = match rest.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => (name, port),
        _ => (rest, default.rsplit(':').next().unwrap_or_default()),
    };
    // What it listens on everywhere is reached here.
    let name = if matches!(name, "" | "0.0.0.0" | "[::]") { "127.0.0.1" } else { name };
    format!("{scheme}://{name}:{port}")
}

fn read_key(variable: &str) -> Option<SecretString> {
    let given = SecretString::from(std::env::var(variable).ok()?);
    provider::read_api_key(&given).unwrap_or_else(|why| {
        tracing::warn!(variable, why, "ignoring what is no API key");
        None
    })
}

/// The first preferred model that is listed, else the first that chats, else the first preferred one.
fn first_model(listed: &[OfferedModel], preferred: Preferred) -> Option<String> {
    let is_listed = |id: &&&str| listed.iter().any(|model| model.id == **id);
    let chats = |id: &str| !NOT_CHAT.iter().any(|word| id.to_ascii_lowercase().contains(word));
    let from_list = || listed.iter().map(|model| model.id.as_str()).find(|id| chats(id));
    let id = preferred.iter().find(is_listed).copied().or_else(from_list).or_else(|| preferred.first().copied());
    id.map(str::to_owned)
}

/// Fills an empty store. Whatever is found and however odd it looks, it does not keep the server from starting.
pub async fn on_first_start(
    store: &Store,
    client: &ModelClient,
    Surroundings(candidates): &Surroundings,
    advertised: &HostPort,
) -> Result<(), Failure> {
    let failed = |error| Failure::new(format!("setting up the first provider failed: {error}"));
    let page = Page { after: None, limit: 1 };
    if !store.providers(&page).await.map_err(failed)?.items.is_empty() {
        return Ok(());
    }
    let found = futures::future::join_all(candidates.iter().map(|candidate| candidate.look(client))).await;
    let mut first = None;
    for Found { name, kind, endpoint, auth, listed, model } in found.into_iter().flatten() {
        match add(store, name, kind, &endpoint, auth, listed).await {
            Ok(provider) => {
                tracing::info!(%provider, model, "found a provider");
                first = first.or(model.map(|model| (provider, model)));
            }
            Err(failure) => tracing::warn!(name, %failure, "a provider that was found could not be added"),
        }
    }
    let (provider, model) = match first {
        Some(first) => first,
        None => {
            let model = echo::MODEL.to_owned();
            let listed = Ok(vec![model.clone().into()]);
            let endpoint = echo_endpoint(advertised);
            let name = add(store, echo::PROVIDER, Kind::Openai, &endpoint, Auth::None, listed).await?;
            tracing::info!(provider = %name, "no model found; using the built-in echo");
            (name, model)
        }
    };
    add_first_rule(store, provider, model).await
}

/// Keeps the built-in provider pointing at this server, wherever it listens now.
pub async fn refresh_echo(store: &Store, advertised: &HostPort) -> Result<(), Failure> {
    let failed = |error| Failure::new(format!("updating the built-in echo provider failed: {error}"));
    let name = name(echo::PROVIDER)?;
    let provider = match store.provider(&name).await {
        Ok(provider) => provider,
        Err(StoreError::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let endpoint = endpoint(&echo_endpoint(advertised))?;
    // Somebody's own provider may have this name; the built-in one is known by its path.
    if provider.endpoint.path() == echo::BASE_PATH && provider.endpoint != endpoint {
        let patch = ProviderPatch { endpoint: Some(endpoint), ..Default::default() };
        store.patch_provider(&name, &patch).await.map_err(failed)?;
    }
    Ok(())
}

fn echo_endpoint(advertised: &HostPort) -> String {
    format!("http://{advertised}{}", echo::BASE_PATH)
}

fn endpoint(text: &str) -> Result<Endpoint, Failure> {
    text.parse().map_err(Failure::of(format!("endpoint {text}")))
}

fn name(text: &str) -> Result<Name, Failure> {
    text.parse().map_err(Failure::of(format!("name {text}")))
}

async fn add(
    store: &Store,
    name_text: &str,
    kind: Kind,
    endpoint_text: &str,
    auth: Auth,
    listed: Result<Vec<OfferedModel>, String>,
) -> Result<Name, Failure> {
    let (name, endpoint) = (name(name_text)?, endpoint(endpoint_text)?);
    let description = "Found on first start.".to_owned();
    let new = NewProvider { name: name.clone(), kind, endpoint, auth, description, models: Vec::new() };
    store.create_provider(&new).await.map_err(Failure::of(format!("adding provider {name}")))?;
    store.record_models(&name, listed).await.map_err(Failure::of(format!("models of provider {name}")))?;
    Ok(name)
}

async fn add_first_rule(store: &Store, provider: Name, model: String) -> Result<(), Failure> {
    let failed = |error| Failure::new(format!("adding the first rule failed: {error}"));
    let workspace = name(config::DEFAULT)?;
    if !store.rules(&workspace).await.map_err(failed)?.is_empty() {
        return Ok(());
    }
    let target = Target::Model(Model { provider, id: model.into() });
    tracing::info!(rule = RULE, %target, "the default workspace routes every prompt here");
    let rule = Rule::new(RULE, When::default(), target);
    store.replace_rules(&workspace, &[rule]).await.map_err(failed)?;
    Ok(())
}

#[cfg(test)]
mod tests;

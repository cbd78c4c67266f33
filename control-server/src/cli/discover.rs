//! What a first start finds to route to: API keys in the environment, model servers on this machine, else the built-in
//! echo.

use std::time::Duration;

use mux::config::{self, Model, Name, Rule, Target, When};
use secrecy::SecretString;

use super::bootstrap::HostPort;
use super::{Failure, echo};
use crate::domain::provider::{Auth, Endpoint, Kind, NewProvider, ProviderPatch};
use crate::outbound::ModelClient;
use crate::store::{Page, Store, StoreError};

/// A program on this machine answers at once or is not there.
const LOCAL_TIMEOUT: Duration = Duration::from_millis(300);
const REMOTE_TIMEOUT: Duration = Duration::from_secs(3);
/// Name of the rule that the default workspace begins with.
const RULE: &str = "everything";

/// Services that are used when their key is in the environment, with the models that a first rule prefers.
const SERVICES: [(Kind, &str, &[&str]); 3] = [
    (Kind::Openai, "OPENAI_API_KEY", &["gpt-5-mini", "gpt-4.1-mini"]),
    (Kind::Anthropic, "ANTHROPIC_API_KEY", &["claude-sonnet-5-5", "claude-sonnet-5", "claude-sonnet-4-5"]),
    (Kind::Openrouter, "OPENROUTER_API_KEY", &["openrouter/auto"]),
];
/// Programs that are used when they answer at their own default address.
const PROGRAMS: [Kind; 4] = [Kind::Ollama, Kind::Lmstudio, Kind::Llamacpp, Kind::Vllm];
/// Words in the ids of models that don't chat.
const NOT_CHAT: [&str; 9] =
    ["embed", "rerank", "whisper", "tts", "dall-e", "moderation", "image", "transcribe", "bge-"];

/// A provider that was found.
struct Found {
    kind: Kind,
    key: Option<SecretString>,
    models: Vec<String>,
    /// The model of the first rule.
    model: String,
}

/// Fills an empty store.
pub async fn on_first_start(store: &Store, look_around: bool, advertised: &HostPort) -> Result<(), Failure> {
    let failed = |error| Failure::new(format!("setting up the first provider failed: {error}"));
    let page = Page { after: None, limit: 1 };
    if !store.providers(&page).await.map_err(failed)?.items.is_empty() {
        return Ok(());
    }
    let found = if look_around { find().await? } else { Vec::new() };
    let mut first = None;
    for Found { kind, key, models, model } in found {
        let endpoint = endpoint(kind, kind.default_endpoint())?;
        let auth = key.map_or(Auth::None, |key| Auth::ApiKey(Some(key)));
        let name = create(store, kind.as_str(), kind, endpoint, auth, models).await?;
        tracing::info!(provider = %name, %model, "found a provider");
        first = first.or(Some((name, model)));
    }
    let (provider, model) = match first {
        Some(first) => first,
        None => {
            let endpoint = endpoint(Kind::Openai, &echo_endpoint(advertised))?;
            let models = vec![echo::MODEL.to_owned()];
            let name = create(store, echo::PROVIDER, Kind::Openai, endpoint, Auth::None, models).await?;
            tracing::info!(provider = %name, "no provider found; using the built-in echo");
            (name, echo::MODEL.to_owned())
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
    let endpoint = endpoint(Kind::Openai, &echo_endpoint(advertised))?;
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

fn endpoint(kind: Kind, text: &str) -> Result<Endpoint, Failure> {
    Endpoint::parse(kind, text).map_err(Failure::of(format!("endpoint {text}")))
}

fn name(text: &str) -> Result<Name, Failure> {
    text.parse().map_err(Failure::of(format!("name {text}")))
}

async fn create(
    store: &Store,
    name_text: &str,
    kind: Kind,
    endpoint: Endpoint,
    auth: Auth,
    models: Vec<String>,
) -> Result<Name, Failure> {
    let name = name(name_text)?;
    let description = "Found on first start.".to_owned();
    let new = NewProvider { name: name.clone(), kind, endpoint, auth, description, models: models.clone() };
    store.create_provider(&new).await.map_err(Failure::of(format!("adding provider {name}")))?;
    if !models.is_empty() {
        store.record_models(&name, Ok(models)).await.map_err(Failure::of(format!("models of provider {name}")))?;
    }
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

async fn find() -> Result<Vec<Found>, Failure> {
    let client = ModelClient::new().map_err(Failure::of("looking for providers"))?;
    let list = async |kind: Kind, key: Option<&SecretString>, timeout| {
        let endpoint = endpoint(kind, kind.default_endpoint()).ok()?;
        let listed = tokio::time::timeout(timeout, client.list(kind, &endpoint, key)).await;
        listed.ok()?.ok()
    };
    let services = SERVICES.iter().map(async |(kind, variable, preferred)| {
        let key = std::env::var(variable).ok().filter(|key| !key.trim().is_empty())?;
        let key = SecretString::from(key.trim());
        let models = list(*kind, Some(&key), REMOTE_TIMEOUT).await.unwrap_or_default();
        let is_listed = |model: &&&str| models.iter().any(|listed| listed == **model);
        let fallback = || preferred.first().map(ToString::to_string);
        let model = preferred.iter().find(is_listed).map(ToString::to_string);
        let model = model.or_else(|| first_chat_model(&models)).or_else(fallback)?;
        Some(Found { kind: *kind, key: Some(key), models, model })
    });
    let programs = PROGRAMS.iter().map(async |kind| {
        let models = list(*kind, None, LOCAL_TIMEOUT).await?;
        let model = first_chat_model(&models)?;
        Some(Found { kind: *kind, key: None, models, model })
    });
    let (services, programs) = futures::join!(futures::future::join_all(services), futures::future::join_all(programs));
    Ok(services.into_iter().chain(programs).flatten().collect())
}

fn first_chat_model(models: &[String]) -> Option<String> {
    models.iter().find(|model| !NOT_CHAT.iter().any(|word| model.to_ascii_lowercase().contains(word))).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MasterKey;

    async fn store(folder: &tempfile::TempDir) -> Store {
        let url = format!("sqlite:{}", folder.path().join("muxspace.db").display());
        Store::open(&url, MasterKey::generate()).await.unwrap()
    }

    async fn endpoint_of_echo(store: &Store) -> String {
        store.provider(&name(echo::PROVIDER).unwrap()).await.unwrap().endpoint.to_string()
    }

    #[tokio::test]
    async fn an_empty_store_gets_the_echo_and_a_rule_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        let address: HostPort = "127.0.0.1:8990".parse().unwrap();
        for _ in 0..2 {
            on_first_start(&store, false, &address).await.unwrap();
            let rules = store.rules(&name(config::DEFAULT).unwrap()).await.unwrap();
            assert_eq!(rules.len(), 1);
            assert_eq!(rules[0].rule.target.to_string(), "echo/echo");
        }
        assert_eq!(endpoint_of_echo(&store).await, "http://127.0.0.1:8990/echo/v1");
    }

    #[tokio::test]
    async fn the_echo_follows_the_server_and_anybody_elses_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        on_first_start(&store, false, &"127.0.0.1:8990".parse().unwrap()).await.unwrap();
        let moved: HostPort = "control-server:9000".parse().unwrap();
        refresh_echo(&store, &moved).await.unwrap();
        assert_eq!(endpoint_of_echo(&store).await, "http://control-server:9000/echo/v1");

        let own = endpoint(Kind::Openai, "https://example.test/v1").unwrap();
        let patch = ProviderPatch { endpoint: Some(own), ..Default::default() };
        store.patch_provider(&name(echo::PROVIDER).unwrap(), &patch).await.unwrap();
        refresh_echo(&store, &moved).await.unwrap();
        assert_eq!(endpoint_of_echo(&store).await, "https://example.test/v1");
    }

    #[test]
    fn the_first_model_that_chats_is_taken() {
        let models = ["nomic-embed-text", "Whisper-1", "llama3.2:3b", "gpt-x"].map(String::from);
        assert_eq!(first_chat_model(&models).as_deref(), Some("llama3.2:3b"));
        assert_eq!(first_chat_model(&["bge-m3".to_owned()]), None);
    }
}

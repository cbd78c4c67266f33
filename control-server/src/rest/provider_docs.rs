//! Providers as documents, and what is wrong with one that was sent.

use mux::config::Name;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::Problem;
use super::time;
use crate::domain::error::FieldError;
use crate::domain::model::MODELS_MAX;
use crate::domain::provider::{
    self, Auth, AuthPatch, DESCRIPTION_BYTES_MAX, Endpoint, Kind, NewProvider, Provider, ProviderPatch, Status,
};

#[derive(Serialize, ToSchema)]
pub(super) struct ProviderDoc {
    name: String,
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    kind: &'static str,
    endpoint: String,
    auth: AuthDoc,
    description: String,
    status: StatusDoc,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize, ToSchema)]
struct AuthDoc {
    /// `none`, `api_key` or `passthrough`
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    kind: &'static str,
    /// Whether a key is stored. The key itself is never shown.
    configured: bool,
}

/// What came of the last question for its models.
#[derive(Serialize, ToSchema)]
struct StatusDoc {
    /// Null: it was never asked.
    reachable: Option<bool>,
    checked_at: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewProviderDoc {
    #[schema(value_type = String)]
    name: Name,
    /// `openai`, `anthropic`, `openrouter`, `vllm`, `ollama`, `lmstudio` or `llamacpp`
    #[serde(rename = "type")]
    kind: String,
    /// Unless given: that of the type. A path is kept.
    endpoint: Option<String>,
    /// Unless given: a key for `openai`, `anthropic` and `openrouter`, none for the others.
    auth: Option<NewAuthDoc>,
    description: Option<String>,
    /// Ids of models that it is known to serve.
    models: Option<Vec<String>>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAuthDoc {
    #[serde(rename = "type")]
    kind: Option<AuthKindDoc>,
    /// Empty or not given in a change: the stored one is kept.
    #[schema(value_type = Option<String>)]
    api_key: Option<SecretString>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AuthKindDoc {
    /// Requests carry no credential.
    None,
    /// Requests carry the stored key, in the header that the type wants.
    ApiKey,
    /// Requests carry the client's own credential.
    Passthrough,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProviderPatchDoc {
    #[schema(value_type = Option<String>)]
    name: Option<Name>,
    #[serde(rename = "type")]
    kind: Option<String>,
    endpoint: Option<String>,
    auth: Option<NewAuthDoc>,
    description: Option<String>,
}

impl From<Provider> for ProviderDoc {
    fn from(provider: Provider) -> Self {
        let Provider { name, kind, endpoint, auth, description, status, created_at_ms, updated_at_ms } = provider;
        let auth = AuthDoc { kind: auth.as_str(), configured: auth.key().is_some() };
        let status = match status {
            Status::Unchecked => StatusDoc { reachable: None, checked_at: None, error: None },
            Status::Reachable { checked_at_ms } => {
                StatusDoc { reachable: Some(true), checked_at: Some(time::write(checked_at_ms)), error: None }
            }
            Status::Unreachable { checked_at_ms, reason } => {
                StatusDoc { reachable: Some(false), checked_at: Some(time::write(checked_at_ms)), error: Some(reason) }
            }
        };
        Self {
            name: name.to_string(),
            kind: kind.as_str(),
            endpoint: endpoint.to_string(),
            auth,
            description,
            status,
            created_at: time::write(created_at_ms),
            updated_at: time::write(updated_at_ms),
        }
    }
}

/// Collects what is wrong, so that all of it is told at once.
#[derive(Default)]
struct Errors(Vec<FieldError>);

impl Errors {
    fn take<T, E: ToString>(&mut self, pointer: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.0.push(FieldError::new(pointer, error))).ok()
    }

    fn check(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::invalid(self.0)) }
    }
}

pub(super) fn read_new(doc: NewProviderDoc) -> Result<NewProvider, Problem> {
    let NewProviderDoc { name, kind, endpoint, auth, description, models } = doc;
    let mut errors = Errors::default();
    let kind = errors.take("/type", kind.parse::<Kind>());
    let endpoint = endpoint.filter(|text| !text.is_empty());
    // Without a type there is no default to judge.
    let endpoint = endpoint.as_deref().or(kind.map(Kind::default_endpoint));
    let endpoint = endpoint.and_then(|text| errors.take("/endpoint", text.parse::<Endpoint>()));
    let auth = read_auth(auth, &mut errors).map(|given| match given {
        AuthPatch::None => Auth::None,
        AuthPatch::Passthrough => Auth::Passthrough,
        AuthPatch::ApiKey(key) => Auth::ApiKey(key),
    });
    let description = description.unwrap_or_default();
    check_description(&description, &mut errors);
    let models = models.unwrap_or_default();
    if models.len() > MODELS_MAX {
        errors.0.push(FieldError::new("/models", format!("at most {MODELS_MAX} models")));
    }
    for (index, model) in models.iter().enumerate() {
        errors.take(&format!("/models/{index}"), provider::check_model_id(model));
    }
    errors.check()?;
    match (kind, endpoint) {
        (Some(kind), Some(endpoint)) => {
            let auth = auth.unwrap_or_else(|| kind.default_auth());
            Ok(NewProvider { name, kind, endpoint, auth, description, models })
        }
        _ => Err(Problem::invalid_field("/type", "a provider has a type and an endpoint")),
    }
}

pub(super) fn read_patch(doc: ProviderPatchDoc, kind_before: Kind) -> Result<ProviderPatch, Problem> {
    let ProviderPatchDoc { name, kind, endpoint, auth, description } = doc;
    let mut errors = Errors::default();
    let kind = kind.and_then(|kind| errors.take("/type", kind.parse::<Kind>()));
    let kind_after = kind.unwrap_or(kind_before);
    let endpoint = endpoint.and_then(|text| {
        let text = if text.is_empty() { kind_after.default_endpoint() } else { &text };
        errors.take("/endpoint", text.parse::<Endpoint>())
    });
    let auth = read_auth(auth, &mut errors);
    if let Some(description) = &description {
        check_description(description, &mut errors);
    }
    errors.check()?;
    Ok(ProviderPatch { name, kind, endpoint, auth, description })
}

/// A key that is empty was not given; a key that is given needs no type.
fn read_auth(doc: Option<NewAuthDoc>, errors: &mut Errors) -> Option<AuthPatch> {
    let NewAuthDoc { kind, api_key } = doc?;
    let key = match api_key.map(|key| provider::read_api_key(&key)) {
        None => None,
        Some(read) => errors.take("/auth/api_key", read)?,
    };
    match (kind, key) {
        (Some(AuthKindDoc::None | AuthKindDoc::Passthrough), Some(_)) => {
            errors.0.push(FieldError::new("/auth/api_key", "a key needs `\"type\": \"api_key\"`"));
            None
        }
        (Some(AuthKindDoc::None), None) => Some(AuthPatch::None),
        (Some(AuthKindDoc::Passthrough), None) => Some(AuthPatch::Passthrough),
        (Some(AuthKindDoc::ApiKey), key) => Some(AuthPatch::ApiKey(key)),
        (None, Some(key)) => Some(AuthPatch::ApiKey(Some(key))),
        (None, None) => None,
    }
}

pub(super) fn check_description_text(text: &str) -> Result<(), String> {
    if text.len() <= DESCRIPTION_BYTES_MAX {
        Ok(())
    } else {
        Err(format!("a description has at most {DESCRIPTION_BYTES_MAX} bytes"))
    }
}

fn check_description(text: &str, errors: &mut Errors) {
    errors.take("/description", check_description_text(text));
}

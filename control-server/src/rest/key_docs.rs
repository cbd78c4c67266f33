//! Virtual keys as documents.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use mux::config::{Name, Scopes};

use super::extract::given;
use super::problem::Problem;
use super::time;
use crate::domain::error::FieldError;
use crate::domain::key::{KeyText, ScopesDraft, Terms, TermsPatch, VirtualKey};

/// What a key may be used for; what is not given stays, and for a new key is `all`.
#[derive(ToSchema)]
#[schema(as = Scopes)]
#[allow(dead_code, reason = "it only describes what `ScopesDraft` reads and writes")]
struct ScopesDoc {
    /// Such as `chat/completions`; not `none`.
    endpoints: Option<ScopeDoc>,
    /// Aliases of models, also of those that are not there yet.
    models: Option<ScopeDoc>,
    /// Names of deployments, also of those that are not there yet.
    deployments: Option<ScopeDoc>,
}

/// `all`, `none` or a list of names.
#[derive(ToSchema)]
#[schema(as = Scope)]
#[serde(untagged)]
#[allow(dead_code, reason = "it only describes what `ScopeDraft` reads and writes")]
enum ScopeDoc {
    Word(String),
    Names(Vec<String>),
}

#[derive(Serialize, ToSchema)]
pub(super) struct KeyDoc {
    id: u64,
    name: String,
    /// Where it is managed, and what it opens unless it has a session.
    workspace: String,
    /// It opens the workspace that is active in this session.
    session: Option<String>,
    #[schema(value_type = ScopesDoc)]
    scopes: ScopesDraft,
    /// Null: never.
    expires_at: Option<String>,
    /// Null: no limit.
    requests_per_minute: Option<u32>,
    tokens_per_minute: Option<u32>,
    /// The end of the key.
    last_four: String,
    /// Until when the key that this one replaced works too; null: it does not.
    previous_expires_at: Option<String>,
    created_at: String,
    updated_at: String,
    /// When the last reported request with it began.
    last_used_at: Option<String>,
}

impl From<VirtualKey> for KeyDoc {
    fn from(key: VirtualKey) -> Self {
        let VirtualKey {
            id,
            workspace,
            session,
            terms: Terms { name, scopes, expires_at_ms, requests_per_minute, tokens_per_minute },
            last_four,
            previous_until_ms,
            created_at_ms,
            updated_at_ms,
            last_used_ms,
        } = key;
        Self {
            id,
            name,
            workspace: workspace.to_string(),
            session: session.map(|id| id.to_string()),
            scopes: ScopesDraft::from(&scopes),
            expires_at: expires_at_ms.map(time::write),
            requests_per_minute,
            tokens_per_minute,
            last_four,
            previous_expires_at: previous_until_ms.map(time::write),
            created_at: time::write(created_at_ms),
            updated_at: time::write(updated_at_ms),
            last_used_at: last_used_ms.map(time::write),
        }
    }
}

/// A key that was just made.
#[derive(Serialize, ToSchema)]
pub(super) struct MadeKeyDoc {
    #[serde(flatten)]
    shown: KeyDoc,
    /// The key itself. It is not kept, so no other answer has it.
    key: String,
}

impl MadeKeyDoc {
    pub(super) fn new(key: VirtualKey, text: &KeyText) -> Self {
        Self { shown: key.into(), key: text.show().to_owned() }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKeyDoc {
    /// For people.
    name: String,
    #[serde(default)]
    #[schema(value_type = Option<ScopesDoc>)]
    scopes: Option<ScopesDraft>,
    /// RFC 3339, or a day, which means its begin. Unless given: never.
    expires_at: Option<String>,
    /// Unless given: no limit.
    #[schema(minimum = 1)]
    requests_per_minute: Option<u32>,
    #[schema(minimum = 1)]
    tokens_per_minute: Option<u32>,
    /// Open the workspace that is active in this session, instead of the one of the path. The key goes with the session.
    #[schema(value_type = Option<String>)]
    pub(super) session: Option<Name>,
}

impl NewKeyDoc {
    pub(super) fn into_terms(self) -> Result<Terms, Problem> {
        let Self { name, scopes, expires_at, requests_per_minute, tokens_per_minute, session: _ } = self;
        let scopes = scopes.unwrap_or_default().over(&Scopes::default());
        let expires_at_ms = expires_at.as_deref().map(read_expiry).transpose();
        match (scopes, expires_at_ms) {
            (Ok(scopes), Ok(expires_at_ms)) => {
                Ok(Terms { name, scopes, expires_at_ms, requests_per_minute, tokens_per_minute })
            }
            (scopes, expires_at_ms) => {
                let mut errors = scopes.err().unwrap_or_default();
                errors.extend(expires_at_ms.err());
                Err(Problem::invalid(errors))
            }
        }
    }
}

/// What is not given stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyPatchDoc {
    name: Option<String>,
    #[schema(value_type = Option<ScopesDoc>)]
    scopes: Option<ScopesDraft>,
    /// Null: never. A time in the past ends the key at once.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    expires_at: Option<Option<String>>,
    /// Null: no limit.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    requests_per_minute: Option<Option<u32>>,
    /// Null: no limit.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    tokens_per_minute: Option<Option<u32>>,
}

impl KeyPatchDoc {
    pub(super) fn into_patch(self) -> Result<TermsPatch, Problem> {
        let Self { name, scopes, expires_at, requests_per_minute, tokens_per_minute } = self;
        let expires_at_ms = match expires_at {
            None => None,
            Some(None) => Some(None),
            Some(Some(text)) => Some(Some(read_expiry(&text).map_err(|error| Problem::invalid(vec![error]))?)),
        };
        let scopes = scopes.unwrap_or_default();
        Ok(TermsPatch { name, scopes, expires_at_ms, requests_per_minute, tokens_per_minute })
    }
}

fn read_expiry(text: &str) -> Result<i64, FieldError> {
    time::read(text).map_err(|message| FieldError::new("/expires_at", message))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RotateDoc {
    /// Seconds for which the present key works on beside the new one, at most 30 days; 0: it ends at once. Unless given:
    /// 3600.
    #[schema(maximum = 2592000)]
    pub(super) grace_s: Option<u32>,
}

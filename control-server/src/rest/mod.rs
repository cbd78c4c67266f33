//! The management API: JSON over HTTP for people and tools. The only module that speaks axum.
//!
//! It turns documents into domain values and back, and holds no policy: what is allowed is the business of
//! [`crate::domain`] and [`crate::store`]. Status codes are chosen in [`problem`] alone.

mod audit;
mod auth;
mod catalog;
mod collection;
mod deployment_docs;
mod deployments;
mod events;
mod explain;
mod extract;
mod instructions;
mod key_docs;
mod keys;
mod lint;
mod metrics;
mod models;
mod nodes;
mod openapi;
mod page;
mod personas;
mod problem;
mod provider_docs;
mod providers;
mod router;
mod rules;
mod sessions;
mod system;
mod time;
mod transfer;
mod usage;
mod workspace_docs;
mod workspaces;
mod written;

use std::fmt;
use std::sync::Arc;

use secrecy::SecretString;

pub use openapi::openapi_json;
pub use router::{RouterError, router};

use crate::cache::AnswerCache;
use crate::outbound::ModelClient;
use crate::publisher::Publisher;
use crate::store::Store;
use metrics::HttpMetrics;

/// Bytes of a request's body.
pub const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// What the API stands on.
#[derive(Clone)]
pub struct AppState {
    pub store: Store,
    pub publisher: Arc<Publisher>,
    pub cache: AnswerCache,
    pub models: ModelClient,
    pub admin_token: SecretString,
    pub filter: FilterModule,
}

/// The wasm module that Envoys fetch.
#[derive(Clone)]
pub struct FilterModule {
    pub bytes: axum::body::Bytes,
    /// Hexadecimal, lower case.
    pub sha256: Arc<str>,
}

impl fmt::Debug for FilterModule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, sha256 } = self;
        formatter.debug_struct("FilterModule").field("bytes", &bytes.len()).field("sha256", sha256).finish()
    }
}

/// What handlers share.
#[derive(Clone)]
struct Rest {
    app: AppState,
    http: HttpMetrics,
}

//! Errors as RFC 9457 problem documents. Every status code of a refused request is chosen here.

use std::fmt;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::error::FieldError;
use crate::store::{self, StoreError, User};

/// Why a request was refused.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    errors: Vec<FieldProblem>,
    used_by: Vec<Use>,
}

/// A problem as it is sent.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemDoc {
    /// `urn:muxspace:problem:` and the code.
    #[serde(rename = "type")]
    uri: String,
    #[schema(value_type = String)]
    title: &'static str,
    status: u16,
    /// What is wrong and what to do about it.
    detail: String,
    /// One word for programs.
    #[schema(value_type = String)]
    code: &'static str,
    /// Each bad field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem>,
    /// What uses that which was to be removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    used_by: Vec<Use>,
}

#[derive(Debug, Serialize, ToSchema)]
struct FieldProblem {
    /// JSON pointer into the request's body.
    pointer: String,
    detail: String,
}

/// A rule, a model of the collection, or a deployment of a workspace.
#[derive(Debug, Default, Serialize, ToSchema)]
struct Use {
    workspace: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// Its alias.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment: Option<String>,
}

impl From<store::Use> for Use {
    fn from(used: store::Use) -> Self {
        let store::Use { workspace, by } = used;
        let doc = Self { workspace: workspace.to_string(), ..Self::default() };
        match by {
            User::Rule(name) => Self { rule: Some(name), ..doc },
            User::Model(alias) => Self { model: Some(alias.to_string()), ..doc },
            User::Deployment(name) => Self { deployment: Some(name.to_string()), ..doc },
        }
    }
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, title, detail: detail.into(), errors: Vec::new(), used_by: Vec::new() }
    }

    pub(super) fn invalid_json(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_json", "The body is not JSON", detail)
    }

    pub(super) fn invalid_yaml(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_yaml", "The body is not YAML", detail)
    }

    /// One or more bad fields of the body.
    pub(super) fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = errors.iter().map(FieldError::to_string).collect::<Vec<_>>().join("; ");
        let errors =
            errors.into_iter().map(|FieldError { pointer, message }| FieldProblem { pointer, detail: message });
        let problem = Self::new(StatusCode::BAD_REQUEST, "invalid_request", "The body is not what it must be", detail);
        Self { errors: errors.collect(), ..problem }
    }

    pub(super) fn invalid_field(pointer: &str, message: impl ToString) -> Self {
        Self::invalid(vec![FieldError::new(pointer, message)])
    }

    pub(super) fn invalid_query(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_query", "The query is not what it must be", detail)
    }

    pub(super) fn reserved(name: &str) -> Self {
        let detail = format!("`{name}` always exists and cannot be created");
        let problem = Self::new(StatusCode::BAD_REQUEST, "name_reserved", "The name is reserved", detail.clone());
        Self { errors: vec![FieldProblem { pointer: "/name".to_owned(), detail }], ..problem }
    }

    pub(super) fn unauthorized() -> Self {
        let detail = "send `Authorization: Bearer <token>` with the token from `admin.token` in the data directory";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "The admin token is missing or wrong", detail)
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is no such thing", detail)
    }

    pub(super) fn method_not_allowed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "The path does not know this method", detail)
    }

    pub(super) fn too_large(limit_bytes: usize) -> Self {
        let detail = format!("a body has at most {limit_bytes} bytes here");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", "The body is too large", detail)
    }

    pub(super) fn unreachable(reason: &str) -> Self {
        let detail = format!("the provider did not list its models, so it was not saved: {reason}");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "provider_unreachable", "The provider does not answer", detail)
    }

    pub(super) fn not_ready(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", "The server is not ready", detail)
    }

    /// A failure on this side. Its cause is logged here, once, and not told to the client.
    pub(super) fn broken(error: impl fmt::Display) -> Self {
        tracing::error!(%error, "a request failed on this side");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "The server failed",
            "the request was not carried out; the server's log says why",
        )
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let detail = error.to_string();
        match error {
            StoreError::NotFound { .. } => Self::not_found(detail),
            StoreError::Taken { .. } | StoreError::TakenByArchived(_) => {
                Self::new(StatusCode::CONFLICT, "name_taken", "The name is taken", detail)
            }
            StoreError::InUse { uses, .. } => {
                let detail = format!("{detail}; change that first, or remove it anyway with `?force=true`");
                let problem = Self::new(StatusCode::CONFLICT, "in_use", "It is in use", detail);
                Self { used_by: uses.into_iter().map(Use::from).collect(), ..problem }
            }
            StoreError::Full { .. } => Self::new(StatusCode::CONFLICT, "limit_reached", "There is no room", detail),
            StoreError::Archived(_) => {
                Self::new(StatusCode::CONFLICT, "workspace_archived", "The workspace is archived", detail)
            }
            StoreError::NotArchived(_) => {
                Self::new(StatusCode::CONFLICT, "workspace_not_archived", "The workspace is not archived", detail)
            }
            StoreError::Active { .. } => {
                Self::new(StatusCode::CONFLICT, "workspace_active", "The workspace is active in a session", detail)
            }
            StoreError::Permanent { .. } => {
                Self::new(StatusCode::CONFLICT, "always_exists", "It always exists", detail)
            }
            StoreError::Invalid(errors) => Self::invalid(errors),
            StoreError::MasterKey
            | StoreError::Url(_)
            | StoreError::Corrupt(_)
            | StoreError::Migrate(_)
            | StoreError::Database(_) => Self::broken(error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { status, code, title, detail, errors, used_by } = self;
        let uri = format!("urn:muxspace:problem:{code}");
        let doc = ProblemDoc { uri, title, status: status.as_u16(), detail, code, errors, used_by };
        let mut response = (status, Json(doc)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

//! What handlers take out of a request, with problems instead of plain-text rejections.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use mux::config::{Alias, InvalidAlias, InvalidName, Name};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::BODY_BYTES_MAX;
use super::problem::Problem;
use crate::domain::error::FieldError;

/// A JSON body. What does not fit is named by a JSON pointer.
pub(super) struct Body<T>(pub(super) T);

/// A body that may be missing.
pub(super) struct RawBody(pub(super) Bytes);

/// A query string; a parameter that is not known is refused.
pub(super) struct Params<T>(pub(super) T);

/// The one name in a path. A text that can be no name is the name of nothing.
pub(super) struct PathName(pub(super) Name);

/// The provider and the id of a model in a path; the id may hold slashes.
pub(super) struct PathModel(pub(super) Name, pub(super) String);

/// A workspace and the name of one of its models or deployments in a path.
pub(super) struct PathAlias(pub(super) Name, pub(super) Alias);

/// The workspace and the id of a key in a path.
pub(super) struct PathKey(pub(super) Name, pub(super) u64);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let RawBody(bytes) = <RawBody as FromRequest<S>>::from_request(request, state).await?;
        parse_object(&bytes).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> OptionalFromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Problem> {
        let RawBody(bytes) = <RawBody as FromRequest<S>>::from_request(request, state).await?;
        if bytes.is_empty() { Ok(None) } else { parse_object(&bytes).map(|value| Some(Self(value))) }
    }
}

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match Bytes::from_request(request, state).await {
            Ok(bytes) => Ok(Self(bytes)),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(Problem::too_large(BODY_BYTES_MAX))
            }
            Err(rejection) => Err(Problem::invalid_json(rejection.body_text())),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => Err(Problem::invalid_query(rejection.body_text())),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathName {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Problem::not_found(rejection.body_text()))?;
        text.parse().map(Self).map_err(|error| Problem::not_found(format!("there is nothing named `{text}`: {error}")))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathModel {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path((provider, id)) = Path::<(String, String)>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Problem::not_found(rejection.body_text()))?;
        let unknown = |_| Problem::not_found(format!("there is no model `{provider}/{id}`"));
        Ok(Self(provider.parse().map_err(unknown)?, id))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathAlias {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path((workspace, alias)) = Path::<(String, String)>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Problem::not_found(rejection.body_text()))?;
        let unknown =
            |name: &str, error: String| Problem::not_found(format!("there is nothing named `{name}`: {error}"));
        Ok(Self(
            workspace.parse().map_err(|error: InvalidName| unknown(&workspace, error.to_string()))?,
            alias.parse().map_err(|error: InvalidAlias| unknown(&alias, error.to_string()))?,
        ))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path((workspace, id)) = Path::<(String, String)>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Problem::not_found(rejection.body_text()))?;
        let workspace =
            workspace.parse().map_err(|_| Problem::not_found(format!("there is no workspace `{workspace}`")))?;
        let id =
            id.parse().map_err(|_| Problem::not_found(format!("there is no key `{id}`; a key's id is a number")))?;
        Ok(Self(workspace, id))
    }
}

/// Tells null from what is not there.
pub(super) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Reads an object. A list would be taken for the object's fields in their order.
fn parse_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Problem::invalid_field("", "the body is an object, not a list"));
    }
    parse(bytes)
}

/// Reads JSON, and says where it does not fit.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let pointer = FieldError::pointer_of(error.path());
        let error = error.into_inner();
        if error.is_data() {
            Problem::invalid(vec![FieldError::new(pointer, without_position(&error))])
        } else {
            Problem::invalid_json(error.to_string())
        }
    })?;
    deserializer.end().map_err(|error| Problem::invalid_json(error.to_string()))?;
    Ok(value)
}

/// Reads what was JSON or YAML, and says where it does not fit.
pub(super) fn parse_value<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let pointer = FieldError::pointer_of(error.path());
        Problem::invalid_field(&pointer, error.into_inner())
    })
}

/// The pointer says where; line and column would say it again.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&position).unwrap_or(&text).to_owned()
}

//! What needs no token: health, readiness, metrics, the API's description, and the filter that Envoys fetch.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;
use super::{Rest, metrics};

#[derive(Serialize, ToSchema)]
pub(super) struct HealthDoc {
    #[schema(value_type = String)]
    status: &'static str,
}

/// The process is there.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "getHealth",
    security(()),
    tag = "system",
    responses((status = 200, body = HealthDoc)),
)]
pub(super) async fn healthz() -> Json<HealthDoc> {
    Json(HealthDoc { status: "ok" })
}

/// The store answers and a snapshot is published.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "getReadiness",
    security(()),
    tag = "system",
    responses((status = 200, body = HealthDoc)),
)]
pub(super) async fn readyz(State(rest): State<Rest>) -> Result<Json<HealthDoc>, Problem> {
    rest.app.store.ping().await.map_err(|_| Problem::not_ready("the store does not answer"))?;
    if rest.app.publisher.published_revision() == 0 {
        return Err(Problem::not_ready("no snapshot is published yet"));
    }
    Ok(Json(HealthDoc { status: "ready" }))
}

/// Metrics in Prometheus' text format.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "getMetrics",
    security(()),
    tag = "system",
    responses((status = 200, content_type = metrics::CONTENT_TYPE)),
)]
pub(super) async fn metrics(State(rest): State<Rest>) -> Response {
    let headers = [(header::CONTENT_TYPE, metrics::CONTENT_TYPE)];
    (headers, metrics::write(&rest)).into_response()
}

/// The filter, as Envoys load it. Its sha256 is the entity tag.
#[utoipa::path(
    get,
    path = "/filter.wasm",
    operation_id = "getFilter",
    security(()),
    tag = "system",
    responses((status = 200, content_type = "application/wasm"), (status = 304)),
)]
pub(super) async fn filter(State(rest): State<Rest>, headers: HeaderMap) -> Response {
    let tag = format!("\"{}\"", rest.app.filter.sha256);
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let etag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""));
    if known {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response();
    }
    let wasm = HeaderValue::from_static("application/wasm");
    ([(header::CONTENT_TYPE, wasm), (header::ETAG, etag)], rest.app.filter.bytes.clone()).into_response()
}

pub(super) async fn unknown_path(method: Method, uri: Uri) -> Problem {
    Problem::not_found(format!("there is no {method} {}; /openapi.json describes what there is", uri.path()))
}

pub(super) async fn unknown_method(method: Method, uri: Uri) -> Problem {
    Problem::method_not_allowed(format!("{} does not know {method}", uri.path()))
}

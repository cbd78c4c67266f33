//! Every route of the API in one list.

use axum::extract::DefaultBodyLimit;
use axum::http::header;
use axum::middleware::from_fn_with_state;
use axum::{Router, routing};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::metrics::HttpMetrics;
use super::openapi::Api;
use super::{AppState, BODY_BYTES_MAX, Rest, auth, metrics, openapi_json};
use super::{
    audit, catalog, collection, deployments, events, explain, instructions, keys, lint, models, nodes, personas,
};
use super::{providers, rules, sessions, system, transfer, usage, workspaces};

/// The API, ready to be served.
pub fn router(app: AppState) -> Result<Router, RouterError> {
    let rest = Rest { app, http: HttpMetrics::default() };
    let openapi: axum::body::Bytes = openapi_json()?.into();
    let serve_openapi = move || async move { ([(header::CONTENT_TYPE, "application/json")], openapi) };
    let (guarded, _) = guarded_routes().split_for_parts();
    let (open, _) = open_routes().split_for_parts();
    let api = Router::new()
        .nest(API, guarded.layer(from_fn_with_state(rest.clone(), auth::admin_only)))
        .merge(open)
        .route("/openapi.json", routing::get(serve_openapi));
    Ok(api
        .fallback(system::unknown_path)
        .method_not_allowed_fallback(system::unknown_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(rest.clone(), metrics::count))
        .with_state(rest))
}

/// Why the API cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum RouterError {
    #[error("the description of the API could not be written: {0}")]
    Openapi(#[from] serde_json::Error),
}

const API: &str = "/api/v1";

/// What the description of the API is made from.
pub(super) fn routes() -> OpenApiRouter<Rest> {
    OpenApiRouter::with_openapi(Api::openapi()).nest(API, guarded_routes()).merge(open_routes())
}

/// Behind the admin token.
fn guarded_routes() -> OpenApiRouter<Rest> {
    OpenApiRouter::new()
        .routes(routes!(providers::list, providers::create))
        .routes(routes!(providers::get, providers::patch, providers::delete))
        .routes(routes!(models::list))
        .routes(routes!(models::refresh))
        .routes(routes!(catalog::list))
        .routes(routes!(catalog::get, catalog::patch))
        .routes(routes!(personas::list, personas::create))
        .routes(routes!(personas::get, personas::patch, personas::delete))
        .routes(routes!(workspaces::list, workspaces::create))
        .routes(routes!(workspaces::get, workspaces::patch, workspaces::delete))
        // A workspace may be named `import`, so that path must not hide it.
        .route("/workspaces/{name}", routing::post(transfer::import))
        .routes(routes!(workspaces::activate))
        .routes(routes!(workspaces::archive))
        .routes(routes!(workspaces::recover))
        .routes(routes!(rules::get, rules::put))
        .routes(routes!(instructions::get, instructions::put))
        .routes(routes!(collection::list, collection::add))
        .routes(routes!(collection::patch, collection::remove))
        .routes(routes!(deployments::list, deployments::create))
        .routes(routes!(deployments::get, deployments::patch, deployments::delete))
        .routes(routes!(transfer::export))
        .routes(routes!(lint::of_workspace))
        .routes(routes!(usage::of_workspace))
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::get, keys::patch, keys::delete))
        .routes(routes!(keys::rotate))
        .routes(routes!(usage::all))
        .routes(routes!(sessions::list, sessions::create))
        .routes(routes!(sessions::get, sessions::patch, sessions::delete))
        .routes(routes!(nodes::list))
        .routes(routes!(audit::list))
        .routes(routes!(events::follow))
        .merge(large_routes())
}

/// Those that take whole prompts.
fn large_routes() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(explain::explain)).layer(DefaultBodyLimit::max(explain::BODY_BYTES_MAX))
}

/// For everyone who reaches the port.
fn open_routes() -> OpenApiRouter<Rest> {
    OpenApiRouter::new()
        .routes(routes!(system::healthz))
        .routes(routes!(system::readyz))
        .routes(routes!(system::metrics))
        .routes(routes!(system::filter))
}

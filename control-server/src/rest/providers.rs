//! `/providers`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::Rest;
use super::extract::{Body, Params, PathName};
use super::page::{PageDoc, PageParams};
use super::problem::Problem;
use super::provider_docs::{NewProviderDoc, ProviderDoc, ProviderPatchDoc, read_new, read_patch};
use super::written::{DeleteParams, Wait, Written};
use crate::domain::provider::Endpoint;
use crate::outbound::TIMEOUT;
use crate::store::{self, StoreError};

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Require {
    Reachable,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SaveParams {
    /// `applied`: answer when every connected node serves the change, at most after 10 seconds.
    #[param(inline)]
    wait: Option<Wait>,
    /// `reachable`: refuse to save a provider that does not list its models.
    #[param(inline)]
    require: Option<Require>,
}

/// Adds a provider and asks it for its models.
#[utoipa::path(
    post,
    path = "/providers",
    operation_id = "createProvider",
    tag = "providers",
    params(SaveParams),
    request_body = NewProviderDoc,
    responses((status = 201, body = ProviderDoc)),
)]
pub(super) async fn create(
    State(rest): State<Rest>,
    Params(params): Params<SaveParams>,
    Body(doc): Body<NewProviderDoc>,
) -> Result<Response, Problem> {
    let new = read_new(doc)?;
    check_endpoint(&rest, &new.endpoint).await?;
    match rest.app.store.provider(&new.name).await {
        Ok(_) => return Err(StoreError::Taken { kind: store::Kind::Provider, name: new.name.to_string() }.into()),
        Err(StoreError::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let listed = rest.app.models.list(new.kind, &new.endpoint, new.auth.key(), TIMEOUT).await;
    check_required(params.require, &listed)?;
    let (provider, revision) = rest.app.store.create_provider(&new).await?;
    rest.app.store.record_models(&provider.name, listed).await?;
    let resource: ProviderDoc = rest.app.store.provider(&provider.name).await?.into();
    let written = Written { status: StatusCode::CREATED, resource: Some(resource), revision, wait: params.wait };
    Ok(written.answer(&rest).await)
}

/// Lists providers by name.
#[utoipa::path(
    get,
    path = "/providers",
    operation_id = "listProviders",
    tag = "providers",
    params(PageParams),
    responses((status = 200, body = PageDoc<ProviderDoc>)),
)]
pub(super) async fn list(
    State(rest): State<Rest>,
    Params(params): Params<PageParams>,
) -> Result<Json<PageDoc<ProviderDoc>>, Problem> {
    let listed = rest.app.store.providers(&params.page()?).await?;
    Ok(Json(PageDoc::from_listed(listed, ProviderDoc::from)))
}

/// Shows one provider.
#[utoipa::path(
    get,
    path = "/providers/{name}",
    operation_id = "getProvider",
    tag = "providers",
    params(("name" = String, Path)),
    responses((status = 200, body = ProviderDoc)),
)]
pub(super) async fn get(State(rest): State<Rest>, PathName(name): PathName) -> Result<Json<ProviderDoc>, Problem> {
    Ok(Json(rest.app.store.provider(&name).await?.into()))
}

/// Changes what is given. A new name is carried into what uses the provider.
#[utoipa::path(
    patch,
    path = "/providers/{name}",
    operation_id = "patchProvider",
    tag = "providers",
    params(("name" = String, Path), SaveParams),
    request_body = ProviderPatchDoc,
    responses((status = 200, body = ProviderDoc)),
)]
pub(super) async fn patch(
    State(rest): State<Rest>,
    PathName(name): PathName,
    Params(params): Params<SaveParams>,
    Body(doc): Body<ProviderPatchDoc>,
) -> Result<Response, Problem> {
    let before = rest.app.store.provider(&name).await?;
    let patch = read_patch(doc, before.kind)?;
    if let Some(endpoint) = &patch.endpoint {
        check_endpoint(&rest, endpoint).await?;
    }
    let reaches_elsewhere = patch.kind.is_some() || patch.endpoint.is_some() || patch.auth.is_some();
    let listed = if reaches_elsewhere {
        let after = before.patched(&patch);
        let listed = rest.app.models.list(after.kind, &after.endpoint, after.auth.key(), TIMEOUT).await;
        check_required(params.require, &listed)?;
        Some(listed)
    } else {
        None
    };
    let (provider, revision) = rest.app.store.patch_provider(&name, &patch).await?;
    if let Some(listed) = listed {
        rest.app.store.record_models(&provider.name, listed).await?;
    }
    let resource: ProviderDoc = rest.app.store.provider(&provider.name).await?.into();
    let written = Written { status: StatusCode::OK, resource: Some(resource), revision, wait: params.wait };
    Ok(written.answer(&rest).await)
}

/// Removes a provider that no rule and no workspace uses, or with `force` any.
#[utoipa::path(
    delete,
    path = "/providers/{name}",
    operation_id = "deleteProvider",
    tag = "providers",
    params(("name" = String, Path), DeleteParams),
    responses((status = 204)),
)]
pub(super) async fn delete(
    State(rest): State<Rest>,
    PathName(name): PathName,
    Params(params): Params<DeleteParams>,
) -> Result<Response, Problem> {
    let revision = rest.app.store.delete_provider(&name, params.if_used()).await?;
    let written = Written::<()> { status: StatusCode::NO_CONTENT, resource: None, revision, wait: params.wait };
    Ok(written.answer(&rest).await)
}

async fn check_endpoint(rest: &Rest, endpoint: &Endpoint) -> Result<(), Problem> {
    rest.app.models.check(endpoint).await.map_err(|error| Problem::invalid_field("/endpoint", error))
}

fn check_required<T>(require: Option<Require>, listed: &Result<T, String>) -> Result<(), Problem> {
    match (require, listed) {
        (Some(Require::Reachable), Err(reason)) => Err(Problem::unreachable(reason)),
        _ => Ok(()),
    }
}

//! `/providers/{name}/models`: what one provider lists.

use axum::Json;
use axum::extract::State;

use super::Rest;
use super::catalog::ModelDoc;
use super::extract::{Params, PathName};
use super::page::{PageDoc, PageParams};
use super::problem::Problem;
use crate::outbound::TIMEOUT;

/// Lists the models that the provider told when it was last asked.
#[utoipa::path(
    get,
    path = "/providers/{name}/models",
    operation_id = "listProviderModels",
    tag = "providers",
    params(("name" = String, Path), PageParams),
    responses((status = 200, body = PageDoc<ModelDoc>)),
)]
pub(super) async fn list(
    State(rest): State<Rest>,
    PathName(name): PathName,
    Params(params): Params<PageParams>,
) -> Result<Json<PageDoc<ModelDoc>>, Problem> {
    let listed = rest.app.store.models(Some(&name), &params.page()?).await?;
    Ok(Json(PageDoc::from_listed(listed, ModelDoc::from)))
}

/// Asks the provider for its models again. Whether it answered stands in the provider's status.
#[utoipa::path(
    post,
    path = "/providers/{name}/models/refresh",
    operation_id = "refreshProviderModels",
    tag = "providers",
    params(("name" = String, Path), PageParams),
    responses((status = 200, body = PageDoc<ModelDoc>)),
)]
pub(super) async fn refresh(
    State(rest): State<Rest>,
    PathName(name): PathName,
    Params(params): Params<PageParams>,
) -> Result<Json<PageDoc<ModelDoc>>, Problem> {
    let page = params.page()?;
    let provider = rest.app.store.provider(&name).await?;
    let listed = rest.app.models.list(provider.kind, &provider.endpoint, provider.api_key(), TIMEOUT).await;
    rest.app.store.record_models(&name, listed).await?;
    Ok(Json(PageDoc::from_listed(rest.app.store.models(Some(&name), &page).await?, ModelDoc::from)))
}

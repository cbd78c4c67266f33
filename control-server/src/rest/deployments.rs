//! `/workspaces/{name}/deployments`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::Rest;
use super::deployment_docs::{DeploymentDoc, DeploymentPatchDoc, NewDeploymentDoc};
use super::extract::{Body, Params, PathAlias, PathName};
use super::page::{PageDoc, PageParams};
use super::problem::Problem;
use super::written::{DeleteParams, WriteParams, Written};

/// Lists the deployments of a workspace by name.
#[utoipa::path(
    get,
    path = "/workspaces/{name}/deployments",
    operation_id = "listDeployments",
    tag = "gateway",
    params(("name" = String, Path), PageParams),
    responses((status = 200, body = PageDoc<DeploymentDoc>)),
)]
pub(super) async fn list(
    State(rest): State<Rest>,
    PathName(workspace): PathName,
    Params(params): Params<PageParams>,
) -> Result<Json<PageDoc<DeploymentDoc>>, Problem> {
    let listed = rest.app.store.deployments(&workspace, &params.page()?).await?;
    Ok(Json(PageDoc::from_listed(listed, DeploymentDoc::from)))
}

/// Makes a deployment.
#[utoipa::path(
    post,
    path = "/workspaces/{name}/deployments",
    operation_id = "createDeployment",
    tag = "gateway",
    params(("name" = String, Path), WriteParams),
    request_body = NewDeploymentDoc,
    responses((status = 201, body = DeploymentDoc)),
)]
pub(super) async fn create(
    State(rest): State<Rest>,
    PathName(workspace): PathName,
    Params(params): Params<WriteParams>,
    Body(doc): Body<NewDeploymentDoc>,
) -> Result<Response, Problem> {
    let (stored, revision) = rest.app.store.create_deployment(&workspace, doc.into()).await?;
    let resource = Some(DeploymentDoc::from(stored));
    Ok(Written { status: StatusCode::CREATED, resource, revision, wait: params.wait }.answer(&rest).await)
}

/// Shows one deployment.
#[utoipa::path(
    get,
    path = "/workspaces/{name}/deployments/{deployment}",
    operation_id = "getDeployment",
    tag = "gateway",
    params(("name" = String, Path), ("deployment" = String, Path)),
    responses((status = 200, body = DeploymentDoc)),
)]
pub(super) async fn get(
    State(rest): State<Rest>,
    PathAlias(workspace, name): PathAlias,
) -> Result<Json<DeploymentDoc>, Problem> {
    Ok(Json(rest.app.store.deployment(&workspace, &name).await?.into()))
}

/// Changes what is given about a deployment.
#[utoipa::path(
    patch,
    path = "/workspaces/{name}/deployments/{deployment}",
    operation_id = "patchDeployment",
    tag = "gateway",
    params(("name" = String, Path), ("deployment" = String, Path), WriteParams),
    request_body = DeploymentPatchDoc,
    responses((status = 200, body = DeploymentDoc)),
)]
pub(super) async fn patch(
    State(rest): State<Rest>,
    PathAlias(workspace, name): PathAlias,
    Params(params): Params<WriteParams>,
    Body(doc): Body<DeploymentPatchDoc>,
) -> Result<Response, Problem> {
    let (stored, revision) = rest.app.store.patch_deployment(&workspace, &name, &doc.into()).await?;
    let resource = Some(DeploymentDoc::from(stored));
    Ok(Written { status: StatusCode::OK, resource, revision, wait: params.wait }.answer(&rest).await)
}

/// Removes a deployment that no rule uses, or with `force` any.
#[utoipa::path(
    delete,
    path = "/workspaces/{name}/deployments/{deployment}",
    operation_id = "deleteDeployment",
    tag = "gateway",
    params(("name" = String, Path), ("deployment" = String, Path), DeleteParams),
    responses((status = 204)),
)]
pub(super) async fn delete(
    State(rest): State<Rest>,
    PathAlias(workspace, name): PathAlias,
    Params(params): Params<DeleteParams>,
) -> Result<Response, Problem> {
    let revision = rest.app.store.delete_deployment(&workspace, &name, params.if_used()).await?;
    let written = Written::<()> { status: StatusCode::NO_CONTENT, resource: None, revision, wait: params.wait };
    Ok(written.answer(&rest).await)
}

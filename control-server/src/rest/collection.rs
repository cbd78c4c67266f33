//! `/workspaces/{name}/models`: the collection of a workspace.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use mux::config::CollectionModel;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Rest;
use super::extract::{Body, Params, PathAlias, PathName, given};
use super::page::{PageDoc, PageParams};
use super::problem::Problem;
use super::written::{DeleteParams, WriteParams, Written};
use crate::domain::collection::{ModelDraft, ModelPatch, StoredModel};

/// A model that a workspace allows.
#[derive(Serialize, ToSchema)]
#[schema(as = CollectionModel)]
pub(super) struct CollectionModelDoc {
    /// What clients, rules and deployments call it.
    alias: String,
    /// `provider/model-id`
    model: String,
    /// False: it is refused under every name.
    enabled: bool,
    /// Null: no limit.
    requests_per_minute: Option<u32>,
    /// True: its provider is gone, and it leads nowhere.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    broken: bool,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = NewCollectionModel)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCollectionModelDoc {
    /// 1 to 63 letters, digits, `.`, `_`, `:` or `-`, the first a letter or digit. No deployment has the same name.
    alias: String,
    /// `provider/model-id`
    model: String,
    /// Unless given: true.
    enabled: Option<bool>,
    #[schema(minimum = 1)]
    requests_per_minute: Option<u32>,
    /// Shown by the server and taken back unread, so that what was read can be sent.
    #[serde(rename = "broken")]
    _broken: Option<bool>,
}

/// What is not given stays.
#[derive(Deserialize, ToSchema)]
#[schema(as = CollectionModelPatch)]
#[serde(deny_unknown_fields)]
pub(super) struct CollectionModelPatchDoc {
    /// Carried into the rules and deployments that use the model.
    alias: Option<String>,
    model: Option<String>,
    enabled: Option<bool>,
    /// Null: no limit any more.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    requests_per_minute: Option<Option<u32>>,
    /// As in a new one.
    #[serde(rename = "broken")]
    _broken: Option<bool>,
}

impl From<StoredModel> for CollectionModelDoc {
    fn from(stored: StoredModel) -> Self {
        let StoredModel { model: CollectionModel { alias, model, enabled, requests_per_minute }, broken } = stored;
        Self { alias: alias.to_string(), model: model.to_string(), enabled, requests_per_minute, broken }
    }
}

/// Lists the models that a workspace allows by alias.
#[utoipa::path(
    get,
    path = "/workspaces/{name}/models",
    operation_id = "listWorkspaceModels",
    tag = "gateway",
    params(("name" = String, Path), PageParams),
    responses((status = 200, body = PageDoc<CollectionModelDoc>)),
)]
pub(super) async fn list(
    State(rest): State<Rest>,
    PathName(workspace): PathName,
    Params(params): Params<PageParams>,
) -> Result<Json<PageDoc<CollectionModelDoc>>, Problem> {
    let listed = rest.app.store.collection(&workspace, &params.page()?).await?;
    Ok(Json(PageDoc::from_listed(listed, CollectionModelDoc::from)))
}

/// Allows one more model in a workspace.
#[utoipa::path(
    post,
    path = "/workspaces/{name}/models",
    operation_id = "addWorkspaceModel",
    tag = "gateway",
    params(("name" = String, Path), WriteParams),
    request_body = NewCollectionModelDoc,
    responses((status = 201, body = CollectionModelDoc)),
)]
pub(super) async fn add(
    State(rest): State<Rest>,
    PathName(workspace): PathName,
    Params(params): Params<WriteParams>,
    Body(doc): Body<NewCollectionModelDoc>,
) -> Result<Response, Problem> {
    let NewCollectionModelDoc { alias, model, enabled, requests_per_minute, _broken: _ } = doc;
    let draft = ModelDraft { alias, model, enabled: enabled.unwrap_or(true), requests_per_minute };
    let (stored, revision) = rest.app.store.add_model(&workspace, draft).await?;
    let resource = Some(CollectionModelDoc::from(stored));
    Ok(Written { status: StatusCode::CREATED, resource, revision, wait: params.wait }.answer(&rest).await)
}

/// Changes what is given about a model of a workspace.
#[utoipa::path(
    patch,
    path = "/workspaces/{name}/models/{alias}",
    operation_id = "patchWorkspaceModel",
    tag = "gateway",
    params(("name" = String, Path), ("alias" = String, Path), WriteParams),
    request_body = CollectionModelPatchDoc,
    responses((status = 200, body = CollectionModelDoc)),
)]
pub(super) async fn patch(
    State(rest): State<Rest>,
    PathAlias(workspace, alias): PathAlias,
    Params(params): Params<WriteParams>,
    Body(doc): Body<CollectionModelPatchDoc>,
) -> Result<Response, Problem> {
    let CollectionModelPatchDoc { alias: new_alias, model, enabled, requests_per_minute, _broken: _ } = doc;
    let patch = ModelPatch { alias: new_alias, model, enabled, requests_per_minute };
    let (stored, revision) = rest.app.store.patch_model(&workspace, &alias, &patch).await?;
    let resource = Some(CollectionModelDoc::from(stored));
    Ok(Written { status: StatusCode::OK, resource, revision, wait: params.wait }.answer(&rest).await)
}

/// Removes a model that no rule and no deployment uses from a workspace, or with `force` any.
#[utoipa::path(
    delete,
    path = "/workspaces/{name}/models/{alias}",
    operation_id = "removeWorkspaceModel",
    tag = "gateway",
    params(("name" = String, Path), ("alias" = String, Path), DeleteParams),
    responses((status = 204)),
)]
pub(super) async fn remove(
    State(rest): State<Rest>,
    PathAlias(workspace, alias): PathAlias,
    Params(params): Params<DeleteParams>,
) -> Result<Response, Problem> {
    let revision = rest.app.store.remove_model(&workspace, &alias, params.if_used()).await?;
    let written = Written::<()> { status: StatusCode::NO_CONTENT, resource: None, revision, wait: params.wait };
    Ok(written.answer(&rest).await)
}

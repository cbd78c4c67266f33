//! `/workspaces`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use mux::config::{DEFAULT, Name};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::Rest;
use super::extract::{Body, Params, PathName};
use super::page::{PageDoc, page};
use super::problem::Problem;
use super::sessions::SessionDoc;
use super::workspace_docs::{NewWorkspaceDoc, SummaryDoc, WorkspaceDoc, WorkspacePatchDoc};
use super::written::{WriteParams, Written};
use crate::domain::workspace::Workspace;
use crate::store::Archived;

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ActivateDoc {
    /// Unless given: `default`.
    #[schema(value_type = Option<String>)]
    session: Option<Name>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ArchivedParam {
    False,
    True,
    Any,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Items of one page, 1 to 500; 50 unless given.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Unless given: `false`.
    #[param(inline)]
    archived: Option<ArchivedParam>,
}

/// Makes a workspace with its rules, or nothing.
#[utoipa::path(
    post,
    path = "/workspaces",
    operation_id = "createWorkspace",
    tag = "workspaces",
    params(WriteParams),
    request_body = NewWorkspaceDoc,
    responses((status = 201, body = WorkspaceDoc)),
)]
pub(super) async fn create(
    State(rest): State<Rest>,
    Params(params): Params<WriteParams>,
    Body(doc): Body<NewWorkspaceDoc>,
) -> Result<Response, Problem> {
    if doc.name.as_str() == DEFAULT {
        return Err(Problem::reserved(DEFAULT));
    }
    let (workspace, revision) = rest.app.store.create_workspace(&doc.check()?).await?;
    Ok(answer(&rest, StatusCode::CREATED, workspace, revision, &params).await)
}

/// Lists workspaces by name.
#[utoipa::path(
    get,
    path = "/workspaces",
    operation_id = "listWorkspaces",
    tag = "workspaces",
    params(ListParams),
    responses((status = 200, body = PageDoc<SummaryDoc>)),
)]
pub(super) async fn list(
    State(rest): State<Rest>,
    Params(params): Params<ListParams>,
) -> Result<Json<PageDoc<SummaryDoc>>, Problem> {
    let ListParams { limit, cursor, archived } = params;
    let archived = match archived {
        None | Some(ArchivedParam::False) => Archived::Without,
        Some(ArchivedParam::True) => Archived::Only,
        Some(ArchivedParam::Any) => Archived::Any,
    };
    let listed = rest.app.store.workspaces(archived, &page(limit, cursor.as_deref())?).await?;
    Ok(Json(PageDoc::from_listed(listed, SummaryDoc::from)))
}

/// Shows one workspace.
#[utoipa::path(
    get,
    path = "/workspaces/{name}",
    operation_id = "getWorkspace",
    tag = "workspaces",
    params(("name" = String, Path)),
    responses((status = 200, body = WorkspaceDoc)),
)]
pub(super) async fn get(State(rest): State<Rest>, PathName(name): PathName) -> Result<Json<WorkspaceDoc>, Problem> {
    Ok(Json(rest.app.store.workspace(&name).await?.into()))
}

/// Changes what is given; an empty text clears. Everything that points at a renamed workspace still does.
#[utoipa::path(
    patch,
    path = "/workspaces/{name}",
    operation_id = "patchWorkspace",
    tag = "workspaces",
    params(("name" = String, Path), WriteParams),
    request_body = WorkspacePatchDoc,
    responses((status = 200, body = WorkspaceDoc)),
)]
pub(super) async fn patch(
    State(rest): State<Rest>,
    PathName(name): PathName,
    Params(params): Params<WriteParams>,
    Body(doc): Body<WorkspacePatchDoc>,
) -> Result<Response, Problem> {
    let (workspace, revision) = rest.app.store.patch_workspace(&name, &doc.check()?).await?;
    Ok(answer(&rest, StatusCode::OK, workspace, revision, &params).await)
}

/// Makes a workspace the active one of a session.
#[utoipa::path(
    post,
    path = "/workspaces/{name}/activate",
    operation_id = "activateWorkspace",
    tag = "workspaces",
    params(("name" = String, Path), WriteParams),
    request_body = Option<ActivateDoc>,
    responses((status = 200, body = SessionDoc)),
)]
pub(super) async fn activate(
    State(rest): State<Rest>,
    PathName(name): PathName,
    Params(params): Params<WriteParams>,
    body: Option<Body<ActivateDoc>>,
) -> Result<Response, Problem> {
    let ActivateDoc { session } = body.map(|Body(doc)| doc).unwrap_or_default();
    let session = match session {
        Some(session) => session,
        None => DEFAULT.parse().map_err(|error| Problem::invalid_field("/session", error))?,
    };
    let (session, revision) = rest.app.store.activate(&name, &session).await?;
    let resource = Some(SessionDoc::from(session));
    Ok(Written { status: StatusCode::OK, resource, revision, wait: params.wait }.answer(&rest).await)
}

/// Takes a workspace that is active nowhere out of routing, and keeps all of it.
#[utoipa::path(
    post,
    path = "/workspaces/{name}/archive",
    operation_id = "archiveWorkspace",
    tag = "workspaces",
    params(("name" = String, Path), WriteParams),
    responses((status = 200, body = WorkspaceDoc)),
)]
pub(super) async fn archive(
    State(rest): State<Rest>,
    PathName(name): PathName,
    Params(params): Params<WriteParams>,
) -> Result<Response, Problem> {
    let (workspace, revision) = rest.app.store.archive_workspace(&name).await?;
    Ok(answer(&rest, StatusCode::OK, workspace, revision, &params).await)
}

/// Brings an archived workspace back with all that it had; one that is not archived stays as it is.
#[utoipa::path(
    post,
    path = "/workspaces/{name}/recover",
    operation_id = "recoverWorkspace",
    tag = "workspaces",
    params(("name" = String, Path), WriteParams),
    responses((status = 200, body = WorkspaceDoc)),
)]
pub(super) async fn recover(
    State(rest): State<Rest>,
    PathName(name): PathName,
    Params(params): Params<WriteParams>,
) -> Result<Response, Problem> {
    let (workspace, revision) = rest.app.store.recover_workspace(&name).await?;
    Ok(answer(&rest, StatusCode::OK, workspace, revision, &params).await)
}

/// Removes an archived workspace for good, and its history with it.
#[utoipa::path(
    delete,
    path = "/workspaces/{name}",
    operation_id = "deleteWorkspace",
    tag = "workspaces",
    params(("name" = String, Path), WriteParams),
    responses((status = 204)),
)]
pub(super) async fn delete(
    State(rest): State<Rest>,
    PathName(name): PathName,
    Params(params): Params<WriteParams>,
) -> Result<Response, Problem> {
    let revision = rest.app.store.delete_workspace(&name).await?;
    Ok(Written::<()> { status: StatusCode::NO_CONTENT, resource: None, revision, wait: params.wait }
        .answer(&rest)
        .await)
}

async fn answer(
    rest: &Rest,
    status: StatusCode,
    workspace: Workspace,
    revision: u64,
    params: &WriteParams,
) -> Response {
    Written { status, resource: Some(WorkspaceDoc::from(workspace)), revision, wait: params.wait }.answer(rest).await
}

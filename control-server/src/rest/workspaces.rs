//! `/workspaces`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use mux::config::{DEFAULT, Name};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::{Body, Params, PathName};
use super::page::{PageDoc, page};
use super::problem::Problem;
use super::provider_docs::check_description_text;
use super::rules::{NewRuleDoc, drafts};
use super::sessions::SessionDoc;
use super::written::{WriteParams, Written};
use super::{Rest, time};
use crate::domain::rules;
use crate::domain::workspace::{NewWorkspace, Workspace, WorkspacePatch};
use crate::store::Archived;

#[derive(Serialize, ToSchema)]
pub(super) struct WorkspaceDoc {
    name: String,
    description: String,
    archived_at: Option<String>,
    /// Ids of sessions.
    active_in: Vec<String>,
    /// How many.
    rules: u64,
    created_at: String,
    updated_at: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewWorkspaceDoc {
    #[schema(value_type = String)]
    name: Name,
    description: Option<String>,
    rules: Option<Vec<NewRuleDoc>>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkspacePatchDoc {
    description: Option<String>,
}

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

impl From<Workspace> for WorkspaceDoc {
    fn from(workspace: Workspace) -> Self {
        let Workspace { name, description, archived_at_ms, active_in, rule_count, created_at_ms, updated_at_ms } =
            workspace;
        Self {
            name: name.to_string(),
            description,
            archived_at: archived_at_ms.map(time::write),
            active_in: active_in.iter().map(Name::to_string).collect(),
            rules: rule_count,
            created_at: time::write(created_at_ms),
            updated_at: time::write(updated_at_ms),
        }
    }
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
    let NewWorkspaceDoc { name, description, rules } = doc;
    if name.as_str() == DEFAULT {
        return Err(Problem::reserved(DEFAULT));
    }
    let description = checked_description(description)?.unwrap_or_default();
    let rules = rules::check(&name, drafts(rules.unwrap_or_default())).map_err(Problem::invalid)?;
    let (workspace, revision) = rest.app.store.create_workspace(&NewWorkspace { name, description, rules }).await?;
    let resource = Some(WorkspaceDoc::from(workspace));
    Ok(Written { status: StatusCode::CREATED, resource, revision, wait: params.wait }.answer(&rest).await)
}

/// Lists workspaces by name.
#[utoipa::path(
    get,
    path = "/workspaces",
    operation_id = "listWorkspaces",
    tag = "workspaces",
    params(ListParams),
    responses((status = 200, body = PageDoc<WorkspaceDoc>)),
)]
pub(super) async fn list(
    State(rest): State<Rest>,
    Params(params): Params<ListParams>,
) -> Result<Json<PageDoc<WorkspaceDoc>>, Problem> {
    let ListParams { limit, cursor, archived } = params;
    let archived = match archived {
        None | Some(ArchivedParam::False) => Archived::Without,
        Some(ArchivedParam::True) => Archived::Only,
        Some(ArchivedParam::Any) => Archived::Any,
    };
    let listed = rest.app.store.workspaces(archived, &page(limit, cursor.as_deref())?).await?;
    Ok(Json(PageDoc::from_listed(listed, WorkspaceDoc::from)))
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

/// Changes what is given; an empty description clears it.
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
    let WorkspacePatchDoc { description } = doc;
    let patch = WorkspacePatch { description: checked_description(description)? };
    let (workspace, revision) = rest.app.store.patch_workspace(&name, &patch).await?;
    let resource = Some(WorkspaceDoc::from(workspace));
    Ok(Written { status: StatusCode::OK, resource, revision, wait: params.wait }.answer(&rest).await)
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

fn checked_description(description: Option<String>) -> Result<Option<String>, Problem> {
    if let Some(text) = &description {
        check_description_text(text).map_err(|message| Problem::invalid_field("/description", message))?;
    }
    Ok(description)
}

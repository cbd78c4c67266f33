//! `/sessions`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use mux::config::Name;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::{Body, Params, PathName};
use super::page::{PageDoc, PageParams};
use super::problem::Problem;
use super::written::{WriteParams, Written};
use super::{Rest, time};
use crate::domain::session::{self, NewSession, Session, SessionPatch};
use crate::store::{Kind, StoreError};

#[derive(Serialize, ToSchema)]
pub(super) struct SessionDoc {
    id: String,
    label: String,
    active_workspace: String,
    last_update: String,
    /// When a request of it was last reported.
    last_seen: Option<String>,
}

impl From<Session> for SessionDoc {
    fn from(session: Session) -> Self {
        let Session { id, label, active_workspace, updated_at_ms, last_seen_ms } = session;
        Self {
            id: id.to_string(),
            label,
            active_workspace: active_workspace.to_string(),
            last_update: time::write(updated_at_ms),
            last_seen: last_seen_ms.map(time::write),
        }
    }
}

/// Lists sessions by id.
#[utoipa::path(
    get,
    path = "/sessions",
    operation_id = "listSessions",
    tag = "sessions",
    params(PageParams),
    responses((status = 200, body = PageDoc<SessionDoc>)),
)]
pub(super) async fn list(
    State(rest): State<Rest>,
    Params(params): Params<PageParams>,
) -> Result<Json<PageDoc<SessionDoc>>, Problem> {
    let listed = rest.app.store.sessions(&params.page()?).await?;
    Ok(Json(PageDoc::from_listed(listed, SessionDoc::from)))
}

/// Shows one session.
#[utoipa::path(
    get,
    path = "/sessions/{id}",
    operation_id = "getSession",
    tag = "sessions",
    params(("id" = String, Path)),
    responses((status = 200, body = SessionDoc)),
)]
pub(super) async fn get(State(rest): State<Rest>, PathName(id): PathName) -> Result<Json<SessionDoc>, Problem> {
    Ok(Json(rest.app.store.session(&id).await?.into()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSessionDoc {
    /// Unless given, one is made up.
    #[schema(value_type = Option<String>)]
    id: Option<Name>,
    label: Option<String>,
    #[schema(value_type = String)]
    active_workspace: Name,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionPatchDoc {
    label: Option<String>,
    #[schema(value_type = Option<String>)]
    active_workspace: Option<Name>,
}

/// Makes a session.
#[utoipa::path(
    post,
    path = "/sessions",
    operation_id = "createSession",
    tag = "sessions",
    params(WriteParams),
    request_body = NewSessionDoc,
    responses((status = 201, body = SessionDoc)),
)]
pub(super) async fn create(
    State(rest): State<Rest>,
    Params(params): Params<WriteParams>,
    Body(doc): Body<NewSessionDoc>,
) -> Result<Response, Problem> {
    let NewSessionDoc { id, label, active_workspace } = doc;
    let label = checked_label(label)?.unwrap_or_default();
    let id = match id {
        Some(id) => id,
        None => session::random_id().map_err(|error| Problem::invalid_field("/id", error))?,
    };
    let new = NewSession { id, label, active_workspace };
    let (session, revision) = rest.app.store.create_session(&new).await.map_err(active_workspace_problem)?;
    Ok(answer(&rest, StatusCode::CREATED, session, revision, &params).await)
}

/// Changes what is given; an empty label clears it.
#[utoipa::path(
    patch,
    path = "/sessions/{id}",
    operation_id = "patchSession",
    tag = "sessions",
    params(("id" = String, Path), WriteParams),
    request_body = SessionPatchDoc,
    responses((status = 200, body = SessionDoc)),
)]
pub(super) async fn patch(
    State(rest): State<Rest>,
    PathName(id): PathName,
    Params(params): Params<WriteParams>,
    Body(doc): Body<SessionPatchDoc>,
) -> Result<Response, Problem> {
    let SessionPatchDoc { label, active_workspace } = doc;
    let patch = SessionPatch { label: checked_label(label)?, active_workspace };
    let (session, revision) = rest.app.store.patch_session(&id, &patch).await.map_err(active_workspace_problem)?;
    Ok(answer(&rest, StatusCode::OK, session, revision, &params).await)
}

/// Removes a session. Requests that name it from then on are refused.
#[utoipa::path(
    delete,
    path = "/sessions/{id}",
    operation_id = "deleteSession",
    tag = "sessions",
    params(("id" = String, Path), WriteParams),
    responses((status = 204)),
)]
pub(super) async fn delete(
    State(rest): State<Rest>,
    PathName(id): PathName,
    Params(params): Params<WriteParams>,
) -> Result<Response, Problem> {
    let revision = rest.app.store.delete_session(&id).await?;
    Ok(Written::<()> { status: StatusCode::NO_CONTENT, resource: None, revision, wait: params.wait }
        .answer(&rest)
        .await)
}

async fn answer(rest: &Rest, status: StatusCode, session: Session, revision: u64, params: &WriteParams) -> Response {
    Written { status, resource: Some(SessionDoc::from(session)), revision, wait: params.wait }.answer(rest).await
}

fn checked_label(label: Option<String>) -> Result<Option<String>, Problem> {
    if let Some(text) = &label {
        session::check_label(text).map_err(|message| Problem::invalid_field("/label", message))?;
    }
    Ok(label)
}

/// The body names the workspace, so one that is not there is a bad field.
fn active_workspace_problem(error: StoreError) -> Problem {
    match error {
        StoreError::NotFound { kind: Kind::Workspace, .. } => Problem::invalid_field("/active_workspace", error),
        error => error.into(),
    }
}

//! `/sessions`

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::extract::{Params, PathName};
use super::page::{PageDoc, PageParams};
use super::problem::Problem;
use super::{Rest, time};
use crate::domain::session::Session;

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

//! `/workspaces/{name}/instructions`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use mux::rules::check_instructions;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Rest;
use super::extract::{Body, Params, PathName};
use super::problem::Problem;
use super::written::{WriteParams, Written};
use crate::domain::workspace::WorkspacePatch;

/// In front of every request's own system prompt; empty: nothing.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InstructionsDoc {
    text: String,
}

/// Shows the instructions of a workspace.
#[utoipa::path(
    get,
    path = "/workspaces/{name}/instructions",
    operation_id = "getInstructions",
    tag = "workspaces",
    params(("name" = String, Path)),
    responses((status = 200, body = InstructionsDoc)),
)]
pub(super) async fn get(State(rest): State<Rest>, PathName(name): PathName) -> Result<Json<InstructionsDoc>, Problem> {
    Ok(Json(InstructionsDoc { text: rest.app.store.workspace(&name).await?.instructions }))
}

/// Replaces the instructions of a workspace; an empty text clears them.
#[utoipa::path(
    put,
    path = "/workspaces/{name}/instructions",
    operation_id = "putInstructions",
    tag = "workspaces",
    params(("name" = String, Path), WriteParams),
    request_body = InstructionsDoc,
    responses((status = 200, body = InstructionsDoc)),
)]
pub(super) async fn put(
    State(rest): State<Rest>,
    PathName(name): PathName,
    Params(params): Params<WriteParams>,
    Body(InstructionsDoc { text }): Body<InstructionsDoc>,
) -> Result<Response, Problem> {
    check_instructions(&text).map_err(|message| Problem::invalid_field("/text", message))?;
    let patch = WorkspacePatch { instructions: Some(text), ..WorkspacePatch::default() };
    let (workspace, revision) = rest.app.store.patch_workspace(&name, &patch).await?;
    let resource = Some(InstructionsDoc { text: workspace.instructions });
    Ok(Written { status: StatusCode::OK, resource, revision, wait: params.wait }.answer(&rest).await)
}

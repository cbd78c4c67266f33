//! `/workspaces/{name}/keys`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::Rest;
use super::extract::{Body, Params, PathKey, PathName};
use super::key_docs::{KeyDoc, KeyPatchDoc, MadeKeyDoc, NewKeyDoc, RotateDoc};
use super::page::{PageDoc, PageParams};
use super::problem::Problem;
use super::written::{WriteParams, Written};
use crate::domain::key::{GRACE_S_DEFAULT, GRACE_S_MAX, KeyText};
use crate::store::{Kind, StoreError};

/// Lists the keys of a workspace, oldest first.
#[utoipa::path(
    get,
    path = "/workspaces/{name}/keys",
    operation_id = "listKeys",
    tag = "keys",
    params(("name" = String, Path), PageParams),
    responses((status = 200, body = PageDoc<KeyDoc>)),
)]
pub(super) async fn list(
    State(rest): State<Rest>,
    PathName(workspace): PathName,
    Params(params): Params<PageParams>,
) -> Result<Json<PageDoc<KeyDoc>>, Problem> {
    let listed = rest.app.store.keys(&workspace, &params.page()?).await?;
    Ok(Json(PageDoc::from_listed(listed, KeyDoc::from)))
}

/// Shows one key, without what opens the gateway.
#[utoipa::path(
    get,
    path = "/workspaces/{name}/keys/{id}",
    operation_id = "getKey",
    tag = "keys",
    params(("name" = String, Path), ("id" = u64, Path)),
    responses((status = 200, body = KeyDoc)),
)]
pub(super) async fn get(State(rest): State<Rest>, PathKey(workspace, id): PathKey) -> Result<Json<KeyDoc>, Problem> {
    Ok(Json(rest.app.store.key(&workspace, id).await?.into()))
}

/// Makes a key. The answer alone has it.
#[utoipa::path(
    post,
    path = "/workspaces/{name}/keys",
    operation_id = "createKey",
    tag = "keys",
    params(("name" = String, Path), WriteParams),
    request_body = NewKeyDoc,
    responses((status = 201, body = MadeKeyDoc)),
)]
pub(super) async fn create(
    State(rest): State<Rest>,
    PathName(workspace): PathName,
    Params(params): Params<WriteParams>,
    Body(doc): Body<NewKeyDoc>,
) -> Result<Response, Problem> {
    let session = doc.session.clone();
    let (terms, text) = (doc.into_terms()?, KeyText::generate());
    let made = rest.app.store.create_key(&workspace, session.as_ref(), terms, &text).await;
    let (key, revision) = made.map_err(session_problem)?;
    let resource = Some(MadeKeyDoc::new(key, &text));
    Ok(Written { status: StatusCode::CREATED, resource, revision, wait: params.wait }.answer(&rest).await)
}

/// Changes what is given.
#[utoipa::path(
    patch,
    path = "/workspaces/{name}/keys/{id}",
    operation_id = "patchKey",
    tag = "keys",
    params(("name" = String, Path), ("id" = u64, Path), WriteParams),
    request_body = KeyPatchDoc,
    responses((status = 200, body = KeyDoc)),
)]
pub(super) async fn patch(
    State(rest): State<Rest>,
    PathKey(workspace, id): PathKey,
    Params(params): Params<WriteParams>,
    Body(doc): Body<KeyPatchDoc>,
) -> Result<Response, Problem> {
    let (key, revision) = rest.app.store.patch_key(&workspace, id, &doc.into_patch()?).await?;
    let resource = Some(KeyDoc::from(key));
    Ok(Written { status: StatusCode::OK, resource, revision, wait: params.wait }.answer(&rest).await)
}

/// Puts a new key in the place of the present one, under the same id. The answer alone has it.
#[utoipa::path(
    post,
    path = "/workspaces/{name}/keys/{id}/rotate",
    operation_id = "rotateKey",
    tag = "keys",
    params(("name" = String, Path), ("id" = u64, Path), WriteParams),
    request_body = Option<RotateDoc>,
    responses((status = 200, body = MadeKeyDoc)),
)]
pub(super) async fn rotate(
    State(rest): State<Rest>,
    PathKey(workspace, id): PathKey,
    Params(params): Params<WriteParams>,
    body: Option<Body<RotateDoc>>,
) -> Result<Response, Problem> {
    let RotateDoc { grace_s } = body.map(|Body(doc)| doc).unwrap_or_default();
    let grace_s = grace_s.unwrap_or(GRACE_S_DEFAULT);
    if grace_s > GRACE_S_MAX {
        return Err(Problem::invalid_field("/grace_s", format!("at most {GRACE_S_MAX} seconds")));
    }
    let text = KeyText::generate();
    let (key, revision) = rest.app.store.rotate_key(&workspace, id, &text, grace_s).await?;
    let resource = Some(MadeKeyDoc::new(key, &text));
    Ok(Written { status: StatusCode::OK, resource, revision, wait: params.wait }.answer(&rest).await)
}

/// Revokes a key: nodes refuse it as soon as they serve the revision.
#[utoipa::path(
    delete,
    path = "/workspaces/{name}/keys/{id}",
    operation_id = "deleteKey",
    tag = "keys",
    params(("name" = String, Path), ("id" = u64, Path), WriteParams),
    responses((status = 204)),
)]
pub(super) async fn delete(
    State(rest): State<Rest>,
    PathKey(workspace, id): PathKey,
    Params(params): Params<WriteParams>,
) -> Result<Response, Problem> {
    let revision = rest.app.store.delete_key(&workspace, id).await?;
    let written = Written::<()> { status: StatusCode::NO_CONTENT, resource: None, revision, wait: params.wait };
    Ok(written.answer(&rest).await)
}

/// The body names the session, so one that is not there is a bad field.
fn session_problem(error: StoreError) -> Problem {
    match error {
        StoreError::NotFound { kind: Kind::Session, .. } => Problem::invalid_field("/session", error),
        error => error.into(),
    }
}

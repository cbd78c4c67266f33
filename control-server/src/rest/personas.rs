//! `/personas`

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
use crate::domain::persona::{Persona, PersonaPatch, PersonaText};

#[derive(Serialize, ToSchema)]
pub(super) struct PersonaDoc {
    name: String,
    description: String,
    /// Empty: none.
    instructions: String,
    created_at: String,
    updated_at: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPersonaDoc {
    #[schema(value_type = String)]
    name: Name,
    /// What kind of work it is for, in words that a prompt is compared with.
    description: String,
    /// What a model is told when the persona fits.
    instructions: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PersonaPatchDoc {
    #[schema(value_type = Option<String>)]
    name: Option<Name>,
    description: Option<String>,
    /// Empty: none any more.
    instructions: Option<String>,
}

impl From<Persona> for PersonaDoc {
    fn from(persona: Persona) -> Self {
        let Persona { name, text, created_at_ms, updated_at_ms } = persona;
        Self {
            name: name.to_string(),
            description: text.description().to_owned(),
            instructions: text.instructions().to_owned(),
            created_at: time::write(created_at_ms),
            updated_at: time::write(updated_at_ms),
        }
    }
}

/// Adds a persona.
#[utoipa::path(
    post,
    path = "/personas",
    operation_id = "createPersona",
    tag = "personas",
    params(WriteParams),
    request_body = NewPersonaDoc,
    responses((status = 201, body = PersonaDoc)),
)]
pub(super) async fn create(
    State(rest): State<Rest>,
    Params(params): Params<WriteParams>,
    Body(doc): Body<NewPersonaDoc>,
) -> Result<Response, Problem> {
    let NewPersonaDoc { name, description, instructions } = doc;
    let text = PersonaText::new(description, instructions.unwrap_or_default()).map_err(Problem::invalid)?;
    let (persona, revision) = rest.app.store.create_persona(&name, &text).await?;
    let resource = Some(PersonaDoc::from(persona));
    Ok(Written { status: StatusCode::CREATED, resource, revision, wait: params.wait }.answer(&rest).await)
}

/// Lists personas by name.
#[utoipa::path(
    get,
    path = "/personas",
    operation_id = "listPersonas",
    tag = "personas",
    params(PageParams),
    responses((status = 200, body = PageDoc<PersonaDoc>)),
)]
pub(super) async fn list(
    State(rest): State<Rest>,
    Params(params): Params<PageParams>,
) -> Result<Json<PageDoc<PersonaDoc>>, Problem> {
    let listed = rest.app.store.personas(&params.page()?).await?;
    Ok(Json(PageDoc::from_listed(listed, PersonaDoc::from)))
}

/// Shows one persona.
#[utoipa::path(
    get,
    path = "/personas/{name}",
    operation_id = "getPersona",
    tag = "personas",
    params(("name" = String, Path)),
    responses((status = 200, body = PersonaDoc)),
)]
pub(super) async fn get(State(rest): State<Rest>, PathName(name): PathName) -> Result<Json<PersonaDoc>, Problem> {
    Ok(Json(rest.app.store.persona(&name).await?.into()))
}

/// Changes what is given.
#[utoipa::path(
    patch,
    path = "/personas/{name}",
    operation_id = "patchPersona",
    tag = "personas",
    params(("name" = String, Path), WriteParams),
    request_body = PersonaPatchDoc,
    responses((status = 200, body = PersonaDoc)),
)]
pub(super) async fn patch(
    State(rest): State<Rest>,
    PathName(name): PathName,
    Params(params): Params<WriteParams>,
    Body(doc): Body<PersonaPatchDoc>,
) -> Result<Response, Problem> {
    let PersonaPatchDoc { name: new_name, description, instructions } = doc;
    let patch = PersonaPatch { name: new_name, description, instructions };
    let (persona, revision) = rest.app.store.patch_persona(&name, &patch).await?;
    let resource = Some(PersonaDoc::from(persona));
    Ok(Written { status: StatusCode::OK, resource, revision, wait: params.wait }.answer(&rest).await)
}

/// Removes a persona.
#[utoipa::path(
    delete,
    path = "/personas/{name}",
    operation_id = "deletePersona",
    tag = "personas",
    params(("name" = String, Path), WriteParams),
    responses((status = 204)),
)]
pub(super) async fn delete(
    State(rest): State<Rest>,
    PathName(name): PathName,
    Params(params): Params<WriteParams>,
) -> Result<Response, Problem> {
    let revision = rest.app.store.delete_persona(&name).await?;
    let written = Written::<()> { status: StatusCode::NO_CONTENT, resource: None, revision, wait: params.wait };
    Ok(written.answer(&rest).await)
}

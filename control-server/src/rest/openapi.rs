//! The description of the API, made from the handlers themselves and from what all of them have in common.

use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, HeaderBuilder, ObjectBuilder, Ref, RefOr, ResponseBuilder, Type};
use utoipa::{Modify, OpenApi};

use super::problem::ProblemDoc;
use super::router::routes;
use super::transfer;

#[derive(OpenApi)]
#[openapi(
    info(title = "Muxspace", description = "The management API of the Muxspace control server."),
    paths(transfer::import),
    components(schemas(ProblemDoc)),
    modifiers(&AdminToken),
    security(("admin_token" = []))
)]
pub(super) struct Api;

struct AdminToken;

impl Modify for AdminToken {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        openapi.components.get_or_insert_default().add_security_scheme("admin_token", scheme);
    }
}

/// The OpenAPI document, as `/openapi.json` serves it.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    let mut openapi = routes().into_openapi();
    // A rest of a path, which may hold slashes, is a parameter like others.
    let paths = std::mem::take(&mut openapi.paths.paths);
    openapi.paths.paths = paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
    for item in openapi.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete] {
            operation.iter_mut().for_each(refuses);
        }
        for operation in [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete] {
            operation.iter_mut().for_each(tells_revision);
        }
    }
    serde_json::to_string_pretty(&openapi)
}

/// Every operation may answer with a problem.
fn refuses(operation: &mut Operation) {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response =
        ResponseBuilder::new().description("Refused, and why").content("application/problem+json", problem).build();
    operation.responses.responses.insert("default".to_owned(), RefOr::T(response));
}

/// A write that takes `wait` tells its revision.
fn tells_revision(operation: &mut Operation) {
    let waits = operation.parameters.iter().flatten().any(|parameter| match parameter {
        RefOr::T(parameter) => parameter.name == "wait",
        RefOr::Ref(_) => false,
    });
    let done = operation.responses.responses.iter_mut().filter(|(status, _)| status.starts_with('2'));
    for (_, response) in done.filter(|_| waits) {
        let RefOr::T(response) = response else { continue };
        let header = |kind, text: &str| {
            let schema = ObjectBuilder::new().schema_type(kind).build();
            HeaderBuilder::new().schema(Some(schema)).description(Some(text)).build()
        };
        let revision = header(Type::Integer, "The revision that holds the change");
        let lagging = header(Type::String, "With `wait`: the nodes that do not serve it yet, or `none`");
        response.headers.insert("x-muxspace-revision".to_owned(), revision.into());
        response.headers.insert("x-muxspace-lagging-nodes".to_owned(), lagging.into());
    }
}

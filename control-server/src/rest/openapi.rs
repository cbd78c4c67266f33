//! The description of the API, made from the handlers themselves.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::router::routes;

#[derive(OpenApi)]
#[openapi(
    info(title = "Muxspace", description = "The management API of the Muxspace control server."),
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
    serde_json::to_string_pretty(&routes().into_openapi())
}

//! The admin token.

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use super::Rest;
use super::problem::Problem;

/// Lets a request through if it carries the admin token.
pub(super) async fn admin_only(State(rest): State<Rest>, request: Request, next: Next) -> Result<Response, Problem> {
    let expected = rest.app.admin_token.expose_secret();
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
    // An empty token would let in everyone.
    if !expected.is_empty() && given.is_some_and(|given| bool::from(given.as_bytes().ct_eq(expected.as_bytes()))) {
        Ok(next.run(request).await)
    } else {
        Err(Problem::unauthorized())
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

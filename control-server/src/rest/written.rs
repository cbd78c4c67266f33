//! Answers to writes: the resource, the revision that holds it, and whether nodes serve it already.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Rest;
use crate::store::IfUsed;

/// The revision that holds the write.
const REVISION: HeaderName = HeaderName::from_static("x-muxspace-revision");
/// With `?wait=applied`: the nodes that did not serve the revision in time, or `none`.
const LAGGING: HeaderName = HeaderName::from_static("x-muxspace-lagging-nodes");

/// How long `?wait=applied` waits at most.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// Nodes that the header names.
const LAGGING_NAMED_MAX: usize = 20;

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Wait {
    /// Until every connected node serves the revision, at most 10 seconds.
    Applied,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WriteParams {
    /// `applied`: answer when every connected node serves the change, at most after 10 seconds.
    #[param(inline)]
    pub(super) wait: Option<Wait>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DeleteParams {
    /// `applied`: answer when every connected node serves the change, at most after 10 seconds.
    #[param(inline)]
    pub(super) wait: Option<Wait>,
    /// Remove it also when something uses it; what does stays and is broken.
    force: Option<bool>,
}

impl DeleteParams {
    pub(super) fn if_used(&self) -> IfUsed {
        if self.force == Some(true) { IfUsed::Break } else { IfUsed::Refuse }
    }
}

/// What a write answers.
pub(super) struct Written<T> {
    pub(super) status: StatusCode,
    /// `None`: there is nothing left to show.
    pub(super) resource: Option<T>,
    pub(super) revision: u64,
    pub(super) wait: Option<Wait>,
}

impl<T: Serialize> Written<T> {
    pub(super) async fn answer(self, rest: &Rest) -> Response {
        let Self { status, resource, revision, wait } = self;
        let mut response = match resource {
            Some(resource) => (status, Json(resource)).into_response(),
            None => status.into_response(),
        };
        let headers = response.headers_mut();
        headers.insert(REVISION, HeaderValue::from(revision));
        if let Some(Wait::Applied) = wait {
            let lagging = rest.app.publisher.wait_applied(revision, WAIT_MAX).await;
            let names: Vec<&str> = lagging.iter().take(LAGGING_NAMED_MAX).map(|node| node.node.as_str()).collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(",") };
            headers.insert(LAGGING, HeaderValue::from_str(&names).unwrap_or(HeaderValue::from_static("unnamed")));
        }
        response
    }
}

//! `/nodes`

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::page::PageDoc;
use super::problem::Problem;
use super::{Rest, time};
use crate::publisher::{NodeError, NodeStatus};

#[derive(Serialize, ToSchema)]
pub(super) struct NodeDoc {
    node: String,
    /// Node id of the Envoy around it.
    envoy: String,
    envoy_version: String,
    /// Build of the filter.
    build: String,
    /// Newest revision that it serves; 0: none yet.
    revision_acked: u64,
    /// Revisions that it is behind.
    lag: u64,
    connected_at: String,
    last_error: Option<NodeErrorDoc>,
}

/// A revision that it refused.
#[derive(Serialize, ToSchema)]
struct NodeErrorDoc {
    revision: u64,
    reason: String,
}

/// Lists the connected filters.
#[utoipa::path(
    get,
    path = "/nodes",
    operation_id = "listNodes",
    tag = "nodes",
    responses((status = 200, body = PageDoc<NodeDoc>)),
)]
pub(super) async fn list(State(rest): State<Rest>) -> Result<Json<PageDoc<NodeDoc>>, Problem> {
    let published = rest.app.publisher.published_revision();
    let nodes = rest.app.publisher.nodes();
    Ok(Json(PageDoc::whole(nodes.into_iter().map(|node| write(node, published)).collect())))
}

fn write(status: NodeStatus, published: u64) -> NodeDoc {
    let NodeStatus { node, envoy, envoy_version, build, revision_acked, connected_at_ms, last_error } = status;
    NodeDoc {
        node,
        envoy,
        envoy_version,
        build,
        revision_acked,
        lag: published.saturating_sub(revision_acked),
        connected_at: time::write(i64::try_from(connected_at_ms).unwrap_or(i64::MAX)),
        last_error: last_error.map(|NodeError { revision, reason }| NodeErrorDoc { revision, reason }),
    }
}

//! `/audit`

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::extract::Params;
use super::page::{PageDoc, page};
use super::problem::Problem;
use super::{Rest, time};
use crate::domain::audit::{AuditQuery, Entry};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditParams {
    /// Items of one page, 1 to 500; 50 unless given.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// `workspace`, `session`, `provider`, …
    kind: Option<String>,
    /// Name of what changed, after the change.
    name: Option<String>,
    /// From this time or day on, UTC.
    from: Option<String>,
    /// Up to and without this time or day, UTC.
    to: Option<String>,
}

/// Who changed what.
#[derive(Serialize, ToSchema)]
pub(super) struct ChangeDoc {
    revision: u64,
    at: String,
    /// `admin`, or `system` for what the server does by itself.
    actor: String,
    /// A verb, such as `create`, `rename` or `archive`.
    action: String,
    kind: String,
    /// After the change.
    name: String,
    /// Null: it was not there. `{"omitted_bytes": n}`: too long to be kept.
    before: Option<Value>,
    /// Null: it is not there any more.
    after: Option<Value>,
}

impl From<Entry> for ChangeDoc {
    fn from(entry: Entry) -> Self {
        let Entry { revision, number: _, at_ms, actor, action, kind, name, before, after } = entry;
        Self { revision, at: time::write(at_ms), actor, action, kind, name, before, after }
    }
}

/// Lists who changed what, newest first.
#[utoipa::path(
    get,
    path = "/audit",
    operation_id = "listChanges",
    tag = "system",
    params(AuditParams),
    responses((status = 200, body = PageDoc<ChangeDoc>)),
)]
pub(super) async fn list(
    State(rest): State<Rest>,
    Params(params): Params<AuditParams>,
) -> Result<Json<PageDoc<ChangeDoc>>, Problem> {
    let AuditParams { limit, cursor, kind, name, from, to } = params;
    let read = |name: &str, text: Option<String>| {
        let time = text.as_deref().map(time::read).transpose();
        time.map_err(|error| Problem::invalid_query(format!("`{name}`: {error}")))
    };
    let name = name.map(|name| name.to_ascii_lowercase());
    let query = AuditQuery { kind, name, from_ms: read("from", from)?, to_ms: read("to", to)? };
    let listed = rest.app.store.audit(&query, &page(limit, cursor.as_deref())?).await?;
    Ok(Json(PageDoc::from_listed(listed, ChangeDoc::from)))
}

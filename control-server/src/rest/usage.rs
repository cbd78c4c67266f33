//! `/usage` and `/workspaces/{name}/usage`

use axum::Json;
use axum::extract::State;
use mux::config::Name;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::{Params, PathName};
use super::problem::Problem;
use super::{Rest, time};
use crate::domain::usage::{Group, GroupBy, GroupKey, Totals, UsageQuery, UsageReport};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct UsageParams {
    /// From this time or day on, UTC.
    from: Option<String>,
    /// Up to and without this time or day, UTC.
    to: Option<String>,
    /// Unless given: `model`.
    #[param(inline)]
    by: Option<ByParam>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ByParam {
    Model,
    Provider,
    Rule,
    Session,
    Key,
    Day,
    Hour,
}

#[derive(Serialize, ToSchema)]
pub(super) struct UsageDoc {
    items: Vec<GroupDoc>,
    total: TotalsDoc,
}

#[derive(Serialize, ToSchema)]
struct GroupDoc {
    key: KeyDoc,
    #[serde(flatten)]
    totals: TotalsDoc,
}

/// What the requests of a group have in common; null: nothing was reported.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum KeyDoc {
    Model {
        /// `provider/model-id`
        model: Option<String>,
    },
    Provider {
        provider: Option<String>,
    },
    Rule {
        workspace: Option<String>,
        rule: Option<String>,
    },
    Session {
        session: Option<String>,
    },
    Key {
        /// Of the virtual key; null: requests without one.
        id: Option<u64>,
        /// Null: it is gone.
        name: Option<String>,
    },
    Day {
        day: String,
    },
    Hour {
        hour: String,
    },
}

#[derive(Serialize, ToSchema)]
struct TotalsDoc {
    requests: i64,
    /// Answers of 400 and above, and clients that hung up before any status.
    errors: i64,
    /// All that was read, cached and cache-written tokens included.
    input_tokens: i64,
    cached_input_tokens: i64,
    cache_write_tokens: i64,
    /// All that was written, reasoning included.
    output_tokens: i64,
    reasoning_tokens: i64,
    /// Null: no cost is known.
    cost_micro_usd: Option<i64>,
    /// Requests with tokens whose price is not known.
    cost_unknown_requests: i64,
    estimated_requests: i64,
    /// Requests that kept answers served, at no cost.
    cache_hits: i64,
    /// What these would have taken.
    saved_input_tokens: i64,
    saved_output_tokens: i64,
    /// Null: nothing is known.
    saved_micro_usd: Option<i64>,
}

/// Sums over the requests of all workspaces.
#[utoipa::path(
    get,
    path = "/usage",
    operation_id = "getUsage",
    tag = "usage",
    params(UsageParams),
    responses((status = 200, body = UsageDoc)),
)]
pub(super) async fn all(
    State(rest): State<Rest>,
    Params(params): Params<UsageParams>,
) -> Result<Json<UsageDoc>, Problem> {
    report(&rest, None, &params).await
}

/// Sums over the requests of one workspace.
#[utoipa::path(
    get,
    path = "/workspaces/{name}/usage",
    operation_id = "getWorkspaceUsage",
    tag = "usage",
    params(("name" = String, Path), UsageParams),
    responses((status = 200, body = UsageDoc)),
)]
pub(super) async fn of_workspace(
    State(rest): State<Rest>,
    PathName(workspace): PathName,
    Params(params): Params<UsageParams>,
) -> Result<Json<UsageDoc>, Problem> {
    report(&rest, Some(workspace), &params).await
}

async fn report(rest: &Rest, workspace: Option<Name>, params: &UsageParams) -> Result<Json<UsageDoc>, Problem> {
    let UsageParams { from, to, by } = params;
    let by = match by.unwrap_or(ByParam::Model) {
        ByParam::Model => GroupBy::Model,
        ByParam::Provider => GroupBy::Provider,
        ByParam::Rule => GroupBy::Rule,
        ByParam::Session => GroupBy::Session,
        ByParam::Key => GroupBy::Key,
        ByParam::Day => GroupBy::Day,
        ByParam::Hour => GroupBy::Hour,
    };
    let read = |name: &str, text: &Option<String>| {
        text.as_deref()
            .map(time::read)
            .transpose()
            .map_err(|error| Problem::invalid_query(format!("`{name}`: {error}")))
    };
    let query = UsageQuery { workspace, from_ms: read("from", from)?, to_ms: read("to", to)? };
    let UsageReport { groups, total } = rest.app.store.usage(&query, by).await?;
    Ok(Json(UsageDoc { items: groups.into_iter().map(GroupDoc::from).collect(), total: total.into() }))
}

impl From<Group> for GroupDoc {
    fn from(group: Group) -> Self {
        let Group { key, totals } = group;
        Self { key: key.into(), totals: totals.into() }
    }
}

impl From<GroupKey> for KeyDoc {
    fn from(key: GroupKey) -> Self {
        let given = |text: String| if text.is_empty() { None } else { Some(text) };
        match key {
            GroupKey::Model { provider, model } => {
                Self::Model { model: given(provider).map(|provider| format!("{provider}/{model}")) }
            }
            GroupKey::Provider(provider) => Self::Provider { provider: given(provider) },
            GroupKey::Rule { workspace, rule } => Self::Rule { workspace: given(workspace), rule: given(rule) },
            GroupKey::Session(session) => Self::Session { session: given(session) },
            GroupKey::Key(None) => Self::Key { id: None, name: None },
            GroupKey::Key(Some((id, name))) => Self::Key { id: Some(id), name },
            GroupKey::Day(begin_ms) => Self::Day { day: time::write_day(begin_ms) },
            GroupKey::Hour(begin_ms) => Self::Hour { hour: time::write(begin_ms) },
        }
    }
}

impl From<Totals> for TotalsDoc {
    fn from(totals: Totals) -> Self {
        let Totals {
            requests,
            errors,
            input_tokens,
            cached_input_tokens,
            cache_write_tokens,
            output_tokens,
            reasoning_tokens,
            cost_micro_usd,
            cost_unknown_requests,
            estimated_requests,
            cache_hits,
            saved_input_tokens,
            saved_output_tokens,
            saved_micro_usd,
        } = totals;
        Self {
            requests,
            errors,
            input_tokens,
            cached_input_tokens,
            cache_write_tokens,
            output_tokens,
            reasoning_tokens,
            cost_micro_usd,
            cost_unknown_requests,
            estimated_requests,
            cache_hits,
            saved_input_tokens,
            saved_output_tokens,
            saved_micro_usd,
        }
    }
}

//! Sums over stored requests.

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Row};

use super::error::StoreError;
use super::{Store, keys, workspaces};
use crate::domain::usage::{GROUPS_MAX, Group, GroupBy, GroupKey, Totals, UsageQuery, UsageReport};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Sums as BIGINT, because PostgreSQL sums a BIGINT into a NUMERIC.
const SUMS: &str = "CAST(SUM(requests) AS BIGINT) AS requests, CAST(SUM(errors) AS BIGINT) AS errors, \
     CAST(SUM(estimated) AS BIGINT) AS estimated, CAST(SUM(cost_unknown) AS BIGINT) AS cost_unknown, \
     CAST(SUM(input_tokens) AS BIGINT) AS input_tokens, CAST(SUM(cached_input_tokens) AS BIGINT) AS cached_input_tokens, \
     CAST(SUM(cache_write_tokens) AS BIGINT) AS cache_write_tokens, CAST(SUM(output_tokens) AS BIGINT) AS output_tokens, \
     CAST(SUM(reasoning_tokens) AS BIGINT) AS reasoning_tokens, CAST(SUM(cost_micro_usd) AS BIGINT) AS cost_micro_usd, \
     CAST(SUM(cache_hits) AS BIGINT) AS cache_hits, CAST(SUM(saved_input_tokens) AS BIGINT) AS saved_input_tokens, \
     CAST(SUM(saved_output_tokens) AS BIGINT) AS saved_output_tokens, \
     CAST(SUM(saved_micro_usd) AS BIGINT) AS saved_micro_usd";

/// Where the two texts of a group's key come from: for what belongs to the request, and for what belongs to a try.
struct KeyColumns {
    request: [&'static str; 2],
    attempt: [&'static str; 2],
}

impl Store {
    /// A request counts once, for the model of its last try or the one that a kept answer saved; tokens and cost count
    /// for the model of each try.
    pub async fn usage(&self, query: &UsageQuery, by: GroupBy) -> Result<UsageReport, StoreError> {
        let mut transaction = self.read().await?;
        let workspace_id = match &query.workspace {
            Some(name) => Some(workspaces::id(&mut transaction, name).await?),
            None => None,
        };
        let grouped = format!(
            "SELECT key_1, key_2, {SUMS} FROM ({}) AS counted GROUP BY key_1, key_2 \
             ORDER BY requests DESC, key_1, key_2 LIMIT {GROUPS_MAX}",
            counted(by, query)
        );
        let rows = bind(&grouped, query, workspace_id).fetch_all(&mut *transaction).await?;
        let mut groups = rows.iter().map(|row| group(row, by)).collect::<Result<Vec<_>, _>>()?;
        if matches!(by, GroupBy::Day | GroupBy::Hour) {
            groups.sort_by_key(|group| match group.key {
                GroupKey::Day(begin_ms) | GroupKey::Hour(begin_ms) => begin_ms,
                _ => 0,
            });
        }
        name_keys(&mut transaction, &mut groups).await?;
        let summed = format!("SELECT {SUMS} FROM ({}) AS counted", counted(by, query));
        let total = totals(&bind(&summed, query, workspace_id).fetch_one(&mut *transaction).await?)?;
        Ok(UsageReport { groups, total })
    }
}

/// Requests and their tries below each other, each with what it adds to the sums.
fn counted(by: GroupBy, query: &UsageQuery) -> String {
    let KeyColumns { request, attempt } = key_columns(by);
    let ([request_1, request_2], [attempt_1, attempt_2]) = (request, attempt);
    let condition = condition(query);
    format!(
        "SELECT {request_1} AS key_1, {request_2} AS key_2, 1 AS requests, \
         CASE WHEN r.status = 0 OR r.status >= 400 THEN 1 ELSE 0 END AS errors, r.estimated, r.cost_unknown, \
         0 AS input_tokens, 0 AS cached_input_tokens, 0 AS cache_write_tokens, 0 AS output_tokens, \
         0 AS reasoning_tokens, CASE WHEN r.cache = 'hit' THEN 0 ELSE CAST(NULL AS BIGINT) END AS cost_micro_usd, \
         CASE WHEN r.cache = 'hit' THEN 1 ELSE 0 END AS cache_hits, r.saved_input_tokens, r.saved_output_tokens, \
         r.saved_micro_usd FROM requests r WHERE {condition} \
         UNION ALL SELECT {attempt_1}, {attempt_2}, 0, 0, 0, 0, a.input_tokens, a.cached_input_tokens, \
         a.cache_write_tokens, a.output_tokens, a.reasoning_tokens, a.cost_micro_usd, \
         0, CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT) \
         FROM attempts a JOIN requests r ON r.request_id = a.request_id WHERE {condition}"
    )
}

fn key_columns(by: GroupBy) -> KeyColumns {
    let same = |columns| KeyColumns { request: columns, attempt: columns };
    match by {
        GroupBy::Model => KeyColumns { request: ["r.provider", "r.model"], attempt: ["a.provider", "a.model"] },
        GroupBy::Provider => KeyColumns { request: ["r.provider", "''"], attempt: ["a.provider", "''"] },
        GroupBy::Rule => same(["r.workspace", "r.rule"]),
        GroupBy::Session => same(["r.session", "''"]),
        GroupBy::Key => same(["CAST(r.key_id AS TEXT)", "''"]),
        GroupBy::Day => same(["CAST(r.started_at / 86400000 AS TEXT)", "''"]),
        GroupBy::Hour => same(["CAST(r.started_at / 3600000 AS TEXT)", "''"]),
    }
}

/// Always the same three parameters, so that both halves of the union can name them.
fn condition(query: &UsageQuery) -> &'static str {
    match query.workspace {
        Some(_) => "r.workspace_id = $1 AND r.started_at >= $2 AND r.started_at < $3",
        None => "$1 = 0 AND r.started_at >= $2 AND r.started_at < $3",
    }
}

fn bind<'q>(sql: &str, query: &UsageQuery, workspace_id: Option<i64>) -> Query<'q, Any, AnyArguments> {
    let UsageQuery { workspace: _, from_ms, to_ms } = query;
    sqlx::query(AssertSqlSafe(sql.to_owned()))
        .bind(workspace_id.unwrap_or(0))
        .bind(from_ms.unwrap_or(i64::MIN))
        .bind(to_ms.unwrap_or(i64::MAX))
}

fn group(row: &AnyRow, by: GroupBy) -> Result<Group, StoreError> {
    let (key_1, key_2): (String, String) = (row.try_get("key_1")?, row.try_get("key_2")?);
    let begin_ms = |unit_ms: i64| {
        let units: i64 = key_1.parse().map_err(|_| StoreError::Corrupt(format!("time `{key_1}`")))?;
        Ok::<_, StoreError>(units.saturating_mul(unit_ms))
    };
    let key = match by {
        GroupBy::Model => GroupKey::Model { provider: key_1, model: key_2 },
        GroupBy::Provider => GroupKey::Provider(key_1),
        GroupBy::Rule => GroupKey::Rule { workspace: key_1, rule: key_2 },
        GroupBy::Session => GroupKey::Session(key_1),
        GroupBy::Key => {
            let id: u64 = key_1.parse().map_err(|_| StoreError::Corrupt(format!("id of a key `{key_1}`")))?;
            GroupKey::Key((id != 0).then_some((id, None)))
        }
        GroupBy::Day => GroupKey::Day(begin_ms(DAY_MS)?),
        GroupBy::Hour => GroupKey::Hour(begin_ms(HOUR_MS)?),
    };
    Ok(Group { key, totals: totals(row)? })
}

/// Requests keep only the ids of their keys.
async fn name_keys(connection: &mut AnyConnection, groups: &mut [Group]) -> Result<(), StoreError> {
    let ids = groups.iter().filter_map(|group| match group.key {
        GroupKey::Key(Some((id, _))) => Some(id.cast_signed()),
        _ => None,
    });
    let mut names = keys::names(connection, &ids.collect::<Vec<_>>()).await?;
    for group in groups {
        if let GroupKey::Key(Some((id, name))) = &mut group.key {
            *name = names.remove(&id.cast_signed());
        }
    }
    Ok(())
}

fn totals(row: &AnyRow) -> Result<Totals, StoreError> {
    // A sum over nothing is null.
    let sum = |column| Ok::<_, StoreError>(row.try_get::<Option<i64>, _>(column)?);
    let count = |column| Ok::<_, StoreError>(sum(column)?.unwrap_or(0));
    Ok(Totals {
        requests: count("requests")?,
        errors: count("errors")?,
        input_tokens: count("input_tokens")?,
        cached_input_tokens: count("cached_input_tokens")?,
        cache_write_tokens: count("cache_write_tokens")?,
        output_tokens: count("output_tokens")?,
        reasoning_tokens: count("reasoning_tokens")?,
        cost_micro_usd: sum("cost_micro_usd")?,
        cost_unknown_requests: count("cost_unknown")?,
        estimated_requests: count("estimated")?,
        cache_hits: count("cache_hits")?,
        saved_input_tokens: count("saved_input_tokens")?,
        saved_output_tokens: count("saved_output_tokens")?,
        saved_micro_usd: sum("saved_micro_usd")?,
    })
}

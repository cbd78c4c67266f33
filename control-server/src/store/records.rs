//! Takes in what nodes report: once, however often it is reported.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Row};

use super::catalog::{self, Prices};
use super::error::StoreError;
use super::write::now_ms;
use super::{Store, keys};
use crate::domain::event::Event;
use crate::domain::record::{AttemptRecord, RequestRecord, TokenUsage};

/// Rows per statement, far below what databases allow in parameters.
const ROWS_MAX: usize = 50;

/// `last_seen` of a session moves at most this often.
const SEEN_EVERY_MS: i64 = 60_000;

const REQUEST_COLUMNS: usize = 24;
const INSERT_REQUESTS: &str = "INSERT INTO requests (request_id, started_at, duration_ms, revision, workspace_id, \
     workspace, session, rule, dialect, requested_model, stream, request_bytes, status, outcome, provider, model, \
     estimated, cost_unknown, key_id, deployment, cache, saved_input_tokens, saved_output_tokens, saved_micro_usd) VALUES ";
/// The parameter of a request that finds its workspace's id by name, and the one before that says when the name held.
const WORKSPACE_ID: usize = 4;
const REVISION: usize = 3;

const ATTEMPT_COLUMNS: usize = 15;
const INSERT_ATTEMPTS: &str = "INSERT INTO attempts (request_id, number, provider, model, status, duration_ms, \
     first_byte_ms, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, estimated, \
     cost_micro_usd, raw_usage) VALUES ";

type AnyQuery<'q> = Query<'q, Any, AnyArguments>;

/// A try with what it cost.
struct Priced<'r> {
    request_id: &'r str,
    attempt: &'r AttemptRecord,
    cost_micro_usd: Option<i64>,
}

impl Store {
    /// Stores records in one transaction; one whose id is known already is left as it is.
    pub async fn record_requests(&self, records: Vec<RequestRecord>) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        let mut transaction = self.read().await?;
        let prices = catalog::prices(&mut transaction, &records).await?;
        transaction.commit().await?;
        let mut quiet = self.write_quietly().await?;
        let mut inserted = BTreeSet::new();
        for chunk in records.chunks(ROWS_MAX) {
            let new = insert_requests(quiet.connection(), chunk, &prices).await?;
            let attempts: Vec<Priced<'_>> = chunk
                .iter()
                .filter(|record| new.contains(&record.request_id))
                .flat_map(|record| record.attempts.iter().map(|attempt| priced(&record.request_id, attempt, &prices)))
                .collect();
            for chunk in attempts.chunks(ROWS_MAX) {
                insert_attempts(quiet.connection(), chunk).await?;
            }
            inserted.extend(new);
        }
        see_sessions(quiet.connection(), &records).await?;
        keys::note_use(quiet.connection(), last_uses(&records)).await?;
        quiet.commit().await?;
        let counters = &self.shared.counters;
        counters.inserted.fetch_add(inserted.len() as u64, Ordering::Relaxed);
        counters.duplicates.fetch_add((records.len() - inserted.len()) as u64, Ordering::Relaxed);
        for record in &records {
            // The first of two with the same id is the one that was stored.
            if inserted.remove(&record.request_id) {
                self.shared.tell(Event::Request(Arc::new(record.into())));
            }
        }
        Ok(())
    }
}

fn priced<'r>(request_id: &'r str, attempt: &'r AttemptRecord, prices: &Prices<'_>) -> Priced<'r> {
    let price = prices.get(&attempt.provider, &attempt.model);
    let cost_micro_usd = price.zip(attempt.usage.as_ref()).map(|(price, usage)| price.cost_micro_usd(usage));
    Priced { request_id, attempt, cost_micro_usd }
}

/// Inserts requests and returns the ids of those that are new.
async fn insert_requests(
    connection: &mut AnyConnection,
    records: &[RequestRecord],
    prices: &Prices<'_>,
) -> Result<BTreeSet<String>, StoreError> {
    let tuple = |first: usize| {
        parameters(first, REQUEST_COLUMNS, |column, parameter| match column {
            WORKSPACE_ID => format!(
                "COALESCE((SELECT workspace_id FROM former_names WHERE name = {parameter} AND revision > ${} \
                 ORDER BY revision LIMIT 1), (SELECT id FROM workspaces WHERE name = {parameter}))",
                first + REVISION
            ),
            _ => parameter,
        })
    };
    let sql = insert(INSERT_REQUESTS, records.len(), REQUEST_COLUMNS, tuple) + " RETURNING request_id";
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for record in records {
        query = bind_request(query, record, prices);
    }
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(|row| Ok(row.try_get("request_id")?)).collect()
}

fn bind_request<'q>(query: AnyQuery<'q>, record: &RequestRecord, prices: &Prices<'_>) -> AnyQuery<'q> {
    let RequestRecord {
        request_id,
        started_at_ms,
        duration_ms,
        revision,
        workspace,
        session,
        rule,
        request,
        requested_model,
        stream,
        request_bytes,
        status,
        outcome,
        attempts,
        key,
        deployment,
        cache,
        saved,
    } = record;
    let answered_by = record.answered_by();
    let saved = saved.as_ref().map(|attempt| priced(request_id, attempt, prices));
    let saved_usage = saved.as_ref().and_then(|saved| saved.attempt.usage.as_ref());
    let estimated = attempts.iter().any(|attempt| attempt.usage.as_ref().is_some_and(|usage| usage.estimated));
    let cost_unknown = attempts
        .iter()
        .any(|attempt| attempt.usage.is_some() && priced(request_id, attempt, prices).cost_micro_usd.is_none());
    query
        .bind(request_id.clone())
        .bind(int(*started_at_ms))
        .bind(i64::from(*duration_ms))
        .bind(int(*revision))
        .bind(workspace.clone())
        .bind(workspace.clone())
        .bind(session.clone())
        .bind(rule.clone())
        .bind(request.clone())
        .bind(requested_model.clone())
        .bind(i64::from(*stream))
        .bind(int(*request_bytes))
        .bind(i64::from(*status))
        .bind(outcome.clone())
        .bind(answered_by.map(|attempt| attempt.provider.clone()).unwrap_or_default())
        .bind(answered_by.map(|attempt| attempt.model.clone()).unwrap_or_default())
        .bind(i64::from(estimated))
        .bind(i64::from(cost_unknown))
        .bind(int(*key))
        .bind(deployment.clone())
        .bind(cache.clone())
        .bind(saved_usage.map(|usage| int(usage.input_tokens)))
        .bind(saved_usage.map(|usage| int(usage.output_tokens)))
        .bind(saved.as_ref().and_then(|saved| saved.cost_micro_usd))
}

async fn insert_attempts(connection: &mut AnyConnection, attempts: &[Priced<'_>]) -> Result<(), StoreError> {
    let tuple = |first: usize| parameters(first, ATTEMPT_COLUMNS, |_, parameter| parameter);
    let mut query = sqlx::query(AssertSqlSafe(insert(INSERT_ATTEMPTS, attempts.len(), ATTEMPT_COLUMNS, tuple)));
    for attempt in attempts {
        query = bind_attempt(query, attempt);
    }
    query.execute(connection).await?;
    Ok(())
}

fn bind_attempt<'q>(query: AnyQuery<'q>, priced: &Priced<'_>) -> AnyQuery<'q> {
    let Priced { request_id, attempt, cost_micro_usd } = priced;
    let AttemptRecord { number, provider, model, status, duration_ms, first_byte_ms, usage } = attempt;
    let tokens = |read: fn(&TokenUsage) -> u64| usage.as_ref().map(|usage| int(read(usage)));
    query
        .bind((*request_id).to_owned())
        .bind(i64::from(*number))
        .bind(provider.clone())
        .bind(model.clone())
        .bind(i64::from(*status))
        .bind(i64::from(*duration_ms))
        .bind(i64::from(*first_byte_ms))
        .bind(tokens(|usage| usage.input_tokens))
        .bind(tokens(|usage| usage.cached_input_tokens))
        .bind(tokens(|usage| usage.cache_write_tokens))
        .bind(tokens(|usage| usage.output_tokens))
        .bind(tokens(|usage| usage.reasoning_tokens))
        .bind(i64::from(usage.as_ref().is_some_and(|usage| usage.estimated)))
        .bind(*cost_micro_usd)
        .bind(usage.as_ref().map(|usage| usage.raw.clone()))
}

/// Notes that sessions were seen, unless that was noted less than [`SEEN_EVERY_MS`] ago.
async fn see_sessions(connection: &mut AnyConnection, records: &[RequestRecord]) -> Result<(), StoreError> {
    let seen: BTreeSet<&str> =
        records.iter().map(|record| record.session.as_str()).filter(|session| !session.is_empty()).collect();
    let now_ms = now_ms();
    for session in seen {
        sqlx::query(
            "UPDATE sessions SET last_seen_at = $1 WHERE id = $2 AND (last_seen_at IS NULL OR last_seen_at <= $3)",
        )
        .bind(now_ms)
        .bind(session.to_owned())
        .bind(now_ms - SEEN_EVERY_MS)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// When the last request with each key began.
fn last_uses(records: &[RequestRecord]) -> BTreeMap<i64, i64> {
    let mut uses = BTreeMap::new();
    for record in records.iter().filter(|record| record.key != 0) {
        let last = uses.entry(int(record.key)).or_default();
        *last = int(record.started_at_ms).max(*last);
    }
    uses
}

/// `head ($1,$2),($3,$4) ON CONFLICT DO NOTHING`
fn insert(head: &str, rows: usize, columns: usize, tuple: impl Fn(usize) -> String) -> String {
    let tuples: Vec<String> = (0..rows).map(|row| tuple(row * columns + 1)).collect();
    format!("{head}{} ON CONFLICT DO NOTHING", tuples.join(","))
}

fn parameters(first: usize, columns: usize, write: impl Fn(usize, String) -> String) -> String {
    let parameters: Vec<String> = (0..columns).map(|column| write(column, format!("${}", first + column))).collect();
    format!("({})", parameters.join(","))
}

/// Counts beyond what the database can hold are kept as the most that it can.
fn int(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

//! What is known about each rule of a workspace.

use mux::config::Name;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::error::StoreError;
use super::write::now_ms;
use super::{Store, rules, workspaces};
use crate::domain::lint::{RuleFacts, Seen, TargetState, UNMATCHED_DAYS};

const DAY_MS: i64 = 24 * 3_600_000;
/// As the query names them.
const FOUND: &str = "found";
const NO_PROVIDER: &str = "no_provider";
const NO_MODEL: &str = "no_model";
const NO_NAME: &str = "no_name";

impl Store {
    pub async fn rule_facts(&self, workspace: &Name) -> Result<Vec<RuleFacts>, StoreError> {
        let mut transaction = self.read().await?;
        let id = workspaces::id(&mut transaction, workspace).await?;
        facts(&mut transaction, id).await
    }
}

pub(super) async fn facts(connection: &mut AnyConnection, workspace_id: i64) -> Result<Vec<RuleFacts>, StoreError> {
    let since_ms = now_ms() - UNMATCHED_DAYS * DAY_MS;
    let row = sqlx::query(
        "SELECT w.created_at, (SELECT COUNT(*) FROM (SELECT 1 FROM requests q WHERE q.workspace_id = w.id \
         AND q.started_at >= $2 LIMIT 1) AS one) AS used FROM workspaces w WHERE w.id = $1",
    )
    .bind(workspace_id)
    .bind(since_ms)
    .fetch_one(&mut *connection)
    .await?;
    let tells = row.try_get::<i64, _>("created_at")? < since_ms && row.try_get::<i64, _>("used")? > 0;
    let sql = AssertSqlSafe(format!(
        "SELECT r.name, r.conditions, r.turns, r.instructions, r.target_provider, r.target_model, r.target_name, \
         CASE WHEN r.target_name IS NOT NULL AND NOT {} THEN 'no_name' \
         WHEN r.target_provider IS NULL THEN 'found' WHEN p.id IS NULL THEN 'no_provider' \
         WHEN EXISTS (SELECT 1 FROM models m WHERE m.provider_id = p.id AND m.id = r.target_model AND m.missing = 0) \
         THEN 'found' \
         WHEN EXISTS (SELECT 1 FROM models m WHERE m.provider_id = p.id AND m.missing = 0) THEN 'no_model' \
         ELSE 'found' END AS target_state, \
         (SELECT COUNT(*) FROM (SELECT 1 FROM requests q WHERE q.workspace_id = r.workspace_id AND q.rule = r.name \
         AND q.started_at >= $2 LIMIT 1) AS one) AS matched \
         FROM rules r LEFT JOIN providers p ON p.name = r.target_provider WHERE r.workspace_id = $1 \
         ORDER BY r.position",
        rules::IS_WHOLE
    ));
    let rows = sqlx::query(sql).bind(workspace_id).bind(since_ms).fetch_all(connection).await?;
    rows.iter().map(|row| rule_facts(row, tells)).collect()
}

fn rule_facts(row: &AnyRow, tells: bool) -> Result<RuleFacts, StoreError> {
    let target: String = row.try_get("target_state")?;
    let target = match target.as_str() {
        FOUND => TargetState::Found,
        NO_PROVIDER => TargetState::NoProvider,
        NO_MODEL => TargetState::NoModel,
        NO_NAME => TargetState::NoName,
        _ => return Err(StoreError::Corrupt(format!("target state `{target}`"))),
    };
    let seen = match (row.try_get::<i64, _>("matched")?, tells) {
        (0, true) => Seen::NeverMatched,
        (0, false) => Seen::Unknown,
        _ => Seen::Matched,
    };
    Ok(RuleFacts { rule: rules::rule(row)?, target, seen })
}

//! The log of who changed what.

use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::error::StoreError;
use super::{AUDIT_KEPT, Listed, Page, Store};
use crate::domain::audit::{AuditQuery, Entry};

impl Store {
    /// Who changed what, newest first.
    pub async fn audit(&self, query: &AuditQuery, page: &Page) -> Result<Listed<Entry>, StoreError> {
        let AuditQuery { kind, name, from_ms, to_ms } = query;
        let (revision, number) = position(page);
        let rows = sqlx::query(
            "SELECT revision, number, changed_at, actor, action, kind, name, before, after FROM audit \
             WHERE (revision < $1 OR (revision = $1 AND number < $2)) AND ($3 = '' OR kind = $3) \
             AND ($4 = '' OR name = $4) AND changed_at >= $5 AND changed_at < $6 \
             ORDER BY revision DESC, number DESC LIMIT $7",
        )
        .bind(revision)
        .bind(number)
        .bind(kind.clone().unwrap_or_default())
        .bind(name.clone().unwrap_or_default())
        .bind(from_ms.unwrap_or(i64::MIN))
        .bind(to_ms.unwrap_or(i64::MAX))
        .bind(page.rows())
        .fetch_all(self.pool())
        .await?;
        let items = rows.iter().map(entry).collect::<Result<_, _>>()?;
        Ok(Listed::cut(items, page, |entry: &Entry| format!("{}.{}", entry.revision, entry.number)))
    }
}

/// The last entry of the page before; without one, what is newer than all.
fn position(page: &Page) -> (i64, i64) {
    let after = page.after().split_once('.');
    let position = after.and_then(|(revision, number)| Some((revision.parse().ok()?, number.parse().ok()?)));
    position.unwrap_or((i64::MAX, 0))
}

fn entry(row: &AnyRow) -> Result<Entry, StoreError> {
    let shown = |column| -> Result<Option<Value>, StoreError> {
        let text: Option<String> = row.try_get(column)?;
        let read = text.map(|text| serde_json::from_str(&text)).transpose();
        read.map_err(|error| StoreError::Corrupt(format!("`{column}` of a change: {error}")))
    };
    Ok(Entry {
        revision: row.try_get::<i64, _>("revision")?.unsigned_abs(),
        number: row.try_get::<i64, _>("number")?.unsigned_abs(),
        at_ms: row.try_get("changed_at")?,
        actor: row.try_get("actor")?,
        action: row.try_get("action")?,
        kind: row.try_get("kind")?,
        name: row.try_get("name")?,
        before: shown("before")?,
        after: shown("after")?,
    })
}

pub(super) async fn insert(connection: &mut AnyConnection, entries: &[Entry]) -> Result<(), StoreError> {
    for Entry { revision, number, at_ms, actor, action, kind, name, before, after } in entries {
        sqlx::query(
            "INSERT INTO audit (revision, number, changed_at, actor, action, kind, name, before, after) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(revision.cast_signed())
        .bind(number.cast_signed())
        .bind(*at_ms)
        .bind(actor.as_str())
        .bind(action.as_str())
        .bind(kind.as_str())
        .bind(name.as_str())
        .bind(before.as_ref().map(ToString::to_string))
        .bind(after.as_ref().map(ToString::to_string))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Keeps the newest [`AUDIT_KEPT`] entries, in whole revisions.
pub(super) async fn cut(connection: &mut AnyConnection) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM audit WHERE revision <= \
         (SELECT revision FROM audit ORDER BY revision DESC, number DESC LIMIT 1 OFFSET $1)",
    )
    .bind(AUDIT_KEPT)
    .execute(connection)
    .await?;
    Ok(())
}

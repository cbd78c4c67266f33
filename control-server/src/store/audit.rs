//! The log of who changed what.

use sqlx::AnyConnection;

use super::error::StoreError;
use crate::domain::audit::{Actor, Change};

pub(super) async fn insert(
    connection: &mut AnyConnection,
    revision: i64,
    now_ms: i64,
    actor: Actor,
    changes: &[Change],
) -> Result<(), StoreError> {
    for (number, Change { action, kind, name, before, after }) in (1_i64..).zip(changes) {
        sqlx::query(
            "INSERT INTO audit (revision, number, changed_at, actor, action, kind, name, before, after) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(revision)
        .bind(number)
        .bind(now_ms)
        .bind(actor.as_str())
        .bind(*action)
        .bind(*kind)
        .bind(name.as_str())
        .bind(before.as_ref().map(ToString::to_string))
        .bind(after.as_ref().map(ToString::to_string))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

//! The models that providers list, and whether they answered when they were asked.

use std::collections::BTreeSet;

use mux::config::Name;
use sqlx::{AnyConnection, Row};

use super::error::StoreError;
use super::providers::missing;
use super::write::now_ms;
use super::{Listed, Page, Store};
use crate::domain::model::{ListedModel, MODELS_MAX};

/// Bytes of a reason that are kept.
const REASON_BYTES_MAX: usize = 500;

impl Store {
    /// Keeps what a provider answered when it was asked for its models: their ids, or why there are none. One that is
    /// not listed any more and still used by a rule stays, marked missing. It is no change for nodes.
    pub async fn record_models(&self, name: &Name, answer: Result<Vec<String>, String>) -> Result<(), StoreError> {
        let mut quiet = self.write_quietly().await?;
        let reason = answer.as_ref().err().map(|reason| clip(reason));
        let asked = sqlx::query("UPDATE providers SET checked_at = $1, check_error = $2 WHERE name = $3 RETURNING id")
            .bind(now_ms())
            .bind(reason)
            .bind(name.as_str())
            .fetch_optional(quiet.connection())
            .await?
            .ok_or_else(|| missing(name))?;
        if let Ok(listed) = answer {
            replace(quiet.connection(), asked.try_get("id")?, name, &listed).await?;
        }
        quiet.commit().await
    }

    pub async fn models(&self, provider: &Name, page: &Page) -> Result<Listed<ListedModel>, StoreError> {
        let mut transaction = self.read().await?;
        let row = sqlx::query("SELECT id FROM providers WHERE name = $1")
            .bind(provider.as_str())
            .fetch_optional(&mut *transaction)
            .await?
            .ok_or_else(|| missing(provider))?;
        let rows =
            sqlx::query("SELECT id, missing FROM models WHERE provider_id = $1 AND id > $2 ORDER BY id LIMIT $3")
                .bind(row.try_get::<i64, _>("id")?)
                .bind(page.after().to_owned())
                .bind(page.rows())
                .fetch_all(&mut *transaction)
                .await?;
        let items = rows
            .iter()
            .map(|row| {
                let missing = row.try_get::<i64, _>("missing")? != 0;
                Ok(ListedModel { provider: provider.clone(), id: row.try_get("id")?, missing })
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(Listed::cut(items, page, |model: &ListedModel| model.id.clone()))
    }
}

async fn replace(
    connection: &mut AnyConnection,
    provider_id: i64,
    name: &Name,
    listed: &[String],
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM models WHERE provider_id = $1 AND id NOT IN \
         (SELECT target_model FROM rules WHERE target_provider = $2 AND target_model IS NOT NULL)",
    )
    .bind(provider_id)
    .bind(name.as_str())
    .execute(&mut *connection)
    .await?;
    sqlx::query("UPDATE models SET missing = 1 WHERE provider_id = $1")
        .bind(provider_id)
        .execute(&mut *connection)
        .await?;
    insert(connection, provider_id, listed).await
}

pub(super) async fn insert(
    connection: &mut AnyConnection,
    provider_id: i64,
    listed: &[String],
) -> Result<(), StoreError> {
    let ids: BTreeSet<&String> = listed.iter().take(MODELS_MAX).collect();
    for id in ids {
        sqlx::query(
            "INSERT INTO models (provider_id, id, missing) VALUES ($1, $2, 0) \
             ON CONFLICT (provider_id, id) DO UPDATE SET missing = 0",
        )
        .bind(provider_id)
        .bind(id.as_str())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

fn clip(text: &str) -> String {
    text.get(..text.floor_char_boundary(REASON_BYTES_MAX)).unwrap_or_default().to_owned()
}

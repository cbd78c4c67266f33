//! What providers answer when they are asked for their models.

use std::collections::BTreeMap;

use mux::config::Name;
use sqlx::{AnyConnection, Row};

use super::Store;
use super::error::StoreError;
use super::providers::missing;
use super::write::now_ms;
use crate::domain::model::{Facts, MODELS_MAX, OfferedModel};

/// Bytes of a reason that are kept.
const REASON_BYTES_MAX: usize = 500;

impl Store {
    /// Keeps what a provider answered when it was asked for its models, or why there are none. One that is not listed
    /// any more and still used by a rule or a workspace stays, marked missing. It is no change for nodes.
    pub async fn record_models(
        &self,
        name: &Name,
        answer: Result<Vec<OfferedModel>, String>,
    ) -> Result<(), StoreError> {
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
            replace(quiet.connection(), asked.try_get("id")?, name, listed).await?;
        }
        quiet.commit().await
    }
}

async fn replace(
    connection: &mut AnyConnection,
    provider_id: i64,
    name: &Name,
    listed: Vec<OfferedModel>,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM models WHERE provider_id = $1 AND id NOT IN \
         (SELECT target_model FROM rules WHERE target_provider = $2 AND target_model IS NOT NULL \
         UNION SELECT model FROM workspace_models WHERE provider = $2)",
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
    listed: impl IntoIterator<Item = OfferedModel>,
) -> Result<(), StoreError> {
    let now_ms = now_ms();
    let by_id: BTreeMap<String, Facts> =
        listed.into_iter().take(MODELS_MAX).map(|OfferedModel { id, said }| (id, said)).collect();
    for (id, said) in by_id {
        let said = serde_json::to_string(&said).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        sqlx::query(
            "INSERT INTO models (provider_id, id, missing, listed_at, said) VALUES ($1, $2, 0, $3, $4) \
             ON CONFLICT (provider_id, id) DO UPDATE SET missing = 0, listed_at = $3, said = $4",
        )
        .bind(provider_id)
        .bind(id)
        .bind(now_ms)
        .bind(said)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

fn clip(text: &str) -> String {
    text.get(..text.floor_char_boundary(REASON_BYTES_MAX)).unwrap_or_default().to_owned()
}

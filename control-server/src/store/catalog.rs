//! The catalog: the models of all providers, what is known about them, and what people know better.

use std::collections::{BTreeSet, HashMap};

use mux::config::Name;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::changes::read_name;
use super::error::{Kind, StoreError};
use super::providers::missing;
use super::{Listed, Page, Store};
use crate::domain::audit::Change;
use crate::domain::model::{Facts, ListedModel, MODELS_MAX, Overrides, OverridesPatch};
use crate::domain::price::Price;
use crate::domain::provider::Kind as ProviderKind;
use crate::domain::record::RequestRecord;

const COLUMNS: &str = "SELECT p.name AS provider, p.kind, m.provider_id, m.id, m.missing, m.listed_at, m.said, \
     o.overrides FROM models m JOIN providers p ON p.id = m.provider_id \
     LEFT JOIN model_overrides o ON o.provider_id = m.provider_id AND o.model_id = m.id";

/// What models cost at the moment, by provider and id.
pub(super) struct Prices<'r>(HashMap<(&'r str, &'r str), Price>);

impl Prices<'_> {
    pub(super) fn get(&self, provider: &str, model: &str) -> Option<Price> {
        self.0.get(&(provider, model)).copied()
    }
}

/// A model with the id of its provider's row.
struct Found {
    provider_id: i64,
    kind: ProviderKind,
    said: Facts,
    model: ListedModel,
}

impl Store {
    /// The models of one provider, or of all, ordered by provider and id.
    pub async fn models(&self, provider: Option<&Name>, page: &Page) -> Result<Listed<ListedModel>, StoreError> {
        let mut transaction = self.read().await?;
        if let Some(provider) = provider {
            let known = sqlx::query("SELECT id FROM providers WHERE name = $1").bind(provider.as_str());
            known.fetch_optional(&mut *transaction).await?.ok_or_else(|| missing(provider))?;
        }
        let (after_provider, after_id) = page.after().split_once('/').unwrap_or_default();
        let (condition, from) = match provider {
            Some(provider) => ("p.name = $1 AND m.id > $2", provider.as_str()),
            None => ("p.name > $1 OR (p.name = $1 AND m.id > $2)", after_provider),
        };
        let sql = AssertSqlSafe(format!("{COLUMNS} WHERE {condition} ORDER BY p.name, m.id LIMIT $3"));
        let rows = sqlx::query(sql)
            .bind(from.to_owned())
            .bind(after_id.to_owned())
            .bind(page.rows())
            .fetch_all(&mut *transaction)
            .await?;
        let items = rows.iter().map(|row| Ok(found(row)?.model)).collect::<Result<_, StoreError>>()?;
        Ok(Listed::cut(items, page, ListedModel::name))
    }

    pub async fn model(&self, provider: &Name, id: &str) -> Result<ListedModel, StoreError> {
        let mut connection = self.pool().acquire().await?;
        Ok(find(&mut connection, provider, id).await?.model)
    }

    /// Changes what a person knows better about a model. Requests from then on are charged by it; no node needs it.
    pub async fn override_model(
        &self,
        provider: &Name,
        id: &str,
        patch: &OverridesPatch,
    ) -> Result<(ListedModel, u64), StoreError> {
        let mut write = self.write().await?;
        let Found { provider_id, kind, said, model: before } = find(write.connection(), provider, id).await?;
        let overrides = before.overrides.patched(patch);
        if overrides == before.overrides {
            return Ok((before, write.commit().await?));
        }
        let facts = Facts::of(kind, id, &overrides, &said);
        let after = ListedModel { facts, overrides, ..before.clone() };
        replace_overrides(write.connection(), provider_id, &after).await?;
        write.note(Change {
            action: "update",
            kind: Kind::Model.as_str(),
            name: after.name(),
            before: Some(before.audit_value()),
            after: Some(after.audit_value()),
        });
        Ok((after, write.commit().await?))
    }
}

async fn replace_overrides(
    connection: &mut AnyConnection,
    provider_id: i64,
    model: &ListedModel,
) -> Result<(), StoreError> {
    let ListedModel { id, overrides, .. } = model;
    sqlx::query("DELETE FROM model_overrides WHERE provider_id = $1 AND model_id = $2")
        .bind(provider_id)
        .bind(id.as_str())
        .execute(&mut *connection)
        .await?;
    if *overrides == Overrides::default() {
        return Ok(());
    }
    let row = sqlx::query("SELECT COUNT(*) AS count FROM model_overrides WHERE provider_id = $1")
        .bind(provider_id)
        .fetch_one(&mut *connection)
        .await?;
    StoreError::check_room(Kind::Model, row.try_get("count")?, MODELS_MAX)?;
    let overrides = serde_json::to_string(overrides).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    sqlx::query("INSERT INTO model_overrides (provider_id, model_id, overrides) VALUES ($1, $2, $3)")
        .bind(provider_id)
        .bind(id.as_str())
        .bind(overrides)
        .execute(connection)
        .await?;
    Ok(())
}

async fn find(connection: &mut AnyConnection, provider: &Name, id: &str) -> Result<Found, StoreError> {
    let sql = AssertSqlSafe(format!("{COLUMNS} WHERE p.name = $1 AND m.id = $2"));
    let row = sqlx::query(sql).bind(provider.as_str()).bind(id.to_owned()).fetch_optional(connection).await?;
    let missing = || StoreError::NotFound { kind: Kind::Model, name: format!("{provider}/{id}") };
    found(&row.ok_or_else(missing)?)
}

fn found(row: &AnyRow) -> Result<Found, StoreError> {
    let id: String = row.try_get("id")?;
    let Known { kind, said, overrides } = known(row)?;
    let model = ListedModel {
        provider: read_name(row, "provider")?,
        missing: row.try_get::<i64, _>("missing")? != 0,
        listed_at_ms: row.try_get("listed_at")?,
        facts: Facts::of(kind, &id, &overrides, &said),
        overrides,
        id,
    };
    Ok(Found { provider_id: row.try_get("provider_id")?, kind, said, model })
}

/// What the database knows about a model.
struct Known {
    kind: ProviderKind,
    said: Facts,
    overrides: Overrides,
}

fn known(row: &AnyRow) -> Result<Known, StoreError> {
    let kind: String = row.try_get("kind")?;
    let kind = kind.parse().map_err(|_| StoreError::Corrupt(format!("type of provider `{kind}`")))?;
    let corrupt = |error: serde_json::Error| StoreError::Corrupt(format!("what is known about a model: {error}"));
    let said: Option<String> = row.try_get("said")?;
    let overrides: Option<String> = row.try_get("overrides")?;
    Ok(Known {
        kind,
        said: said.map(|said| serde_json::from_str(&said).map_err(corrupt)).transpose()?.unwrap_or_default(),
        overrides: overrides.map(|text| serde_json::from_str(&text).map_err(corrupt)).transpose()?.unwrap_or_default(),
    })
}

/// The prices of all models that these records name. A model need not be listed to have one.
pub(super) async fn prices<'r>(
    connection: &mut AnyConnection,
    records: &'r [RequestRecord],
) -> Result<Prices<'r>, StoreError> {
    let named: BTreeSet<(&str, &str)> = records
        .iter()
        .flat_map(|record| record.attempts.iter().chain(&record.saved))
        .map(|attempt| (attempt.provider.as_str(), attempt.model.as_str()))
        .collect();
    let mut prices = HashMap::new();
    for (provider, model) in named {
        let row = sqlx::query(
            "SELECT p.kind, m.said, o.overrides FROM providers p \
             LEFT JOIN models m ON m.provider_id = p.id AND m.id = $2 \
             LEFT JOIN model_overrides o ON o.provider_id = p.id AND o.model_id = $2 WHERE p.name = $1",
        )
        .bind(provider.to_owned())
        .bind(model.to_owned())
        .fetch_optional(&mut *connection)
        .await?;
        if let Some(row) = row {
            let Known { kind, said, overrides } = known(&row)?;
            prices.extend(Facts::of(kind, model, &overrides, &said).price.map(|price| ((provider, model), price)));
        }
    }
    Ok(Prices(prices))
}

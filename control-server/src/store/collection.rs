//! The models that workspaces allow.

use std::collections::{BTreeSet, HashMap};

use mux::config::{Alias, COLLECTION_MAX, CollectionModel, Deployment, Model, Name};
use serde_json::{Value, json};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::changes::read_name;
use super::error::{Kind, StoreError, Use, User};
use super::{IfUsed, Listed, Page, Store, workspaces};
use crate::domain::audit::Change;
use crate::domain::collection::{ModelDraft, ModelPatch, StoredModel};
use crate::domain::error::FieldError;

const COLUMNS: &str = "SELECT m.alias, m.provider, m.model, m.enabled, m.requests_per_minute, p.id AS provider_id \
     FROM workspace_models m LEFT JOIN providers p ON p.name = m.provider";

impl Store {
    /// The models of a workspace by alias, with the broken ones marked.
    pub async fn collection(&self, workspace: &Name, page: &Page) -> Result<Listed<StoredModel>, StoreError> {
        let mut transaction = self.read().await?;
        let id = workspaces::id(&mut transaction, workspace).await?;
        let sql =
            AssertSqlSafe(format!("{COLUMNS} WHERE m.workspace_id = $1 AND m.alias > $2 ORDER BY m.alias LIMIT $3"));
        let rows = sqlx::query(sql)
            .bind(id)
            .bind(page.after().to_owned())
            .bind(page.rows())
            .fetch_all(&mut *transaction)
            .await?;
        let items = rows.iter().map(stored).collect::<Result<_, _>>()?;
        Ok(Listed::cut(items, page, |stored: &StoredModel| stored.model.alias.to_string()))
    }

    /// Allows one more model. Rules and deployments that were broken because they name it are whole again.
    pub async fn add_model(&self, workspace: &Name, draft: ModelDraft) -> Result<(StoredModel, u64), StoreError> {
        let mut write = self.write().await?;
        let id = workspaces::id(write.connection(), workspace).await?;
        let model = draft.check(workspace).map_err(StoreError::Invalid)?;
        let row = sqlx::query("SELECT COUNT(*) AS count FROM workspace_models WHERE workspace_id = $1")
            .bind(id)
            .fetch_one(write.connection())
            .await?;
        StoreError::check_room(Kind::Model, row.try_get("count")?, COLLECTION_MAX)?;
        refuse_taken(write.connection(), id, &model.alias).await?;
        check_provider(write.connection(), &model).await?;
        insert(write.connection(), id, std::slice::from_ref(&model)).await?;
        workspaces::touch(&mut write, id, workspace).await?;
        write.note(change("add_model", workspace, None, Some(&model)));
        Ok((StoredModel { model, broken: false }, write.commit().await?))
    }

    /// Changes what the patch names. A new alias is carried into the rules and deployments that use the model.
    pub async fn patch_model(
        &self,
        workspace: &Name,
        alias: &Alias,
        patch: &ModelPatch,
    ) -> Result<(StoredModel, u64), StoreError> {
        let mut write = self.write().await?;
        let id = workspaces::id(write.connection(), workspace).await?;
        let before = find(write.connection(), id, alias).await?;
        let after = ModelDraft::from(&before.model).patched(patch).check(workspace).map_err(StoreError::Invalid)?;
        if after == before.model {
            return Ok((before, write.commit().await?));
        }
        if after.alias != *alias {
            refuse_taken(write.connection(), id, &after.alias).await?;
            rename_uses(write.connection(), id, alias, &after.alias).await?;
        }
        if after.model != before.model.model {
            check_provider(write.connection(), &after).await?;
        }
        sqlx::query(
            "UPDATE workspace_models SET alias = $1, provider = $2, model = $3, enabled = $4, requests_per_minute = $5 \
             WHERE workspace_id = $6 AND alias = $7",
        )
        .bind(after.alias.as_str())
        .bind(after.model.provider.as_str())
        .bind(after.model.id.as_ref())
        .bind(i64::from(after.enabled))
        .bind(after.requests_per_minute.map(i64::from))
        .bind(id)
        .bind(alias.as_str())
        .execute(write.connection())
        .await?;
        workspaces::touch(&mut write, id, workspace).await?;
        let action = if after.alias == *alias { "update_model" } else { "rename_model" };
        write.note(change(action, workspace, Some(&before.model), Some(&after)));
        let changed = find(write.connection(), id, &after.alias).await?;
        Ok((changed, write.commit().await?))
    }

    pub async fn remove_model(&self, workspace: &Name, alias: &Alias, if_used: IfUsed) -> Result<u64, StoreError> {
        let mut write = self.write().await?;
        let id = workspaces::id(write.connection(), workspace).await?;
        let StoredModel { model, broken: _ } = find(write.connection(), id, alias).await?;
        refuse_used(write.connection(), id, workspace, (Kind::Model, alias), if_used).await?;
        sqlx::query("DELETE FROM workspace_models WHERE workspace_id = $1 AND alias = $2")
            .bind(id)
            .bind(alias.as_str())
            .execute(write.connection())
            .await?;
        workspaces::touch(&mut write, id, workspace).await?;
        write.note(change("remove_model", workspace, Some(&model), None));
        write.commit().await
    }
}

fn change(
    action: &'static str,
    workspace: &Name,
    before: Option<&CollectionModel>,
    after: Option<&CollectionModel>,
) -> Change {
    let shown = |model: &CollectionModel| -> Value { json!({ "model": ModelDraft::from(model) }) };
    let (before, after) = (before.map(shown), after.map(shown));
    Change { action, kind: Kind::Workspace.as_str(), name: workspace.to_string(), before, after }
}

async fn find(connection: &mut AnyConnection, workspace_id: i64, alias: &Alias) -> Result<StoredModel, StoreError> {
    let sql = AssertSqlSafe(format!("{COLUMNS} WHERE m.workspace_id = $1 AND m.alias = $2"));
    let row = sqlx::query(sql).bind(workspace_id).bind(alias.as_str()).fetch_optional(connection).await?;
    stored(&row.ok_or_else(|| StoreError::NotFound { kind: Kind::Model, name: alias.to_string() })?)
}

fn stored(row: &AnyRow) -> Result<StoredModel, StoreError> {
    let provider_id: Option<i64> = row.try_get("provider_id")?;
    Ok(StoredModel { model: model(row)?, broken: provider_id.is_none() })
}

fn model(row: &AnyRow) -> Result<CollectionModel, StoreError> {
    let alias = read_alias(row, "alias")?;
    let limit: Option<i64> = row.try_get("requests_per_minute")?;
    let corrupt = |_| StoreError::Corrupt(format!("requests per minute of model `{alias}`"));
    Ok(CollectionModel {
        model: Model { provider: read_name(row, "provider")?, id: row.try_get::<String, _>("model")?.into() },
        enabled: row.try_get::<i64, _>("enabled")? != 0,
        requests_per_minute: limit.map(u32::try_from).transpose().map_err(corrupt)?,
        alias,
    })
}

/// An alias, or the name of a deployment, as it stands in a column.
pub(super) fn read_alias(row: &AnyRow, column: &str) -> Result<Alias, StoreError> {
    let text: String = row.try_get(column)?;
    text.parse().map_err(|_| StoreError::Corrupt(format!("the alias `{text}`")))
}

/// All models of a workspace.
pub(super) async fn read(
    connection: &mut AnyConnection,
    workspace_id: i64,
) -> Result<Vec<CollectionModel>, StoreError> {
    let sql = AssertSqlSafe(format!("{COLUMNS} WHERE m.workspace_id = $1 ORDER BY m.alias"));
    let rows = sqlx::query(sql).bind(workspace_id).fetch_all(connection).await?;
    rows.iter().map(model).collect()
}

/// The models whose provider is there, of one workspace that can be routed by or of all: nodes get no others.
pub(super) async fn whole(
    connection: &mut AnyConnection,
    only: Option<&Name>,
) -> Result<HashMap<Name, Vec<CollectionModel>>, StoreError> {
    let condition = if only.is_some() { "w.name = $1" } else { "$1 = ''" };
    let sql = AssertSqlSafe(format!(
        "SELECT w.name AS workspace, m.alias, m.provider, m.model, m.enabled, m.requests_per_minute \
         FROM workspace_models m JOIN workspaces w ON w.id = m.workspace_id JOIN providers p ON p.name = m.provider \
         WHERE w.archived_at IS NULL AND {condition} ORDER BY m.workspace_id, m.alias"
    ));
    let rows = sqlx::query(sql).bind(only.map(Name::to_string).unwrap_or_default()).fetch_all(connection).await?;
    let mut models: HashMap<Name, Vec<CollectionModel>> = HashMap::new();
    for row in &rows {
        models.entry(read_name(row, "workspace")?).or_default().push(model(row)?);
    }
    Ok(models)
}

pub(super) async fn insert(
    connection: &mut AnyConnection,
    workspace_id: i64,
    models: &[CollectionModel],
) -> Result<(), StoreError> {
    for CollectionModel { alias, model: Model { provider, id }, enabled, requests_per_minute } in models {
        sqlx::query(
            "INSERT INTO workspace_models (workspace_id, alias, provider, model, enabled, requests_per_minute) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(workspace_id)
        .bind(alias.as_str())
        .bind(provider.as_str())
        .bind(id.as_ref())
        .bind(i64::from(*enabled))
        .bind(requests_per_minute.map(i64::from))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Puts other models and deployments in the place of those that a workspace has.
pub(super) async fn replace(
    connection: &mut AnyConnection,
    workspace_id: i64,
    models: &[CollectionModel],
    deployments: &[Deployment],
) -> Result<(), StoreError> {
    for sql in
        ["DELETE FROM deployments WHERE workspace_id = $1", "DELETE FROM workspace_models WHERE workspace_id = $1"]
    {
        sqlx::query(sql).bind(workspace_id).execute(&mut *connection).await?;
    }
    insert(connection, workspace_id, models).await?;
    super::deployments::insert(connection, workspace_id, deployments).await
}

/// The names that mean something in a workspace: those of its models and of its deployments.
pub(super) async fn names(connection: &mut AnyConnection, workspace_id: i64) -> Result<BTreeSet<Alias>, StoreError> {
    let rows = sqlx::query(
        "SELECT alias FROM workspace_models WHERE workspace_id = $1 \
         UNION ALL SELECT name AS alias FROM deployments WHERE workspace_id = $1",
    )
    .bind(workspace_id)
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| read_alias(row, "alias")).collect()
}

/// Models and deployments of a workspace have one space of names.
pub(super) async fn refuse_taken(
    connection: &mut AnyConnection,
    workspace_id: i64,
    alias: &Alias,
) -> Result<(), StoreError> {
    for (sql, kind) in [
        ("SELECT 1 AS one FROM workspace_models WHERE workspace_id = $1 AND alias = $2", Kind::Model),
        ("SELECT 1 AS one FROM deployments WHERE workspace_id = $1 AND name = $2", Kind::Deployment),
    ] {
        let row = sqlx::query(sql).bind(workspace_id).bind(alias.as_str()).fetch_optional(&mut *connection).await?;
        if row.is_some() {
            return Err(StoreError::Taken { kind, name: alias.to_string() });
        }
    }
    Ok(())
}

async fn check_provider(connection: &mut AnyConnection, model: &CollectionModel) -> Result<(), StoreError> {
    let provider = &model.model.provider;
    let row = sqlx::query("SELECT id FROM providers WHERE name = $1").bind(provider.as_str());
    match row.fetch_optional(connection).await? {
        Some(_) => Ok(()),
        None => Err(StoreError::Invalid(vec![no_provider("/model", provider)])),
    }
}

/// In the words that rules and models share.
pub(super) fn no_provider(pointer: impl Into<String>, provider: &Name) -> FieldError {
    FieldError::new(pointer, format!("there is no provider `{provider}`; add it first (POST /api/v1/providers)"))
}

/// Refuses to remove what rules or deployments of the workspace name, unless they may break.
pub(super) async fn refuse_used(
    connection: &mut AnyConnection,
    workspace_id: i64,
    workspace: &Name,
    (kind, alias): (Kind, &Alias),
    if_used: IfUsed,
) -> Result<(), StoreError> {
    if if_used == IfUsed::Break {
        return Ok(());
    }
    let mut uses = Vec::new();
    let mut take = |by| uses.push(Use { workspace: workspace.clone(), by });
    let rules = "SELECT name FROM rules WHERE workspace_id = $1 AND target_name = $2 ORDER BY position";
    for row in sqlx::query(rules).bind(workspace_id).bind(alias.as_str()).fetch_all(&mut *connection).await? {
        take(User::Rule(row.try_get("name")?));
    }
    let targets = "SELECT DISTINCT deployment FROM deployment_targets WHERE workspace_id = $1 AND alias = $2 \
         ORDER BY deployment";
    for row in sqlx::query(targets).bind(workspace_id).bind(alias.as_str()).fetch_all(connection).await? {
        take(User::Deployment(read_alias(&row, "deployment")?));
    }
    if uses.is_empty() { Ok(()) } else { Err(StoreError::InUse { kind, name: alias.to_string(), uses }) }
}

/// Carries a new name into what uses the old one.
pub(super) async fn rename_uses(
    connection: &mut AnyConnection,
    workspace_id: i64,
    old: &Alias,
    new: &Alias,
) -> Result<(), StoreError> {
    for sql in [
        "UPDATE rules SET target_name = $1 WHERE workspace_id = $2 AND target_name = $3",
        "UPDATE deployment_targets SET alias = $1 WHERE workspace_id = $2 AND alias = $3",
    ] {
        sqlx::query(sql).bind(new.as_str()).bind(workspace_id).bind(old.as_str()).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Tells a new provider's name to the models that use it.
pub(super) async fn rename_provider(connection: &mut AnyConnection, old: &Name, new: &Name) -> Result<(), StoreError> {
    sqlx::query("UPDATE workspace_models SET provider = $1 WHERE provider = $2")
        .bind(new.as_str())
        .bind(old.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// The models of workspaces that use a provider.
pub(super) async fn uses_of_provider(connection: &mut AnyConnection, name: &Name) -> Result<Vec<Use>, StoreError> {
    let rows = sqlx::query(
        "SELECT w.name AS workspace, m.alias FROM workspace_models m JOIN workspaces w ON w.id = m.workspace_id \
         WHERE m.provider = $1 ORDER BY w.name, m.alias",
    )
    .bind(name.as_str())
    .fetch_all(connection)
    .await?;
    let read =
        |row: &AnyRow| Ok(Use { workspace: read_name(row, "workspace")?, by: User::Model(read_alias(row, "alias")?) });
    rows.iter().map(read).collect()
}

/// Those of a workspace's models that their provider does not list, although it lists some.
pub(super) async fn unlisted(connection: &mut AnyConnection, workspace_id: i64) -> Result<BTreeSet<Alias>, StoreError> {
    let rows = sqlx::query(
        "SELECT u.alias FROM workspace_models u JOIN providers p ON p.name = u.provider WHERE u.workspace_id = $1 \
         AND EXISTS (SELECT 1 FROM models m WHERE m.provider_id = p.id AND m.missing = 0) AND NOT EXISTS \
         (SELECT 1 FROM models m WHERE m.provider_id = p.id AND m.missing = 0 AND m.id = u.model)",
    )
    .bind(workspace_id)
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| read_alias(row, "alias")).collect()
}

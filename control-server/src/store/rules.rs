//! Rules of a workspace: an ordered list that is replaced as a whole.

use std::collections::BTreeSet;

use mux::config::{self, Alias, Model, Name, Rule, Target, Turns};
use serde_json::json;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::changes::read_name;
use super::error::{Kind, StoreError};
use super::{Store, collection, deployments, providers, workspaces};
use crate::domain::audit::Change;
use crate::domain::error::FieldError;
use crate::domain::workspace::{StoredRule, rules_json};

/// As `rules.turns` has them.
const ALL_TURNS: &str = "all";
const LAST_TURN: &str = "last";

impl Store {
    /// The rules of a workspace in order, with the broken ones marked.
    pub async fn rules(&self, workspace: &Name) -> Result<Vec<StoredRule>, StoreError> {
        let mut transaction = self.read().await?;
        let id = workspaces::id(&mut transaction, workspace).await?;
        let sql = AssertSqlSafe(format!(
            "SELECT r.name, r.conditions, r.turns, r.instructions, r.target_provider, r.target_model, r.target_name, \
             CASE WHEN {IS_WHOLE} THEN 0 ELSE 1 END AS broken \
             FROM rules r LEFT JOIN providers p ON p.name = r.target_provider \
             WHERE r.workspace_id = $1 ORDER BY r.position"
        ));
        let rows = sqlx::query(sql).bind(id).fetch_all(&mut *transaction).await?;
        rows.iter().map(stored_rule).collect()
    }

    /// Replaces all rules of a workspace, or none. Rules that are the same already are no change.
    pub async fn replace_rules(&self, workspace: &Name, rules: &[Rule]) -> Result<u64, StoreError> {
        let mut write = self.write().await?;
        let id = workspaces::id(write.connection(), workspace).await?;
        let names = collection::names(write.connection(), id).await?;
        let errors = wrong_targets(rules, &providers::names(write.connection()).await?, &names);
        if !errors.is_empty() {
            return Err(StoreError::Invalid(errors));
        }
        let before = read(write.connection(), id).await?;
        if before == rules {
            return write.commit().await;
        }
        replace(write.connection(), id, rules).await?;
        workspaces::touch(&mut write, id, workspace).await?;
        let shown = |rules| Some(json!({ "rules": rules_json(rules) }));
        write.note(Change {
            action: "replace_rules",
            kind: Kind::Workspace.as_str(),
            name: workspace.to_string(),
            before: shown(&before),
            after: shown(rules),
        });
        write.commit().await
    }
}

fn stored_rule(row: &AnyRow) -> Result<StoredRule, StoreError> {
    Ok(StoredRule { rule: rule(row)?, broken: row.try_get::<i64, _>("broken")? != 0 })
}

pub(super) fn rule(row: &AnyRow) -> Result<Rule, StoreError> {
    let name: String = row.try_get("name")?;
    let conditions: String = row.try_get("conditions")?;
    let when =
        serde_json::from_str(&conditions).map_err(|error| StoreError::Corrupt(format!("rule `{name}`: {error}")))?;
    let turns: String = row.try_get("turns")?;
    let turns = match turns.as_str() {
        ALL_TURNS => Turns::All,
        LAST_TURN => Turns::Last,
        _ => return Err(StoreError::Corrupt(format!("turns of rule `{name}`"))),
    };
    let column = |column| row.try_get::<Option<String>, _>(column);
    let target = match (column("target_provider")?, column("target_model")?, column("target_name")?) {
        (Some(_), Some(id), None) => {
            Target::Model(Model { provider: read_name(row, "target_provider")?, id: id.into() })
        }
        (None, None, Some(alias)) => {
            Target::Named(alias.parse().map_err(|_| StoreError::Corrupt(format!("target of rule `{name}`")))?)
        }
        (None, None, None) => Target::Requested,
        _ => return Err(StoreError::Corrupt(format!("target of rule `{name}`"))),
    };
    Ok(Rule { name, when, turns, target, instructions: row.try_get("instructions")? })
}

pub(super) async fn read(connection: &mut AnyConnection, workspace_id: i64) -> Result<Vec<Rule>, StoreError> {
    let rows = sqlx::query(
        "SELECT name, conditions, turns, instructions, target_provider, target_model, target_name FROM rules \
         WHERE workspace_id = $1 ORDER BY position",
    )
    .bind(workspace_id)
    .fetch_all(connection)
    .await?;
    rows.iter().map(rule).collect()
}

/// Puts other rules in the place of those that a workspace has.
pub(super) async fn replace(
    connection: &mut AnyConnection,
    workspace_id: i64,
    rules: &[Rule],
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM rules WHERE workspace_id = $1").bind(workspace_id).execute(&mut *connection).await?;
    insert(connection, workspace_id, rules).await
}

pub(super) async fn insert(
    connection: &mut AnyConnection,
    workspace_id: i64,
    rules: &[Rule],
) -> Result<(), StoreError> {
    for (position, Rule { name, when, turns, target, instructions }) in (0_i64..).zip(rules) {
        let conditions = serde_json::to_string(when).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let turns = match turns {
            Turns::All => ALL_TURNS,
            Turns::Last => LAST_TURN,
        };
        let (provider, model, name_in_workspace) = match target {
            Target::Requested => (None, None, None),
            Target::Named(alias) => (None, None, Some(alias.as_str())),
            Target::Model(Model { provider, id }) => (Some(provider.as_str()), Some(id.as_ref()), None),
        };
        sqlx::query(
            "INSERT INTO rules (workspace_id, position, name, conditions, turns, instructions, target_provider, \
             target_model, target_name) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(workspace_id)
        .bind(position)
        .bind(name.as_str())
        .bind(conditions)
        .bind(turns)
        .bind(instructions.as_str())
        .bind(provider.map(str::to_owned))
        .bind(model.map(str::to_owned))
        .bind(name_in_workspace.map(str::to_owned))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// What is wrong with targets, where providers and names of the workspace are these.
pub(super) fn wrong_targets(rules: &[Rule], providers: &BTreeSet<Name>, names: &BTreeSet<Alias>) -> Vec<FieldError> {
    let wrong = |(index, rule): (usize, &Rule)| {
        let pointer = format!("/rules/{index}/target");
        match &rule.target {
            Target::Model(Model { provider, .. }) if !providers.contains(provider) => {
                Some(collection::no_provider(pointer, provider))
            }
            Target::Named(alias) if !names.contains(alias) => {
                let message = format!(
                    "the workspace has no model and no deployment `{alias}`; add it first, or give `provider/model-id`"
                );
                Some(FieldError::new(pointer, message))
            }
            Target::Requested | Target::Named(_) | Target::Model(_) => None,
        }
    };
    rules.iter().enumerate().filter_map(wrong).collect()
}

/// Whether the target of rule `r`, which is joined with its provider `p`, is there. A broken rule never matches.
pub(super) const IS_WHOLE: &str = "((r.target_provider IS NULL OR p.id IS NOT NULL) AND (r.target_name IS NULL \
     OR EXISTS (SELECT 1 FROM workspace_models m JOIN providers q ON q.name = m.provider \
     WHERE m.workspace_id = r.workspace_id AND m.alias = r.target_name) \
     OR EXISTS (SELECT 1 FROM deployment_targets t \
     JOIN workspace_models m ON m.workspace_id = t.workspace_id AND m.alias = t.alias \
     JOIN providers q ON q.name = m.provider \
     WHERE t.workspace_id = r.workspace_id AND t.deployment = r.target_name)))";

/// Nodes get no broken rule.
const WHOLE_RULES: &str = "SELECT w.name AS workspace, r.name, r.conditions, r.turns, r.instructions, \
     r.target_provider, r.target_model, r.target_name \
     FROM rules r JOIN workspaces w ON w.id = r.workspace_id LEFT JOIN providers p ON p.name = r.target_provider \
     WHERE w.archived_at IS NULL";

/// Every workspace that can be routed by.
pub(super) async fn all_workspaces(connection: &mut AnyConnection) -> Result<Vec<config::Workspace>, StoreError> {
    let rows =
        sqlx::query("SELECT id, name, instructions, settings FROM workspaces WHERE archived_at IS NULL ORDER BY name")
            .fetch_all(&mut *connection)
            .await?;
    let mut workspaces = rows.iter().map(without_rules).collect::<Result<Vec<_>, _>>()?;
    let sql = AssertSqlSafe(format!("{WHOLE_RULES} AND {IS_WHOLE} ORDER BY w.name, r.position"));
    let rows = sqlx::query(sql).fetch_all(&mut *connection).await?;
    let mut remaining = workspaces.iter_mut();
    let mut current = remaining.next();
    for row in &rows {
        let name = read_name(row, "workspace")?;
        // Both lists are in the order of names.
        while current.as_ref().is_some_and(|workspace| workspace.name != name) {
            current = remaining.next();
        }
        if let Some(workspace) = current.as_mut() {
            workspace.rules.push(rule(row)?);
        }
    }
    let mut models = collection::whole(connection, None).await?;
    let mut deployments = deployments::whole(connection, None).await?;
    for workspace in &mut workspaces {
        workspace.collection.models = models.remove(&workspace.name).unwrap_or_default();
        workspace.deployments = deployments.remove(&workspace.name).unwrap_or_default();
    }
    Ok(workspaces)
}

/// One workspace, if it is there and can be routed by.
pub(super) async fn one_workspace(
    connection: &mut AnyConnection,
    name: &Name,
) -> Result<Option<config::Workspace>, StoreError> {
    let row =
        sqlx::query("SELECT id, name, instructions, settings FROM workspaces WHERE name = $1 AND archived_at IS NULL")
            .bind(name.as_str())
            .fetch_optional(&mut *connection)
            .await?;
    let Some(row) = row else { return Ok(None) };
    let mut workspace = without_rules(&row)?;
    let sql = AssertSqlSafe(format!("{WHOLE_RULES} AND {IS_WHOLE} AND w.name = $1 ORDER BY r.position"));
    let rows = sqlx::query(sql).bind(name.as_str()).fetch_all(&mut *connection).await?;
    workspace.rules = rows.iter().map(rule).collect::<Result<_, _>>()?;
    workspace.collection.models = collection::whole(connection, Some(name)).await?.remove(name).unwrap_or_default();
    workspace.deployments = deployments::whole(connection, Some(name)).await?.remove(name).unwrap_or_default();
    Ok(Some(workspace))
}

fn without_rules(row: &AnyRow) -> Result<config::Workspace, StoreError> {
    let name = read_name(row, "name")?;
    let settings = workspaces::read_settings(row)?;
    let collection = config::Collection { is_open: settings.has_open_collection(&name), models: Vec::new() };
    Ok(config::Workspace {
        name,
        rules: Vec::new(),
        instructions: row.try_get("instructions")?,
        switch: settings.switch,
        access: settings.access(),
        cache_ttl_s: settings.cache.in_force_s(),
        cache_epoch: row.try_get::<i64, _>("id")?.unsigned_abs(),
        collection,
        deployments: Vec::new(),
    })
}

//! Deployments: virtual models of workspaces.

use std::collections::HashMap;

use mux::config::{Alias, Breaker, DEPLOYMENTS_MAX, Deployment, DeploymentTarget, Name, Policy};
use serde_json::{Value, json};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::changes::read_name;
use super::collection::{self, read_alias, refuse_taken, refuse_used};
use super::error::{Kind, StoreError};
use super::{IfUsed, Listed, Page, Store, workspaces};
use crate::domain::audit::Change;
use crate::domain::deployment::{DeploymentDraft, DeploymentPatch, StoredDeployment};

const POLICIES: [Policy; 3] = [Policy::Ordered, Policy::RoundRobin, Policy::Weighted];

/// One row for each target.
const ROWS: &str = "SELECT w.name AS workspace, d.name, d.policy, d.retry_on, d.try_timeout_ms, d.breaker_failures, \
     d.breaker_window_s, d.breaker_cooldown_s, d.cache_ttl_s, t.alias, t.weight, p.id AS provider_id \
     FROM deployments d JOIN workspaces w ON w.id = d.workspace_id \
     JOIN deployment_targets t ON t.workspace_id = d.workspace_id AND t.deployment = d.name \
     LEFT JOIN workspace_models m ON m.workspace_id = t.workspace_id AND m.alias = t.alias \
     LEFT JOIN providers p ON p.name = m.provider";
const ORDER: &str = "ORDER BY d.workspace_id, d.name, t.position";

impl Store {
    /// The deployments of a workspace by name, with broken targets marked.
    pub async fn deployments(&self, workspace: &Name, page: &Page) -> Result<Listed<StoredDeployment>, StoreError> {
        let mut transaction = self.read().await?;
        let id = workspaces::id(&mut transaction, workspace).await?;
        let sql = AssertSqlSafe(format!(
            "{ROWS} WHERE d.workspace_id = $1 AND d.name IN (SELECT name FROM deployments WHERE workspace_id = $1 \
             AND name > $2 ORDER BY name LIMIT $3) {ORDER}"
        ));
        let rows = sqlx::query(sql)
            .bind(id)
            .bind(page.after().to_owned())
            .bind(page.rows())
            .fetch_all(&mut *transaction)
            .await?;
        let items = grouped(&rows)?.into_iter().map(|(_, stored)| stored).collect();
        Ok(Listed::cut(items, page, |stored: &StoredDeployment| stored.deployment.name.to_string()))
    }

    pub async fn deployment(&self, workspace: &Name, name: &Alias) -> Result<StoredDeployment, StoreError> {
        let mut transaction = self.read().await?;
        let id = workspaces::id(&mut transaction, workspace).await?;
        find(&mut transaction, id, name).await
    }

    pub async fn create_deployment(
        &self,
        workspace: &Name,
        draft: DeploymentDraft,
    ) -> Result<(StoredDeployment, u64), StoreError> {
        let mut write = self.write().await?;
        let id = workspaces::id(write.connection(), workspace).await?;
        if let Ok(name) = draft.name.parse() {
            refuse_taken(write.connection(), id, &name).await?;
        }
        let aliases = aliases(write.connection(), id).await?;
        let deployment = draft.check(workspace, aliases).map_err(StoreError::Invalid)?;
        let row = sqlx::query("SELECT COUNT(*) AS count FROM deployments WHERE workspace_id = $1")
            .bind(id)
            .fetch_one(write.connection())
            .await?;
        StoreError::check_room(Kind::Deployment, row.try_get("count")?, DEPLOYMENTS_MAX)?;
        insert(write.connection(), id, std::slice::from_ref(&deployment)).await?;
        workspaces::touch(&mut write, id, workspace).await?;
        write.note(change("create_deployment", workspace, None, Some(&deployment)));
        let made = find(write.connection(), id, &deployment.name).await?;
        Ok((made, write.commit().await?))
    }

    /// Changes what the patch names. A new name is carried into the rules that use the deployment; a target that is broken
    /// may stay.
    pub async fn patch_deployment(
        &self,
        workspace: &Name,
        name: &Alias,
        patch: &DeploymentPatch,
    ) -> Result<(StoredDeployment, u64), StoreError> {
        let mut write = self.write().await?;
        let id = workspaces::id(write.connection(), workspace).await?;
        let before = find(write.connection(), id, name).await?;
        let draft = DeploymentDraft::from(&before.deployment).patched(patch);
        let renamed = draft.name.parse().ok().filter(|new| new != name);
        if let Some(new) = &renamed {
            refuse_taken(write.connection(), id, new).await?;
        }
        let mut aliases = aliases(write.connection(), id).await?;
        aliases.extend(before.deployment.targets.iter().map(|target| target.alias.clone()));
        aliases.sort();
        aliases.dedup();
        let after = draft.check(workspace, aliases).map_err(StoreError::Invalid)?;
        if after == before.deployment {
            return Ok((before, write.commit().await?));
        }
        sqlx::query("DELETE FROM deployments WHERE workspace_id = $1 AND name = $2")
            .bind(id)
            .bind(name.as_str())
            .execute(write.connection())
            .await?;
        insert(write.connection(), id, std::slice::from_ref(&after)).await?;
        if let Some(new) = &renamed {
            collection::rename_uses(write.connection(), id, name, new).await?;
        }
        workspaces::touch(&mut write, id, workspace).await?;
        let action = if renamed.is_none() { "update_deployment" } else { "rename_deployment" };
        write.note(change(action, workspace, Some(&before.deployment), Some(&after)));
        let changed = find(write.connection(), id, &after.name).await?;
        Ok((changed, write.commit().await?))
    }

    pub async fn delete_deployment(&self, workspace: &Name, name: &Alias, if_used: IfUsed) -> Result<u64, StoreError> {
        let mut write = self.write().await?;
        let id = workspaces::id(write.connection(), workspace).await?;
        let StoredDeployment { deployment, broken: _ } = find(write.connection(), id, name).await?;
        refuse_used(write.connection(), id, workspace, (Kind::Deployment, name), if_used).await?;
        sqlx::query("DELETE FROM deployments WHERE workspace_id = $1 AND name = $2")
            .bind(id)
            .bind(name.as_str())
            .execute(write.connection())
            .await?;
        workspaces::touch(&mut write, id, workspace).await?;
        write.note(change("delete_deployment", workspace, Some(&deployment), None));
        write.commit().await
    }
}

fn change(action: &'static str, workspace: &Name, before: Option<&Deployment>, after: Option<&Deployment>) -> Change {
    let shown = |deployment: &Deployment| -> Value { json!({ "deployment": DeploymentDraft::from(deployment) }) };
    let (before, after) = (before.map(shown), after.map(shown));
    Change { action, kind: Kind::Workspace.as_str(), name: workspace.to_string(), before, after }
}

async fn aliases(connection: &mut AnyConnection, workspace_id: i64) -> Result<Vec<Alias>, StoreError> {
    let rows = sqlx::query("SELECT alias FROM workspace_models WHERE workspace_id = $1 ORDER BY alias")
        .bind(workspace_id)
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| read_alias(row, "alias")).collect()
}

async fn find(connection: &mut AnyConnection, workspace_id: i64, name: &Alias) -> Result<StoredDeployment, StoreError> {
    let sql = AssertSqlSafe(format!("{ROWS} WHERE d.workspace_id = $1 AND d.name = $2 {ORDER}"));
    let rows = sqlx::query(sql).bind(workspace_id).bind(name.as_str()).fetch_all(connection).await?;
    let found = grouped(&rows)?.pop().map(|(_, stored)| stored);
    found.ok_or_else(|| StoreError::NotFound { kind: Kind::Deployment, name: name.to_string() })
}

/// All deployments of a workspace.
pub(super) async fn read(connection: &mut AnyConnection, workspace_id: i64) -> Result<Vec<Deployment>, StoreError> {
    let sql = AssertSqlSafe(format!("{ROWS} WHERE d.workspace_id = $1 {ORDER}"));
    let rows = sqlx::query(sql).bind(workspace_id).fetch_all(connection).await?;
    Ok(grouped(&rows)?.into_iter().map(|(_, stored)| stored.deployment).collect())
}

/// The deployments that lead somewhere, without their broken targets, of one workspace that can be routed by or of all.
pub(super) async fn whole(
    connection: &mut AnyConnection,
    only: Option<&Name>,
) -> Result<HashMap<Name, Vec<Deployment>>, StoreError> {
    let condition = if only.is_some() { "w.name = $1" } else { "$1 = ''" };
    let sql = AssertSqlSafe(format!("{ROWS} WHERE w.archived_at IS NULL AND {condition} {ORDER}"));
    let rows = sqlx::query(sql).bind(only.map(Name::to_string).unwrap_or_default()).fetch_all(connection).await?;
    let mut deployments: HashMap<Name, Vec<Deployment>> = HashMap::new();
    for (workspace, stored) in grouped(&rows)? {
        if let Some(deployment) = stored.whole() {
            deployments.entry(workspace).or_default().push(deployment);
        }
    }
    Ok(deployments)
}

/// Deployments from rows of [`ROWS`] in [`ORDER`], each with its workspace.
fn grouped(rows: &[AnyRow]) -> Result<Vec<(Name, StoredDeployment)>, StoreError> {
    let mut found: Vec<(Name, StoredDeployment)> = Vec::new();
    for row in rows {
        let (workspace, name) = (read_name(row, "workspace")?, read_alias(row, "name")?);
        let continues =
            |(last, stored): &(Name, StoredDeployment)| *last == workspace && stored.deployment.name == name;
        if !found.last().is_some_and(continues) {
            let deployment = without_targets(row, name)?;
            found.push((workspace, StoredDeployment { deployment, broken: Vec::new() }));
        }
        let Some((_, StoredDeployment { deployment, broken })) = found.last_mut() else { continue };
        deployment.targets.push(DeploymentTarget { alias: read_alias(row, "alias")?, weight: number(row, "weight")? });
        broken.push(row.try_get::<Option<i64>, _>("provider_id")?.is_none());
    }
    Ok(found)
}

/// As `deployments.policy` has it.
fn text_of(policy: Policy) -> &'static str {
    match policy {
        Policy::Ordered => "ordered",
        Policy::RoundRobin => "round_robin",
        Policy::Weighted => "weighted",
    }
}

fn without_targets(row: &AnyRow, name: Alias) -> Result<Deployment, StoreError> {
    let policy: String = row.try_get("policy")?;
    let policy = POLICIES.into_iter().find(|known| text_of(*known) == policy);
    let retry_on: String = row.try_get("retry_on")?;
    Ok(Deployment {
        policy: policy.ok_or_else(|| StoreError::Corrupt(format!("policy of deployment `{name}`")))?,
        targets: Vec::new(),
        retry_on: serde_json::from_str(&retry_on)
            .map_err(|error| StoreError::Corrupt(format!("statuses of deployment `{name}`: {error}")))?,
        try_timeout_ms: number(row, "try_timeout_ms")?,
        breaker: Breaker {
            failures: number(row, "breaker_failures")?,
            window_s: number(row, "breaker_window_s")?,
            cooldown_s: number(row, "breaker_cooldown_s")?,
        },
        cache_ttl_s: optional_number(row, "cache_ttl_s")?,
        name,
    })
}

fn number(row: &AnyRow, column: &str) -> Result<u32, StoreError> {
    optional_number(row, column)?.ok_or_else(|| corrupt(column))
}

fn optional_number(row: &AnyRow, column: &str) -> Result<Option<u32>, StoreError> {
    let number: Option<i64> = row.try_get(column)?;
    number.map(u32::try_from).transpose().map_err(|_| corrupt(column))
}

fn corrupt(column: &str) -> StoreError {
    StoreError::Corrupt(format!("`{column}` of a deployment"))
}

pub(super) async fn insert(
    connection: &mut AnyConnection,
    workspace_id: i64,
    deployments: &[Deployment],
) -> Result<(), StoreError> {
    for Deployment { name, policy, targets, retry_on, try_timeout_ms, breaker, cache_ttl_s } in deployments {
        let Breaker { failures, window_s, cooldown_s } = breaker;
        sqlx::query(
            "INSERT INTO deployments (workspace_id, name, policy, retry_on, try_timeout_ms, breaker_failures, \
             breaker_window_s, breaker_cooldown_s, cache_ttl_s) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(workspace_id)
        .bind(name.as_str())
        .bind(text_of(*policy))
        .bind(json!(retry_on).to_string())
        .bind(i64::from(*try_timeout_ms))
        .bind(i64::from(*failures))
        .bind(i64::from(*window_s))
        .bind(i64::from(*cooldown_s))
        .bind(cache_ttl_s.map(i64::from))
        .execute(&mut *connection)
        .await?;
        for (position, DeploymentTarget { alias, weight }) in (0_i64..).zip(targets) {
            sqlx::query(
                "INSERT INTO deployment_targets (workspace_id, deployment, position, alias, weight) \
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(workspace_id)
            .bind(name.as_str())
            .bind(position)
            .bind(alias.as_str())
            .bind(i64::from(*weight))
            .execute(&mut *connection)
            .await?;
        }
    }
    Ok(())
}

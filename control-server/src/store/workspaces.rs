//! Workspaces without their rules.

use std::collections::BTreeMap;

use mux::config::Name;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::changes::read_name;
use super::error::{Kind, StoreError};
use super::{Listed, Page, Store, rules};
use crate::domain::settings::Settings;
use crate::domain::workspace::{NewWorkspace, Workspace, WorkspacePatch};

const COLUMNS: &str = "SELECT w.name, w.description, w.archived_at, w.created_at, w.updated_at, \
     (SELECT COUNT(*) FROM rules r WHERE r.workspace_id = w.id) AS rule_count FROM workspaces w";

/// Which workspaces a list shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Archived {
    #[default]
    Without,
    Only,
    Any,
}

impl Store {
    /// Makes a workspace with its rules, or nothing.
    pub async fn create_workspace(&self, new: &NewWorkspace) -> Result<(Workspace, u64), StoreError> {
        let NewWorkspace { name, description, rules } = new;
        let mut write = self.write().await?;
        let (id, now_ms) = (write.revision, write.now_ms);
        sqlx::query(
            "INSERT INTO workspaces (id, name, description, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)",
        )
        .bind(id)
        .bind(name.as_str())
        .bind(description.as_str())
        .bind(now_ms)
        .execute(write.connection())
        .await
        .map_err(|error| StoreError::taken(error, Kind::Workspace, name))?;
        rules::check_providers(write.connection(), rules).await?;
        rules::insert(write.connection(), id, rules).await?;
        write.touch(Kind::Workspace, name.as_str());
        let made = find(write.connection(), name).await?;
        Ok((made, write.commit().await?))
    }

    pub async fn workspaces(&self, archived: Archived, page: &Page) -> Result<Listed<Workspace>, StoreError> {
        let condition = match archived {
            Archived::Without => "w.archived_at IS NULL AND",
            Archived::Only => "w.archived_at IS NOT NULL AND",
            Archived::Any => "",
        };
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE {condition} w.name > $1 ORDER BY w.name LIMIT $2"));
        let mut transaction = self.read().await?;
        let rows =
            sqlx::query(sql).bind(page.after().to_owned()).bind(page.rows()).fetch_all(&mut *transaction).await?;
        let mut active = active_in(&mut transaction).await?;
        let items = rows.iter().map(|row| workspace(row, &mut active)).collect::<Result<_, _>>()?;
        Ok(Listed::cut(items, page, |workspace: &Workspace| workspace.name.to_string()))
    }

    pub async fn workspace(&self, name: &Name) -> Result<Workspace, StoreError> {
        let mut transaction = self.read().await?;
        find(&mut transaction, name).await
    }

    pub async fn patch_workspace(&self, name: &Name, patch: &WorkspacePatch) -> Result<(Workspace, u64), StoreError> {
        let WorkspacePatch { description } = patch;
        let mut write = self.write().await?;
        let before = find(write.connection(), name).await?;
        let Some(description) = description.as_ref().filter(|given| **given != before.description) else {
            return Ok((before, write.commit().await?));
        };
        let now_ms = write.now_ms;
        sqlx::query("UPDATE workspaces SET description = $1, updated_at = $2 WHERE name = $3")
            .bind(description.as_str())
            .bind(now_ms)
            .bind(name.as_str())
            .execute(write.connection())
            .await?;
        write.touch(Kind::Workspace, name.as_str());
        let after = find(write.connection(), name).await?;
        Ok((after, write.commit().await?))
    }
}

/// The row that a name stands for.
pub(super) async fn id(connection: &mut AnyConnection, name: &Name) -> Result<i64, StoreError> {
    let row = sqlx::query("SELECT id FROM workspaces WHERE name = $1")
        .bind(name.as_str())
        .fetch_optional(connection)
        .await?
        .ok_or_else(|| StoreError::NotFound { kind: Kind::Workspace, name: name.to_string() })?;
    Ok(row.try_get("id")?)
}

async fn find(connection: &mut AnyConnection, name: &Name) -> Result<Workspace, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE w.name = $1"));
    let row = sqlx::query(sql)
        .bind(name.as_str())
        .fetch_optional(&mut *connection)
        .await?
        .ok_or_else(|| StoreError::NotFound { kind: Kind::Workspace, name: name.to_string() })?;
    workspace(&row, &mut active_in(connection).await?)
}

fn workspace(row: &AnyRow, active: &mut BTreeMap<Name, Vec<Name>>) -> Result<Workspace, StoreError> {
    let name = read_name(row, "name")?;
    Ok(Workspace {
        active_in: active.remove(&name).unwrap_or_default(),
        name,
        description: row.try_get("description")?,
        archived_at_ms: row.try_get("archived_at")?,
        rule_count: row.try_get::<i64, _>("rule_count")?.unsigned_abs(),
        created_at_ms: row.try_get("created_at")?,
        updated_at_ms: row.try_get("updated_at")?,
    })
}

/// Settings as they stand in `workspaces.settings`.
pub(super) fn read_settings(row: &AnyRow) -> Result<Settings, StoreError> {
    let text: String = row.try_get("settings")?;
    serde_json::from_str(&text).map_err(|error| StoreError::Corrupt(format!("settings of a workspace: {error}")))
}

/// Sessions by the workspace that is active in them.
async fn active_in(connection: &mut AnyConnection) -> Result<BTreeMap<Name, Vec<Name>>, StoreError> {
    let rows = sqlx::query(
        "SELECT w.name, s.id AS session FROM sessions s JOIN workspaces w ON w.id = s.workspace_id ORDER BY s.id",
    )
    .fetch_all(connection)
    .await?;
    let mut active: BTreeMap<Name, Vec<Name>> = BTreeMap::new();
    for row in &rows {
        active.entry(read_name(row, "name")?).or_default().push(read_name(row, "session")?);
    }
    Ok(active)
}

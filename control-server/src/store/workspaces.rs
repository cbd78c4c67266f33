//! Workspaces without their rules.

use std::collections::BTreeMap;

use mux::config::{DEFAULT, Name};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::changes::read_name;
use super::error::{Kind, StoreError};
use super::write::Write;
use super::{Listed, Page, Store, collection, keys, rules, transfer};
use crate::domain::audit::Change;
use crate::domain::settings::Settings;
use crate::domain::workspace::{ACTIVE_IN_MAX, NewWorkspace, Summary, Workspace, WorkspacePatch};

const SUMMARY_COLUMNS: &str = "w.id, w.name, w.description, w.archived_at, w.created_at, w.updated_at, \
     (SELECT COUNT(*) FROM rules r WHERE r.workspace_id = w.id) AS rule_count";

/// Revisions for which a name that a workspace had is remembered.
const FORMER_NAMES_KEPT: i64 = 10_000;

/// Which workspaces a list shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Archived {
    #[default]
    Without,
    Only,
    Any,
}

/// A workspace with the id of its row.
pub(super) struct Found {
    pub(super) id: i64,
    pub(super) workspace: Workspace,
}

impl Store {
    /// Makes a workspace with its rules, or nothing.
    pub async fn create_workspace(&self, new: &NewWorkspace) -> Result<(Workspace, u64), StoreError> {
        let mut write = self.write().await?;
        let made = insert(&mut write, new, "create").await?;
        Ok((made.workspace, write.commit().await?))
    }

    pub async fn workspaces(&self, archived: Archived, page: &Page) -> Result<Listed<Summary>, StoreError> {
        let condition = match archived {
            Archived::Without => "w.archived_at IS NULL AND",
            Archived::Only => "w.archived_at IS NOT NULL AND",
            Archived::Any => "",
        };
        let sql = AssertSqlSafe(format!(
            "SELECT {SUMMARY_COLUMNS} FROM workspaces w WHERE {condition} w.name > $1 ORDER BY w.name LIMIT $2"
        ));
        let mut transaction = self.read().await?;
        let rows =
            sqlx::query(sql).bind(page.after().to_owned()).bind(page.rows()).fetch_all(&mut *transaction).await?;
        let mut items = rows.iter().map(summary).collect::<Result<Vec<_>, _>>()?;
        if let (Some(first), Some(last)) = (items.first(), items.last()) {
            let mut active = active_between(&mut transaction, &first.name, &last.name).await?;
            for item in &mut items {
                item.active_in = active.remove(&item.name).unwrap_or_default();
            }
        }
        Ok(Listed::cut(items, page, |workspace: &Summary| workspace.name.to_string()))
    }

    pub async fn workspace(&self, name: &Name) -> Result<Workspace, StoreError> {
        let mut transaction = self.read().await?;
        Ok(find(&mut transaction, name).await?.workspace)
    }

    /// Changes what the patch names. Everything that pointed at a renamed workspace still does.
    pub async fn patch_workspace(&self, name: &Name, patch: &WorkspacePatch) -> Result<(Workspace, u64), StoreError> {
        let mut write = self.write().await?;
        let Found { id, workspace: before } = find(write.connection(), name).await?;
        let after = before.patched(patch).map_err(StoreError::Invalid)?;
        if after == before {
            return Ok((before, write.commit().await?));
        }
        let action = if after.summary.name == before.summary.name { "update" } else { "rename" };
        update(&mut write, id, &before, &after).await?;
        let changed = find(write.connection(), &after.summary.name).await?.workspace;
        write.note(change(action, Some(before.to_json()), &changed));
        Ok((changed, write.commit().await?))
    }
}

/// Makes a workspace with its rules.
pub(super) async fn insert(
    write: &mut Write<'_>,
    new: &NewWorkspace,
    action: &'static str,
) -> Result<Found, StoreError> {
    let NewWorkspace { name, description, instructions, rules, models, deployments, settings } = new;
    let (id, now_ms) = (write.revision, write.now_ms);
    refuse_taken(write.connection(), name).await?;
    transfer::check_references(write.connection(), new).await?;
    sqlx::query(
        "INSERT INTO workspaces (id, name, description, instructions, settings, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $6)",
    )
    .bind(id)
    .bind(name.as_str())
    .bind(description.as_str())
    .bind(instructions.as_str())
    .bind(write_settings(settings)?)
    .bind(now_ms)
    .execute(write.connection())
    .await
    .map_err(|error| StoreError::taken(error, Kind::Workspace, name))?;
    collection::replace(write.connection(), id, models, deployments).await?;
    rules::insert(write.connection(), id, rules).await?;
    write.touch(Kind::Workspace, name.as_str());
    let made = find(write.connection(), name).await?;
    let after = Some(made.workspace.to_json_with(new));
    write.note(Change { action, kind: "workspace", name: name.to_string(), before: None, after });
    Ok(made)
}

/// Writes what differs, and tells nodes what they route by.
pub(super) async fn update(
    write: &mut Write<'_>,
    id: i64,
    before: &Workspace,
    after: &Workspace,
) -> Result<(), StoreError> {
    let (old, new) = (&before.summary.name, &after.summary.name);
    if old != new {
        refuse_default(old, "renamed")?;
        refuse_taken(write.connection(), new).await?;
    }
    let now_ms = write.now_ms;
    sqlx::query(
        "UPDATE workspaces SET name = $1, description = $2, instructions = $3, settings = $4, updated_at = $5 \
         WHERE id = $6",
    )
    .bind(new.as_str())
    .bind(after.summary.description.as_str())
    .bind(after.instructions.as_str())
    .bind(write_settings(&after.settings)?)
    .bind(now_ms)
    .bind(id)
    .execute(write.connection())
    .await
    .map_err(|error| StoreError::taken(error, Kind::Workspace, new))?;
    if old != new {
        note_former_name(write, id, old).await?;
        write.touch(Kind::Workspace, old.as_str());
        for session in active_in(write.connection(), id, i64::MAX).await? {
            write.touch(Kind::Session, session.as_str());
        }
        keys::touch_of_workspace(write, id).await?;
    }
    if (old, &before.instructions, &before.settings) != (new, &after.instructions, &after.settings) {
        write.touch(Kind::Workspace, new.as_str());
    }
    Ok(())
}

/// Says that something in a workspace changed.
pub(super) async fn touch(write: &mut Write<'_>, id: i64, name: &Name) -> Result<(), StoreError> {
    let now_ms = write.now_ms;
    sqlx::query("UPDATE workspaces SET updated_at = $1 WHERE id = $2")
        .bind(now_ms)
        .bind(id)
        .execute(write.connection())
        .await?;
    write.touch(Kind::Workspace, name.as_str());
    Ok(())
}

/// Requests that were decided under an old name are reported after it is gone.
async fn note_former_name(write: &mut Write<'_>, id: i64, name: &Name) -> Result<(), StoreError> {
    let revision = write.revision;
    sqlx::query("DELETE FROM former_names WHERE revision <= $1")
        .bind(revision - FORMER_NAMES_KEPT)
        .execute(write.connection())
        .await?;
    sqlx::query("INSERT INTO former_names (name, revision, workspace_id) VALUES ($1, $2, $3)")
        .bind(name.as_str())
        .bind(revision)
        .bind(id)
        .execute(write.connection())
        .await?;
    Ok(())
}

pub(super) fn change(action: &'static str, before: Option<serde_json::Value>, after: &Workspace) -> Change {
    Change { action, kind: "workspace", name: after.summary.name.to_string(), before, after: Some(after.to_json()) }
}

pub(super) fn refuse_default(name: &Name, refused: &'static str) -> Result<(), StoreError> {
    if name.as_str() == DEFAULT { Err(StoreError::Permanent { kind: Kind::Workspace, refused }) } else { Ok(()) }
}

async fn refuse_taken(connection: &mut AnyConnection, name: &Name) -> Result<(), StoreError> {
    let row = sqlx::query("SELECT archived_at FROM workspaces WHERE name = $1")
        .bind(name.as_str())
        .fetch_optional(connection)
        .await?;
    match row.map(|row| row.try_get::<Option<i64>, _>("archived_at")).transpose()? {
        None => Ok(()),
        Some(None) => Err(StoreError::Taken { kind: Kind::Workspace, name: name.to_string() }),
        Some(Some(_)) => Err(StoreError::TakenByArchived(name.clone())),
    }
}

/// The row that a name stands for.
pub(super) async fn id(connection: &mut AnyConnection, name: &Name) -> Result<i64, StoreError> {
    let row = sqlx::query("SELECT id FROM workspaces WHERE name = $1")
        .bind(name.as_str())
        .fetch_optional(connection)
        .await?
        .ok_or_else(|| missing(name))?;
    Ok(row.try_get("id")?)
}

fn missing(name: &Name) -> StoreError {
    StoreError::NotFound { kind: Kind::Workspace, name: name.to_string() }
}

pub(super) async fn find(connection: &mut AnyConnection, name: &Name) -> Result<Found, StoreError> {
    lookup(connection, name).await?.ok_or_else(|| missing(name))
}

pub(super) async fn lookup(connection: &mut AnyConnection, name: &Name) -> Result<Option<Found>, StoreError> {
    let sql = AssertSqlSafe(format!(
        "SELECT {SUMMARY_COLUMNS}, w.instructions, w.settings FROM workspaces w WHERE w.name = $1"
    ));
    let row = sqlx::query(sql).bind(name.as_str()).fetch_optional(&mut *connection).await?;
    let Some(row) = row else { return Ok(None) };
    let id = row.try_get("id")?;
    let active_in = active_in(connection, id, ACTIVE_IN_MAX).await?;
    let workspace = Workspace {
        summary: Summary { active_in, ..summary(&row)? },
        instructions: row.try_get("instructions")?,
        settings: read_settings(&row)?,
    };
    Ok(Some(Found { id, workspace }))
}

/// Without the sessions in which it is active.
fn summary(row: &AnyRow) -> Result<Summary, StoreError> {
    Ok(Summary {
        name: read_name(row, "name")?,
        description: row.try_get("description")?,
        archived_at_ms: row.try_get("archived_at")?,
        active_in: Vec::new(),
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

fn write_settings(settings: &Settings) -> Result<String, StoreError> {
    serde_json::to_string(settings).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// Sessions in which a workspace is active.
async fn active_in(connection: &mut AnyConnection, workspace_id: i64, limit: i64) -> Result<Vec<Name>, StoreError> {
    let rows = sqlx::query("SELECT id FROM sessions WHERE workspace_id = $1 ORDER BY id LIMIT $2")
        .bind(workspace_id)
        .bind(limit)
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| read_name(row, "id")).collect()
}

/// The same for all workspaces whose names lie between two, at most [`ACTIVE_IN_MAX`] each.
async fn active_between(
    connection: &mut AnyConnection,
    first: &Name,
    last: &Name,
) -> Result<BTreeMap<Name, Vec<Name>>, StoreError> {
    let rows = sqlx::query(
        "SELECT name, session FROM (SELECT w.name, s.id AS session, \
         ROW_NUMBER() OVER (PARTITION BY w.id ORDER BY s.id) AS place \
         FROM workspaces w JOIN sessions s ON s.workspace_id = w.id WHERE w.name >= $1 AND w.name <= $2) AS placed \
         WHERE place <= $3 ORDER BY session",
    )
    .bind(first.as_str())
    .bind(last.as_str())
    .bind(ACTIVE_IN_MAX)
    .fetch_all(connection)
    .await?;
    let mut active: BTreeMap<Name, Vec<Name>> = BTreeMap::new();
    for row in &rows {
        active.entry(read_name(row, "name")?).or_default().push(read_name(row, "session")?);
    }
    Ok(active)
}

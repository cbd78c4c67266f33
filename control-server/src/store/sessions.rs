//! Sessions and the workspace that is active in each.

use mux::config::{self, DEFAULT, Name};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::changes::read_name;
use super::error::{Kind, StoreError};
use super::{Listed, Page, Store, keys};
use crate::domain::audit::Change;
use crate::domain::session::{NewSession, Session, SessionPatch};

impl Store {
    pub async fn sessions(&self, page: &Page) -> Result<Listed<Session>, StoreError> {
        let rows = sqlx::query(
            "SELECT s.id, s.label, w.name AS workspace, s.updated_at, s.last_seen_at \
             FROM sessions s JOIN workspaces w ON w.id = s.workspace_id WHERE s.id > $1 ORDER BY s.id LIMIT $2",
        )
        .bind(page.after().to_owned())
        .bind(page.rows())
        .fetch_all(self.pool())
        .await?;
        let items = rows.iter().map(session).collect::<Result<_, _>>()?;
        Ok(Listed::cut(items, page, |session: &Session| session.id.to_string()))
    }

    pub async fn session(&self, id: &Name) -> Result<Session, StoreError> {
        let mut transaction = self.read().await?;
        find(&mut transaction, id).await
    }

    pub async fn create_session(&self, new: &NewSession) -> Result<(Session, u64), StoreError> {
        let NewSession { id, label, active_workspace } = new;
        let mut write = self.write().await?;
        let workspace_id = active_id(write.connection(), active_workspace).await?;
        let now_ms = write.now_ms;
        sqlx::query("INSERT INTO sessions (id, label, workspace_id, updated_at) VALUES ($1, $2, $3, $4)")
            .bind(id.as_str())
            .bind(label.as_str())
            .bind(workspace_id)
            .bind(now_ms)
            .execute(write.connection())
            .await
            .map_err(|error| StoreError::taken(error, Kind::Session, id))?;
        let made = find(write.connection(), id).await?;
        write.touch(Kind::Session, id.as_str());
        write.note(change("create", id, None, Some(&made)));
        Ok((made, write.commit().await?))
    }

    /// Changes what the patch names; a workspace becomes active only if it is not archived.
    pub async fn patch_session(&self, id: &Name, patch: &SessionPatch) -> Result<(Session, u64), StoreError> {
        let SessionPatch { label, active_workspace } = patch;
        let mut write = self.write().await?;
        let workspace = match active_workspace {
            Some(name) => Some((name, active_id(write.connection(), name).await?)),
            None => None,
        };
        let before = find(write.connection(), id).await?;
        let workspace = workspace.filter(|(name, _)| **name != before.active_workspace);
        let label = label.as_ref().filter(|label| **label != before.label);
        if workspace.is_none() && label.is_none() {
            return Ok((before, write.commit().await?));
        }
        let now_ms = write.now_ms;
        sqlx::query(
            "UPDATE sessions SET workspace_id = COALESCE($1, workspace_id), label = $2, updated_at = $3 WHERE id = $4",
        )
        .bind(workspace.map(|(_, workspace_id)| workspace_id))
        .bind(label.unwrap_or(&before.label).clone())
        .bind(now_ms)
        .bind(id.as_str())
        .execute(write.connection())
        .await?;
        let after = find(write.connection(), id).await?;
        if workspace.is_some() {
            write.touch(Kind::Session, id.as_str());
        }
        let action = if workspace.is_some() { "activate" } else { "update" };
        write.note(change(action, id, Some(&before), Some(&after)));
        Ok((after, write.commit().await?))
    }

    /// Makes a workspace the active one of a session; nothing changes if it is already.
    pub async fn activate(&self, workspace: &Name, session: &Name) -> Result<(Session, u64), StoreError> {
        let patch = SessionPatch { active_workspace: Some(workspace.clone()), ..SessionPatch::default() };
        self.patch_session(session, &patch).await
    }

    /// Removes a session, and the keys that open what is active in it: one of the same id may be made for others.
    pub async fn delete_session(&self, id: &Name) -> Result<u64, StoreError> {
        let mut write = self.write().await?;
        if id.as_str() == DEFAULT {
            return Err(StoreError::Permanent { kind: Kind::Session, refused: "deleted" });
        }
        let before = find(write.connection(), id).await?;
        let revoked = keys::touch_of_session(&mut write, id).await?;
        sqlx::query("DELETE FROM sessions WHERE id = $1").bind(id.as_str()).execute(write.connection()).await?;
        write.touch(Kind::Session, id.as_str());
        let mut change = change("delete", id, Some(&before), None);
        if let Some(before) = change.before.as_mut().filter(|_| !revoked.is_empty()) {
            before["keys"] = revoked.into();
        }
        write.note(change);
        write.commit().await
    }
}

fn change(action: &'static str, id: &Name, before: Option<&Session>, after: Option<&Session>) -> Change {
    let (before, after) = (before.map(Session::to_json), after.map(Session::to_json));
    Change { action, kind: Kind::Session.as_str(), name: id.to_string(), before, after }
}

/// The row of a workspace that may be active.
async fn active_id(connection: &mut AnyConnection, name: &Name) -> Result<i64, StoreError> {
    let row = sqlx::query("SELECT id, archived_at FROM workspaces WHERE name = $1")
        .bind(name.as_str())
        .fetch_optional(connection)
        .await?
        .ok_or_else(|| StoreError::NotFound { kind: Kind::Workspace, name: name.to_string() })?;
    match row.try_get::<Option<i64>, _>("archived_at")? {
        None => Ok(row.try_get("id")?),
        Some(_) => Err(StoreError::Archived(name.clone())),
    }
}

async fn find(connection: &mut AnyConnection, id: &Name) -> Result<Session, StoreError> {
    let row = sqlx::query(
        "SELECT s.id, s.label, w.name AS workspace, s.updated_at, s.last_seen_at \
         FROM sessions s JOIN workspaces w ON w.id = s.workspace_id WHERE s.id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(connection)
    .await?;
    row.as_ref()
        .map(session)
        .transpose()?
        .ok_or_else(|| StoreError::NotFound { kind: Kind::Session, name: id.to_string() })
}

fn session(row: &AnyRow) -> Result<Session, StoreError> {
    Ok(Session {
        id: read_name(row, "id")?,
        label: row.try_get("label")?,
        active_workspace: read_name(row, "workspace")?,
        updated_at_ms: row.try_get("updated_at")?,
        last_seen_ms: row.try_get("last_seen_at")?,
    })
}

/// Every session, as the data plane needs it.
pub(super) async fn all(connection: &mut AnyConnection) -> Result<Vec<config::Session>, StoreError> {
    let rows = sqlx::query(
        "SELECT s.id, w.name AS workspace FROM sessions s JOIN workspaces w ON w.id = s.workspace_id ORDER BY s.id",
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(data_plane).collect()
}

pub(super) async fn one(connection: &mut AnyConnection, id: &Name) -> Result<Option<config::Session>, StoreError> {
    let row = sqlx::query(
        "SELECT s.id, w.name AS workspace FROM sessions s JOIN workspaces w ON w.id = s.workspace_id WHERE s.id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(data_plane).transpose()
}

fn data_plane(row: &AnyRow) -> Result<config::Session, StoreError> {
    Ok(config::Session { id: read_name(row, "id")?, active_workspace: read_name(row, "workspace")? })
}

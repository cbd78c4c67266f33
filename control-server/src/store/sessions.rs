//! Sessions and the workspace that is active in each.

use mux::config::{self, Name};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::changes::read_name;
use super::error::{Kind, StoreError};
use super::{Listed, Page, Store};
use crate::domain::session::Session;

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

    /// Makes a workspace the active one of a session; nothing changes if it is already.
    pub async fn activate(&self, workspace: &Name, session: &Name) -> Result<(Session, u64), StoreError> {
        let mut write = self.write().await?;
        let row = sqlx::query("SELECT id, archived_at FROM workspaces WHERE name = $1")
            .bind(workspace.as_str())
            .fetch_optional(write.connection())
            .await?
            .ok_or_else(|| StoreError::NotFound { kind: Kind::Workspace, name: workspace.to_string() })?;
        if row.try_get::<Option<i64>, _>("archived_at")?.is_some() {
            return Err(StoreError::Archived(workspace.clone()));
        }
        let before = find(write.connection(), session).await?;
        if before.active_workspace == *workspace {
            return Ok((before, write.commit().await?));
        }
        let now_ms = write.now_ms;
        sqlx::query("UPDATE sessions SET workspace_id = $1, updated_at = $2 WHERE id = $3")
            .bind(row.try_get::<i64, _>("id")?)
            .bind(now_ms)
            .bind(session.as_str())
            .execute(write.connection())
            .await?;
        let after = find(write.connection(), session).await?;
        write.touch(Kind::Session, session.as_str());
        Ok((after, write.commit().await?))
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

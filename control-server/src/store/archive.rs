//! Workspaces that leave routing, come back, or go for good.

use mux::config::Name;

use super::error::{Kind, StoreError};
use super::workspaces::{Found, change, find, refuse_default};
use super::write::Write;
use super::{Store, keys, transfer};
use crate::domain::audit::Change;
use crate::domain::workspace::Workspace;

impl Store {
    /// Takes a workspace out of routing and keeps all of it.
    pub async fn archive_workspace(&self, name: &Name) -> Result<(Workspace, u64), StoreError> {
        let mut write = self.write().await?;
        refuse_default(name, "archived")?;
        let Found { id, workspace } = find(write.connection(), name).await?;
        if !workspace.summary.active_in.is_empty() {
            return Err(StoreError::Active { workspace: name.clone(), active_in: workspace.summary.active_in });
        }
        let now_ms = write.now_ms;
        set_archived(write, id, workspace, Some(now_ms)).await
    }

    /// Brings an archived workspace back into routing; one that is not archived stays as it is.
    pub async fn recover_workspace(&self, name: &Name) -> Result<(Workspace, u64), StoreError> {
        let mut write = self.write().await?;
        let Found { id, workspace } = find(write.connection(), name).await?;
        set_archived(write, id, workspace, None).await
    }

    /// Removes an archived workspace and its history.
    pub async fn delete_workspace(&self, name: &Name) -> Result<u64, StoreError> {
        let mut write = self.write().await?;
        refuse_default(name, "deleted")?;
        let Found { id, workspace } = find(write.connection(), name).await?;
        if workspace.summary.archived_at_ms.is_none() {
            return Err(StoreError::NotArchived(name.clone()));
        }
        let whole = transfer::whole(write.connection(), id, workspace.clone()).await?;
        keys::touch_of_workspace(&mut write, id).await?;
        sqlx::query("DELETE FROM workspaces WHERE id = $1").bind(id).execute(write.connection()).await?;
        let before = Some(workspace.to_json_with(&whole));
        write.note(Change { action: "delete", kind: "workspace", name: name.to_string(), before, after: None });
        write.commit().await
    }
}

async fn set_archived(
    mut write: Write<'_>,
    id: i64,
    before: Workspace,
    archived_at_ms: Option<i64>,
) -> Result<(Workspace, u64), StoreError> {
    if before.summary.archived_at_ms.is_some() == archived_at_ms.is_some() {
        return Ok((before, write.commit().await?));
    }
    let now_ms = write.now_ms;
    sqlx::query("UPDATE workspaces SET archived_at = $1, updated_at = $2 WHERE id = $3")
        .bind(archived_at_ms)
        .bind(now_ms)
        .bind(id)
        .execute(write.connection())
        .await?;
    write.touch(Kind::Workspace, before.summary.name.as_str());
    keys::touch_of_workspace(&mut write, id).await?;
    let after = find(write.connection(), &before.summary.name).await?.workspace;
    let action = if archived_at_ms.is_some() { "archive" } else { "recover" };
    write.note(change(action, Some(before.to_json()), &after));
    Ok((after, write.commit().await?))
}

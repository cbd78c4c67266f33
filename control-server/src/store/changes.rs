//! What the publisher reads: the state as a whole, and what changed since a revision.

use mux::config;
use mux::config::Name;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::error::{Kind, StoreError};
use super::{Store, keys, providers, rules, sessions};
use crate::domain::provider::Provider;

/// Everything that the data plane needs, at one revision.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub revision: u64,
    pub workspaces: Vec<config::Workspace>,
    pub sessions: Vec<config::Session>,
    pub providers: Vec<Provider>,
    pub keys: Vec<config::Key>,
}

/// The newest value of a resource that changed, or that it is gone: its name, or its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<T, N = Name> {
    Upsert(T),
    Removal(N),
}

/// What changed since some revision, up to `revision`; each resource is named once.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub revision: u64,
    pub workspaces: Vec<Change<config::Workspace>>,
    pub sessions: Vec<Change<config::Session>>,
    pub providers: Vec<Change<Provider>>,
    pub keys: Vec<Change<config::Key, u64>>,
}

impl Store {
    /// Everything that the data plane needs, read at one revision. Rules whose provider is gone are left out.
    pub async fn state(&self) -> Result<State, StoreError> {
        let mut transaction = self.read().await?;
        let LogBounds { revision, .. } = bounds(&mut transaction).await?;
        let workspaces = rules::all_workspaces(&mut transaction).await?;
        let sessions = sessions::all(&mut transaction).await?;
        let providers = providers::all(&mut transaction, &self.shared.master_key).await?;
        let keys = keys::all(&mut transaction).await?;
        transaction.commit().await?;
        Ok(State { revision: revision.unsigned_abs(), workspaces, sessions, providers, keys })
    }

    /// What changed after `revision`; `None`: the log does not reach back that far, or the revision is not of this
    /// database.
    pub async fn changes_since(&self, revision: u64) -> Result<Option<Changes>, StoreError> {
        let mut transaction = self.read().await?;
        let LogBounds { floor, revision: newest } = bounds(&mut transaction).await?;
        let since = i64::try_from(revision).unwrap_or(i64::MAX);
        if since < floor || since > newest {
            return Ok(None);
        }
        let rows = sqlx::query(
            "SELECT DISTINCT kind, name FROM changes WHERE revision > $1 AND kind <> $2 ORDER BY kind, name",
        )
        .bind(since)
        .bind(Kind::Key.as_str())
        .fetch_all(&mut *transaction)
        .await?;
        let keys = keys::changed_since(&mut transaction, since).await?;
        let mut changes = Changes { revision: newest.unsigned_abs(), keys, ..Changes::default() };
        for row in rows {
            let kind: String = row.try_get("kind")?;
            let name = read_name(&row, "name")?;
            self.add_change(&mut transaction, &mut changes, &kind, name).await?;
        }
        transaction.commit().await?;
        Ok(Some(changes))
    }

    async fn add_change(
        &self,
        connection: &mut AnyConnection,
        changes: &mut Changes,
        kind: &str,
        name: Name,
    ) -> Result<(), StoreError> {
        if kind == Kind::Workspace.as_str() {
            let found = rules::one_workspace(connection, &name).await?;
            changes.workspaces.push(found.map_or(Change::Removal(name), Change::Upsert));
        } else if kind == Kind::Session.as_str() {
            let found = sessions::one(connection, &name).await?;
            changes.sessions.push(found.map_or(Change::Removal(name), Change::Upsert));
        } else if kind == Kind::Provider.as_str() {
            let found = providers::find(connection, &self.shared.master_key, &name).await?;
            changes.providers.push(found.map_or(Change::Removal(name), |found| Change::Upsert(found.provider)));
        } else {
            return Err(StoreError::Corrupt(format!("change of kind `{kind}`")));
        }
        Ok(())
    }
}

struct LogBounds {
    floor: i64,
    revision: i64,
}

async fn bounds(connection: &mut AnyConnection) -> Result<LogBounds, StoreError> {
    let row = sqlx::query("SELECT log_floor, revision FROM store").fetch_one(connection).await?;
    Ok(LogBounds { floor: row.try_get("log_floor")?, revision: row.try_get("revision")? })
}

/// A name as it stands in a column.
pub(super) fn read_name(row: &AnyRow, column: &str) -> Result<Name, StoreError> {
    let text: String = row.try_get(column)?;
    text.parse().map_err(|_| StoreError::Corrupt(format!("the name `{text}`")))
}

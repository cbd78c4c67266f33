//! One change: a transaction with its revision and the list of what it touched.

use std::collections::BTreeSet;

use sqlx::{Any, AnyConnection, Row, Transaction};
use tokio::sync::MutexGuard;

use super::error::{Kind, StoreError};
use super::{CHANGES_KEPT, Store, audit};
use crate::domain::audit::{Change, Entry};
use crate::domain::event::Event;

/// The log is cut every so many revisions.
const CUT_EVERY: i64 = 256;

pub(super) type Touched = BTreeSet<(Kind, String)>;

/// A change under way. Dropped without a commit, it leaves nothing.
pub(super) struct Write<'s> {
    store: &'s Store,
    transaction: Transaction<'static, Any>,
    /// The revision that this change will be, unless it touches nothing.
    pub(super) revision: i64,
    pub(super) now_ms: i64,
    touched: Touched,
    changes: Vec<Change>,
    _writer: MutexGuard<'s, ()>,
}

impl Store {
    /// Begins a change. Its first statement counts the revision up, which locks out every other change until the end.
    pub(super) async fn write(&self) -> Result<Write<'_>, StoreError> {
        let writer = self.shared.writer.lock().await;
        let mut transaction = self.pool().begin().await?;
        let row = sqlx::query("UPDATE store SET revision = revision + 1 RETURNING revision")
            .fetch_one(&mut *transaction)
            .await?;
        Ok(Write {
            store: self,
            transaction,
            revision: row.try_get("revision")?,
            now_ms: now_ms(),
            touched: Touched::new(),
            changes: Vec::new(),
            _writer: writer,
        })
    }

    /// Begins a transaction that writes what no node needs to know: it counts no revision.
    pub(super) async fn write_quietly(&self) -> Result<Quiet<'_>, StoreError> {
        let writer = self.shared.writer.lock().await;
        Ok(Quiet { transaction: self.pool().begin().await?, _writer: writer })
    }

    /// Begins a transaction that reads one consistent state.
    pub(super) async fn read(&self) -> Result<Transaction<'static, Any>, StoreError> {
        Ok(self.pool().begin().await?)
    }
}

/// A transaction without a revision. Its first statement must be one that writes.
pub(super) struct Quiet<'s> {
    transaction: Transaction<'static, Any>,
    _writer: MutexGuard<'s, ()>,
}

impl Quiet<'_> {
    pub(super) fn connection(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }

    pub(super) async fn commit(self) -> Result<(), StoreError> {
        Ok(self.transaction.commit().await?)
    }
}

impl Write<'_> {
    pub(super) fn connection(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }

    /// Says that a resource changed or went, so that nodes are told.
    pub(super) fn touch(&mut self, kind: Kind, name: impl Into<String>) {
        self.touched.insert((kind, name.into()));
    }

    /// Says what changed, for people.
    pub(super) fn note(&mut self, change: Change) {
        self.changes.push(change.bounded());
    }

    /// Leaves nothing, and returns the present revision.
    pub(super) async fn abandon(self) -> Result<u64, StoreError> {
        self.transaction.rollback().await?;
        Ok((self.revision - 1).unsigned_abs())
    }

    /// Commits and returns the revision that holds the change: a new one if anything was touched or noted, else the
    /// present one.
    pub(super) async fn commit(self) -> Result<u64, StoreError> {
        if self.touched.is_empty() && self.changes.is_empty() {
            return self.abandon().await;
        }
        let Self { store, mut transaction, revision, now_ms, touched, changes, _writer } = self;
        log_changes(&mut transaction, revision, &touched).await?;
        let entries: Vec<Entry> = (1_u64..)
            .zip(changes)
            .map(|(number, change)| Entry::new(revision.unsigned_abs(), number, now_ms, store.actor, change))
            .collect();
        audit::insert(&mut transaction, &entries).await?;
        if revision % CUT_EVERY == 0 {
            cut_log(&mut transaction).await?;
            audit::cut(&mut transaction).await?;
        }
        transaction.commit().await?;
        let revision = revision.unsigned_abs();
        store.shared.committed.send_modify(|newest| *newest = revision.max(*newest));
        // The next writer waits until here, so events come in the order of revisions.
        for entry in entries {
            store.shared.tell(Event::Change(entry.into()));
        }
        Ok(revision)
    }
}

pub(super) async fn log_changes(
    connection: &mut AnyConnection,
    revision: i64,
    touched: &Touched,
) -> Result<(), StoreError> {
    for (kind, name) in touched {
        sqlx::query("INSERT INTO changes (revision, kind, name) VALUES ($1, $2, $3)")
            .bind(revision)
            .bind(kind.as_str())
            .bind(name.as_str())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Keeps the newest [`CHANGES_KEPT`] rows, in whole revisions.
async fn cut_log(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let oldest_out = sqlx::query("SELECT revision FROM changes ORDER BY revision DESC LIMIT 1 OFFSET $1")
        .bind(CHANGES_KEPT)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = oldest_out else { return Ok(()) };
    let floor: i64 = row.try_get("revision")?;
    sqlx::query("DELETE FROM changes WHERE revision <= $1").bind(floor).execute(&mut *connection).await?;
    sqlx::query("UPDATE store SET log_floor = $1").bind(floor).execute(&mut *connection).await?;
    Ok(())
}

pub(super) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

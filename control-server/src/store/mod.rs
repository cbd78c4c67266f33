//! What is kept: the only module that speaks SQL. Every change is one transaction that counts the revision up by one
//! and logs what it touched; a refused change leaves nothing.
//!
//! It speaks through `sqlx::Any` with SQL that SQLite and PostgreSQL both know, so that one set of statements and one
//! set of tests serves both. It knows nothing of HTTP, gRPC or Envoy.

mod archive;
mod audit;
mod catalog;
mod changes;
mod collection;
mod deployments;
mod error;
mod keys;
mod lint;
mod models;
mod open;
mod personas;
mod providers;
mod records;
mod rules;
mod seal;
mod sessions;
mod transfer;
mod usage;
mod workspaces;
mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::AnyPool;
use tokio::sync::{Mutex, broadcast, watch};

use crate::domain::audit::Actor;
use crate::domain::event::Event;
pub use changes::{Change, Changes, State};
pub use error::{Kind, StoreError, Use, User};
pub use providers::IfUsed;
pub use seal::{InvalidMasterKey, MASTER_KEY_BYTES, MasterKey};
pub use transfer::{Imported, Run};
pub use workspaces::Archived;

/// Rows of the log of changes that are kept; a publisher that is further behind reads the whole state.
pub const CHANGES_KEPT: i64 = 10_000;
/// Entries of the log of who changed what that are kept.
pub const AUDIT_KEPT: i64 = 50_000;
/// Items that one page of a list may hold.
pub const PAGE_MAX: u32 = 500;

/// The database. Clones share one pool.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    /// Whose doing the changes are that are made through this clone.
    actor: Actor,
}

struct Shared {
    pool: AnyPool,
    /// Taken by every transaction that writes: SQLite lets in one at a time, and a queue is fairer than its polling.
    writer: Mutex<()>,
    master_key: MasterKey,
    id: String,
    committed: watch::Sender<u64>,
    events: broadcast::Sender<Event>,
    counters: Counters,
}

#[derive(Default)]
struct Counters {
    inserted: AtomicU64,
    duplicates: AtomicU64,
}

/// What this process stored since it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordCounts {
    pub inserted: u64,
    pub duplicates: u64,
}

impl Store {
    /// The same store, for changes by somebody.
    pub fn acting_as(&self, actor: Actor) -> Self {
        Self { shared: Arc::clone(&self.shared), actor }
    }

    /// Identity of the database: random, made with it.
    pub fn id(&self) -> &str {
        &self.shared.id
    }

    /// The newest committed revision.
    pub fn committed(&self) -> watch::Receiver<u64> {
        self.shared.committed.subscribe()
    }

    /// What is committed from now on. Nobody waits for a slow reader: it loses the oldest and is told how many.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.shared.events.subscribe()
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT revision FROM store").fetch_one(self.pool()).await?;
        Ok(())
    }

    pub fn record_counts(&self) -> RecordCounts {
        let Counters { inserted, duplicates } = &self.shared.counters;
        RecordCounts { inserted: inserted.load(Ordering::Relaxed), duplicates: duplicates.load(Ordering::Relaxed) }
    }

    fn pool(&self) -> &AnyPool {
        &self.shared.pool
    }
}

impl Shared {
    fn tell(&self, event: Event) {
        // An error means that nobody listens.
        _ = self.events.send(event);
    }
}

/// Part of a list: those after `after`, at most `limit`.
#[derive(Clone, Debug)]
pub struct Page {
    pub after: Option<String>,
    pub limit: u32,
}

impl Page {
    /// One more row than asked for tells whether there is a next page.
    fn rows(&self) -> i64 {
        i64::from(self.limit.min(PAGE_MAX)) + 1
    }

    fn after(&self) -> &str {
        self.after.as_deref().unwrap_or_default()
    }
}

/// A page's items, and where the next page begins.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

impl<T> Listed<T> {
    /// Cuts rows that were read with [`Page::rows`].
    fn cut(mut items: Vec<T>, page: &Page, name: impl Fn(&T) -> String) -> Self {
        let limit = page.limit.min(PAGE_MAX) as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(name) } else { None };
        Self { items, next }
    }
}

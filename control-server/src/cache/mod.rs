//! Answers of providers that are kept for whoever asks the same again: in memory, bounded in bytes, shared by all nodes.
//!
//! It knows neither REST nor SQL nor gRPC, writes nothing to disk, and never computes a key: the nodes do, and what is part
//! of a key keeps workspaces apart. A restart forgets everything.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::notification::RemovalCause;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::domain::record::TokenUsage;

/// Bytes of all entries, unless a setting says otherwise.
pub const CACHE_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes of the texts of one entry.
pub const ENTRY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of a key: a SHA-256.
pub const KEY_BYTES: usize = 32;

/// What an entry takes beside its texts: key, places in the tables of the cache, timer, and what allocators add. An
/// upper estimate, so that many small answers take no more than what is allowed either.
const ENTRY_OVERHEAD_BYTES: usize = 512;

/// What decides an answer, as the SHA-256 of it.
pub type Key = [u8; KEY_BYTES];

/// A whole answer, and who gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Plain JSON.
    pub body: Vec<u8>,
    pub provider: String,
    pub model: String,
    /// `None`: the provider said nothing.
    pub usage: Option<TokenUsage>,
    pub stored_at_ms: u64,
}

/// The kept answers. Clones share them.
#[derive(Clone)]
pub struct AnswerCache {
    entries: Cache<Key, Entry>,
    counters: Arc<Counters>,
}

#[derive(Clone)]
struct Entry {
    answer: Arc<Answer>,
    ttl: Duration,
}

#[derive(Default)]
struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    evictions: AtomicU64,
}

/// What the cache did since it began, and what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    pub hits: u64,
    pub misses: u64,
    /// Entries that went to make room.
    pub evictions: u64,
    pub entries: u64,
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an answer has at most {ENTRY_BYTES_MAX} bytes, not {0}")]
pub struct TooLarge(pub usize);

impl AnswerCache {
    /// For at most so many bytes; 0: nothing is kept. Past that, what nobody asked for longest goes.
    pub fn new(bytes: u64) -> Self {
        let counters = Arc::new(Counters::default());
        let evicted = Arc::clone(&counters);
        let entries = Cache::builder()
            .max_capacity(bytes)
            .weigher(|_, entry: &Entry| u32::try_from(entry.answer.weight()).unwrap_or(u32::MAX))
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(OwnTime)
            .eviction_listener(move |_, _, cause| {
                if cause == RemovalCause::Size {
                    evicted.evictions.fetch_add(1, Ordering::Relaxed);
                }
            })
            .build();
        Self { entries, counters }
    }

    pub fn get(&self, key: &Key) -> Option<Arc<Answer>> {
        let found = self.entries.get(key).map(|entry| entry.answer);
        let Counters { hits, misses, .. } = &*self.counters;
        let counter = if found.is_some() { hits } else { misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// Keeps an answer for so long, instead of the one that was kept by the same key.
    pub fn put(&self, key: Key, answer: Answer, ttl: Duration) -> Result<(), TooLarge> {
        let bytes = answer.bytes();
        if bytes > ENTRY_BYTES_MAX {
            return Err(TooLarge(bytes));
        }
        self.entries.insert(key, Entry { answer: Arc::new(answer), ttl });
        self.make_room();
        Ok(())
    }

    /// The crate lets hundreds of new entries wait before it makes room for them, each of which may be large, and makes
    /// room by a few hundred entries at a time, which may be small.
    fn make_room(&self) {
        let allowed = self.entries.policy().max_capacity().unwrap_or(u64::MAX);
        let mut before = u64::MAX;
        loop {
            self.entries.run_pending_tasks();
            let held = self.entries.weighted_size();
            // No progress: others put as fast, and make room as well.
            if held <= allowed || held >= before {
                return;
            }
            before = held;
        }
    }

    pub fn stats(&self) -> CacheStats {
        // What has expired goes now.
        self.entries.run_pending_tasks();
        let Counters { hits, misses, evictions } = &*self.counters;
        CacheStats {
            hits: hits.load(Ordering::Relaxed),
            misses: misses.load(Ordering::Relaxed),
            evictions: evictions.load(Ordering::Relaxed),
            entries: self.entries.entry_count(),
            bytes: self.entries.weighted_size(),
        }
    }
}

impl Answer {
    /// Bytes of its texts.
    fn bytes(&self) -> usize {
        let Self { body, provider, model, usage, stored_at_ms: _ } = self;
        body.len() + provider.len() + model.len() + usage.as_ref().map_or(0, |usage| usage.raw.len())
    }

    fn weight(&self) -> usize {
        self.bytes() + ENTRY_OVERHEAD_BYTES
    }
}

/// Each entry expires in a time of its own, which reading does not renew.
struct OwnTime;

impl Expiry<Key, Entry> for OwnTime {
    fn expire_after_create(&self, _: &Key, entry: &Entry, _: Instant) -> Option<Duration> {
        Some(entry.ttl)
    }

    fn expire_after_update(&self, _: &Key, entry: &Entry, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(entry.ttl)
    }
}

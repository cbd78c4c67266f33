//! What all contexts of one VM share.

use mux::snapshot::Snapshot;

use crate::balance::Balances;
use crate::cache::Cache;
use crate::exchange::{Exchanges, Shared};
use crate::limits::Limits;
use crate::report::Queue;

/// One Envoy worker's VM: a node.
#[derive(Debug)]
pub struct Vm {
    /// Random, 16 hexadecimal digits.
    pub node: String,
    pub snapshot: Snapshot,
    pub exchanges: Exchanges,
    pub queue: Queue,
    pub balances: Balances,
    pub limits: Limits,
    pub cache: Cache,
    /// Milliseconds since 1970 as of the newest event that came with the time. Asking Envoy costs, so events that follow
    /// closely on others come without.
    pub now_ms: u64,
    pub counts: Counts,
}

/// Since the VM began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sent on to a provider.
    pub routed: u64,
    /// Answered by the filter with an error of the caller's.
    pub refused: u64,
    /// Refused because there was no snapshot yet.
    pub not_ready: u64,
    /// Revisions that were received and not taken.
    pub nacked: u64,
    /// Fields of requests that a provider's dialect could not express and that changed no meaning.
    pub fields_dropped: u64,
    /// Requests with further targets that went without the body for them: too many bytes were kept already.
    pub bodies_not_kept: u64,
    /// Requests that were answered with what was kept.
    pub cache_hits: u64,
    /// Requests that might have been.
    pub cache_misses: u64,
}

impl Vm {
    pub fn new(random: u64) -> Self {
        Self {
            node: format!("{random:016x}"),
            snapshot: Snapshot::default(),
            exchanges: Exchanges::default(),
            queue: Queue::default(),
            balances: Balances::new(random),
            limits: Limits::default(),
            cache: Cache::default(),
            now_ms: 0,
            counts: Counts::default(),
        }
    }

    /// Unique over all nodes: the node, then the exchange's number.
    pub fn request_id(&self, number: u64) -> String {
        format!("{}{number:08x}", self.node)
    }

    /// The number in a request id of this VM.
    pub fn number_in(&self, request_id: &str) -> Option<u64> {
        u64::from_str_radix(request_id.strip_prefix(&self.node)?, 16).ok()
    }

    /// One context of an exchange has ended; the last one's end makes its record.
    pub fn end_one(&mut self, exchange: &Shared) {
        if let Some(record) = self.exchanges.end_one(exchange, self.now_ms) {
            let key = self.snapshot.key_by_id(record.key).filter(|key| key.tokens_per_minute().is_some());
            if let Some(key) = key {
                self.limits.spend(key.id, &record.attempts, self.now_ms);
            }
            self.queue.push(&record);
        }
    }
}

//! Answers that are kept: this VM's own copies of those that it met lately, and those on their way to the control server,
//! which keeps them for everybody. What either of them fails to give is a miss, and nothing else.

mod collect;

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

use lru::LruCache;
use mux::cache::Key;
use prost::Message;
use proto::v1;

pub use collect::Collecting;

/// How long the control server may take to find an answer.
pub const ASK_TIMEOUT_MS: u64 = 20;
/// How long it may take to keep one.
pub const PUT_TIMEOUT_MS: u64 = 1_000;
/// Bytes of an answer; a larger one is not kept.
pub const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Bytes of all answers under way in one VM, as far as they came, that are to be kept when they are complete. Past it
/// further ones are not.
pub const COLLECTED_BYTES_MAX: usize = 32 << 20;
/// A VM's own copies.
const ENTRIES_MAX: usize = 4_096;
/// Their bytes.
const BYTES_MAX: usize = 16 << 20;
/// What an entry takes besides its answer's bytes.
const ENTRY_BYTES: usize = 256;
/// Answers that wait to be sent to the control server. Past it the oldest is left out.
const PUTS_MAX: usize = 1_024;
/// Their bytes.
const PUTS_BYTES_MAX: usize = 16 << 20;
/// Answers that are sent between two ticks: with the time that each of them has, this bounds how many are under way.
const PUTS_A_TICK_MAX: usize = 64;

/// What a request does about the answer that is on its way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    pub key: Key,
    pub ttl_s: u32,
    /// Whether a stream is to tell its usage.
    pub include_usage: bool,
    /// Whether it takes what is kept already.
    pub reads: bool,
}

pub struct Cache {
    copies: LruCache<Key, Entry>,
    copies_bytes: usize,
    puts: VecDeque<Vec<u8>>,
    puts_bytes: usize,
    /// Sent since the last tick.
    sent: usize,
    pub room: Room,
}

struct Entry {
    answer: Rc<v1::CachedAnswer>,
    expires_ms: u64,
}

/// Bytes that all answers under way take together.
#[derive(Clone, Debug, Default)]
pub struct Room(Rc<Cell<usize>>);

impl Default for Cache {
    fn default() -> Self {
        Self {
            copies: LruCache::unbounded(),
            copies_bytes: 0,
            puts: VecDeque::new(),
            puts_bytes: 0,
            sent: 0,
            room: Room::default(),
        }
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Cache of {} answers", self.copies.len())
    }
}

impl Cache {
    /// This VM's copy.
    pub fn get(&mut self, key: &Key, now_ms: u64) -> Option<Rc<v1::CachedAnswer>> {
        let copy = self.copies.get(key)?;
        if copy.expires_ms > now_ms {
            return Some(Rc::clone(&copy.answer));
        }
        self.drop_copy(key);
        None
    }

    /// What the control server said; an answer that is still good is copied.
    pub fn received(&mut self, keeping: &Keeping, message: &[u8], now_ms: u64) -> Option<Rc<v1::CachedAnswer>> {
        let answer = v1::CacheGetResponse::decode(message).ok()?.answer?;
        let expires_ms = expiry(&answer, keeping.ttl_s);
        if expires_ms <= now_ms {
            return None;
        }
        let answer = Rc::new(answer);
        self.keep(keeping.key, Entry { answer: Rc::clone(&answer), expires_ms });
        Some(answer)
    }

    /// Keeps a complete answer, here and at the control server.
    pub fn put(&mut self, keeping: &Keeping, answer: v1::CachedAnswer) {
        if answer.body.len() > ANSWER_BYTES_MAX {
            return;
        }
        let expires_ms = expiry(&answer, keeping.ttl_s);
        let (key, ttl_s) = (keeping.key.to_vec(), keeping.ttl_s);
        let message = v1::CachePutRequest { key, answer: Some(answer.clone()), ttl_s }.encode_to_vec();
        self.keep(keeping.key, Entry { answer: Rc::new(answer), expires_ms });
        self.puts_bytes += message.len();
        self.puts.push_back(message);
        while self.puts.len() > PUTS_MAX || self.puts_bytes > PUTS_BYTES_MAX {
            self.take_put();
        }
    }

    /// The next message to the control server, if one more may go now.
    pub fn next_put(&mut self) -> Option<Vec<u8>> {
        if self.sent >= PUTS_A_TICK_MAX {
            return None;
        }
        let message = self.take_put()?;
        self.sent += 1;
        Some(message)
    }

    pub fn tick(&mut self) {
        self.sent = 0;
    }

    /// Bytes of this VM's copies.
    pub fn bytes(&self) -> usize {
        self.copies_bytes
    }

    fn take_put(&mut self) -> Option<Vec<u8>> {
        let message = self.puts.pop_front()?;
        self.puts_bytes -= message.len();
        Some(message)
    }

    fn keep(&mut self, key: Key, entry: Entry) {
        self.copies_bytes += entry.bytes();
        if let Some(earlier) = self.copies.put(key, entry) {
            self.copies_bytes -= earlier.bytes();
        }
        while self.copies.len() > ENTRIES_MAX || self.copies_bytes > BYTES_MAX {
            let Some((_, oldest)) = self.copies.pop_lru() else { break };
            self.copies_bytes -= oldest.bytes();
        }
    }

    fn drop_copy(&mut self, key: &Key) {
        if let Some(copy) = self.copies.pop(key) {
            self.copies_bytes -= copy.bytes();
        }
    }
}

impl Entry {
    fn bytes(&self) -> usize {
        self.answer.encoded_len() + ENTRY_BYTES
    }
}

impl Room {
    /// Takes room for so many bytes more; false: there is none.
    fn take(&self, bytes: usize) -> bool {
        let taken = self.0.get() + bytes;
        let fits = taken <= COLLECTED_BYTES_MAX;
        if fits {
            self.0.set(taken);
        }
        fits
    }

    fn give_back(&self, bytes: usize) {
        self.0.set(self.0.get().saturating_sub(bytes));
    }

    pub fn taken(&self) -> usize {
        self.0.get()
    }
}

/// The message that asks the control server for an answer.
pub fn question(key: &Key) -> Vec<u8> {
    v1::CacheGetRequest { key: key.to_vec() }.encode_to_vec()
}

fn expiry(answer: &v1::CachedAnswer, ttl_s: u32) -> u64 {
    answer.stored_at_unix_ms.saturating_add(u64::from(ttl_s) * 1_000)
}

#[cfg(test)]
mod tests;

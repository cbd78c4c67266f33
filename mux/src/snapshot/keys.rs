//! The virtual keys of a snapshot, found by their hash and by their id. There may be very many and most are idle, so
//! that each is kept as small as it can be: at most 128 bytes in a filter, the tables included.

use std::collections::HashMap;
use std::num::{NonZeroU32, NonZeroU64};
use std::rc::Rc;

use hashbrown::HashTable;

use crate::config::{self, Holder, KeyHash, Scope, Scopes};

/// What most keys have.
static EVERYTHING: Scopes = Scopes { endpoints: Scope::All, models: Scope::All, deployments: Scope::All };

/// A client's credential: whose workspace it opens and what may be done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub id: u64,
    pub holder: Holder,
    hash: KeyHash,
    /// Rotated keys are few.
    previous: Option<Box<(KeyHash, u64)>>,
    expires_at_ms: Option<NonZeroU64>,
    /// None: [`EVERYTHING`].
    scopes: Option<Box<Scopes>>,
    requests_per_minute: Option<NonZeroU32>,
    tokens_per_minute: Option<NonZeroU32>,
}

/// Whether a key opens anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    Valid,
    Expired,
    /// It was shown in the words of the one that it replaced, and that one's time is over.
    Replaced,
}

impl Key {
    /// Of a key that was shown at a time, in ms since 1970; it was found by the hash of what was shown.
    pub fn validity(&self, shown: &KeyHash, now_ms: u64) -> Validity {
        if self.is_expired(now_ms) {
            return Validity::Expired;
        }
        let is_taken_too = self.previous.as_ref().is_some_and(|previous| previous.0 == *shown && now_ms < previous.1);
        if self.hash == *shown || is_taken_too { Validity::Valid } else { Validity::Replaced }
    }

    pub fn is_expired(&self, now_ms: u64) -> bool {
        self.expires_at_ms.is_some_and(|until| now_ms >= until.get())
    }

    pub fn scopes(&self) -> &Scopes {
        self.scopes.as_deref().unwrap_or(&EVERYTHING)
    }

    pub fn requests_per_minute(&self) -> Option<u32> {
        self.requests_per_minute.map(NonZeroU32::get)
    }

    pub fn tokens_per_minute(&self) -> Option<u32> {
        self.tokens_per_minute.map(NonZeroU32::get)
    }
}

impl From<config::Key> for Key {
    fn from(key: config::Key) -> Self {
        let config::Key { id, hash, previous, holder, expires_at_ms, scopes, requests_per_minute, tokens_per_minute } =
            key;
        Self {
            id,
            holder,
            hash,
            previous: previous.map(Box::new),
            // A time of 0 is over, as that of 1 is.
            expires_at_ms: expires_at_ms.map(|at_ms| NonZeroU64::new(at_ms).unwrap_or(NonZeroU64::MIN)),
            scopes: (scopes != EVERYTHING).then(|| Box::new(scopes)),
            requests_per_minute: requests_per_minute.and_then(NonZeroU32::new),
            tokens_per_minute: tokens_per_minute.and_then(NonZeroU32::new),
        }
    }
}

/// All keys of a snapshot. The tables hold no hash and no id of their own: those of the keys are enough.
#[derive(Debug, Default)]
pub struct Keys {
    by_hash: HashTable<Rc<Key>>,
    by_id: HashTable<Rc<Key>>,
    /// By the hash of what they replaced.
    rotated: HashMap<KeyHash, Rc<Key>>,
}

impl Keys {
    /// The key with this hash, or the one that replaced it.
    pub fn find(&self, hash: &KeyHash) -> Option<&Rc<Key>> {
        self.by_hash.find(slot_of_hash(hash), |key| key.hash == *hash).or_else(|| self.rotated.get(hash))
    }

    pub fn by_id(&self, id: u64) -> Option<&Rc<Key>> {
        self.by_id.find(slot_of_id(id), |key| key.id == id)
    }

    /// In the place of the key with this id, if there is one.
    pub fn put(&mut self, key: Key) {
        self.remove(key.id);
        let key = Rc::new(key);
        if let Some(previous) = &key.previous {
            self.rotated.insert(previous.0, Rc::clone(&key));
        }
        self.by_id.insert_unique(slot_of_id(key.id), Rc::clone(&key), |own| slot_of_id(own.id));
        self.by_hash.insert_unique(slot_of_hash(&key.hash), key, |own| slot_of_hash(&own.hash));
    }

    pub fn remove(&mut self, id: u64) {
        let Ok(entry) = self.by_id.find_entry(slot_of_id(id), |key| key.id == id) else { return };
        let (key, _) = entry.remove();
        if let Some(previous) = &key.previous {
            self.rotated.remove(&previous.0);
        }
        if let Ok(entry) = self.by_hash.find_entry(slot_of_hash(&key.hash), |own| own.id == id) {
            entry.remove();
        }
    }
}

/// The hashes of keys are as even as any hash of them would be.
fn slot_of_hash(hash: &KeyHash) -> u64 {
    hash.0.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Spreads ids, which follow each other, over all bits (the golden ratio of 2^64, as Knuth's multiplicative hashing has
/// it).
fn slot_of_id(id: u64) -> u64 {
    id.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{EVERYTHING, Key, Keys, Validity};
    use crate::config::{self, Holder, KeyHash, Scope, Scopes};

    fn key(id: u64, text: &str) -> config::Key {
        config::Key {
            id,
            hash: KeyHash::of(text),
            previous: None,
            holder: Holder::Workspace("w".parse().unwrap()),
            expires_at_ms: None,
            scopes: Scopes::default(),
            requests_per_minute: None,
            tokens_per_minute: None,
        }
    }

    #[test]
    fn a_key_is_valid_until_its_time() {
        let (old, new) = (KeyHash::of("vk_old"), KeyHash::of("vk_new"));
        let rotated =
            |expires_at_ms| Key::from(config::Key { previous: Some((old, 50)), expires_at_ms, ..key(1, "vk_new") });
        for (expires_at_ms, shown, now_ms, expected) in [
            (None, new, u64::MAX, Validity::Valid),
            (None, old, 49, Validity::Valid),
            (None, old, 50, Validity::Replaced),
            (Some(40), new, 39, Validity::Valid),
            (Some(40), new, 40, Validity::Expired),
            (Some(40), old, 40, Validity::Expired),
            (Some(0), new, 1, Validity::Expired),
        ] {
            let validity = rotated(expires_at_ms).validity(&shown, now_ms);
            assert_eq!(validity, expected, "{expires_at_ms:?} {now_ms}");
        }
    }

    #[test]
    fn what_a_key_says_is_kept() {
        let limited =
            Key::from(config::Key { requests_per_minute: Some(7), tokens_per_minute: Some(9), ..key(1, "a") });
        assert_eq!((limited.requests_per_minute(), limited.tokens_per_minute()), (Some(7), Some(9)));
        assert_eq!(limited.scopes(), &EVERYTHING);
        let scopes = Scopes { models: Scope::Only(Box::default()), ..Scopes::default() };
        let scoped = Key::from(config::Key { scopes: scopes.clone(), ..key(1, "a") });
        assert_eq!((scoped.scopes(), scoped.requests_per_minute()), (&scopes, None));
    }

    #[test]
    fn many_keys_come_and_go() {
        let mut keys = Keys::default();
        let text = |id: u64| format!("vk_{id}");
        for id in 0..5_000 {
            keys.put(key(id, &text(id)).into());
        }
        for id in (0..5_000).step_by(2) {
            keys.remove(id);
            keys.remove(id);
        }
        for id in 0..5_000 {
            let found = keys.find(&KeyHash::of(&text(id))).map(|key| key.id);
            assert_eq!(found, (id % 2 == 1).then_some(id));
            assert_eq!(keys.by_id(id).map(|key| key.id), found);
        }
    }

    /// `make bench` measures what a VM grows by; this is what it must come from.
    #[cfg(target_arch = "wasm32")]
    #[test]
    fn a_key_is_small() {
        let counts = 2 * size_of::<usize>();
        // Both tables hold a pointer and a byte for each slot, and may be no more than half full.
        let slots = 2 * 2 * (size_of::<usize>() + 1);
        assert!(size_of::<Key>() + counts + slots <= 128, "{}", size_of::<Key>());
    }
}

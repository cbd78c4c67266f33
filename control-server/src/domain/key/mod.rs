//! Virtual keys: what clients show to be let in. A key itself is known only while it is made; what is kept is its hash
//! and its last four characters.

mod scopes;

use jiff::Timestamp;
use mux::config::{KEY_PREFIX, KeyHash, Name, Scopes};
use rand::distr::{Alphanumeric, SampleString};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::error::FieldError;
pub use scopes::{ScopeDraft, ScopesDraft};

/// Keys of all workspaces together.
pub const KEYS_MAX: usize = 100_000;
/// Bytes of a key's name.
pub const KEY_NAME_BYTES_MAX: usize = 128;
/// Random letters and digits behind [`KEY_PREFIX`].
const KEY_RANDOM_CHARS: usize = 32;
/// Characters of a key that people may see.
const LAST_CHARS: usize = 4;
/// How long a key works beside the one that replaced it, unless said otherwise.
pub const GRACE_S_DEFAULT: u32 = 60 * 60;
/// The longest that may be said.
pub const GRACE_S_MAX: u32 = 30 * 24 * 60 * 60;

/// A key as its client shows it.
#[derive(Clone, Debug)]
pub struct KeyText(SecretString);

impl KeyText {
    /// A new one, from the operating system's randomness.
    pub fn generate() -> Self {
        let random = Alphanumeric.sample_string(&mut UnwrapErr(SysRng), KEY_RANDOM_CHARS);
        Self(format!("{KEY_PREFIX}{random}").into())
    }

    pub fn hash(&self) -> KeyHash {
        KeyHash::of(self.0.expose_secret())
    }

    pub fn last_four(&self) -> String {
        let text = self.0.expose_secret();
        text.chars().skip(KEY_PREFIX.len() + KEY_RANDOM_CHARS - LAST_CHARS).collect()
    }

    /// For whom it was made, who sees it this once.
    pub fn show(&self) -> &str {
        self.0.expose_secret()
    }
}

/// A key as people manage it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualKey {
    pub id: u64,
    /// Where it is managed, and what it opens unless it has a session.
    pub workspace: Name,
    /// It opens the workspace that is active in this session.
    pub session: Option<Name>,
    pub terms: Terms,
    pub last_four: String,
    /// Until when the key that this one replaced is taken too.
    pub previous_until_ms: Option<i64>,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
    /// When the last request with it began, of those that were reported.
    pub last_used_ms: Option<i64>,
}

/// What people say about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// For people; several keys may have the same.
    pub name: String,
    pub scopes: Scopes,
    pub expires_at_ms: Option<i64>,
    pub requests_per_minute: Option<u32>,
    pub tokens_per_minute: Option<u32>,
}

/// What changes about a key; `None`: it stays.
#[derive(Clone, Debug, Default)]
pub struct TermsPatch {
    pub name: Option<String>,
    pub scopes: ScopesDraft,
    pub expires_at_ms: Option<Option<i64>>,
    pub requests_per_minute: Option<Option<u32>>,
    pub tokens_per_minute: Option<Option<u32>>,
}

impl Terms {
    /// Everything that is wrong with them.
    fn check(&self) -> Vec<FieldError> {
        let Self { name, scopes: _, expires_at_ms, requests_per_minute, tokens_per_minute } = self;
        let mut errors = Vec::new();
        if name.trim().is_empty() || name.len() > KEY_NAME_BYTES_MAX || name.chars().any(char::is_control) {
            let message = format!("a name has 1 to {KEY_NAME_BYTES_MAX} bytes and no control characters");
            errors.push(FieldError::new("/name", message));
        }
        if expires_at_ms.is_some_and(|at_ms| at_ms <= 0) {
            errors.push(FieldError::new("/expires_at", "a time after 1970"));
        }
        for (pointer, limit) in
            [("/requests_per_minute", requests_per_minute), ("/tokens_per_minute", tokens_per_minute)]
        {
            if *limit == Some(0) {
                errors.push(FieldError::new(pointer, "at least 1; leave it out for no limit"));
            }
        }
        errors
    }

    /// Those of a new key, which works for a while.
    pub fn checked(self, now_ms: i64) -> Result<Self, Vec<FieldError>> {
        let mut errors = self.check();
        if errors.is_empty() && self.expires_at_ms.is_some_and(|at_ms| at_ms <= now_ms) {
            errors.push(FieldError::new("/expires_at", "a new key expires in the future"));
        }
        if errors.is_empty() { Ok(self) } else { Err(errors) }
    }

    /// What they become by a patch.
    pub fn patched(&self, patch: &TermsPatch) -> Result<Self, Vec<FieldError>> {
        let TermsPatch { name, scopes, expires_at_ms, requests_per_minute, tokens_per_minute } = patch;
        let patched = Self {
            name: name.clone().unwrap_or_else(|| self.name.clone()),
            scopes: scopes.over(&self.scopes)?,
            expires_at_ms: expires_at_ms.unwrap_or(self.expires_at_ms),
            requests_per_minute: requests_per_minute.unwrap_or(self.requests_per_minute),
            tokens_per_minute: tokens_per_minute.unwrap_or(self.tokens_per_minute),
        };
        let errors = patched.check();
        if errors.is_empty() { Ok(patched) } else { Err(errors) }
    }
}

impl VirtualKey {
    /// What of it people change, as the API shows it.
    pub fn audit_value(&self) -> Value {
        let Self {
            id,
            workspace,
            session,
            terms: Terms { name, scopes, expires_at_ms, requests_per_minute, tokens_per_minute },
            last_four,
            previous_until_ms,
            created_at_ms: _,
            updated_at_ms: _,
            last_used_ms: _,
        } = self;
        let time = |unix_ms: &Option<i64>| unix_ms.map(Timestamp::from_millisecond).and_then(Result::ok);
        json!({
            "id": id,
            "name": name,
            "workspace": workspace,
            "session": session,
            "scopes": ScopesDraft::from(scopes),
            "expires_at": time(expires_at_ms).map(|time| time.to_string()),
            "requests_per_minute": requests_per_minute,
            "tokens_per_minute": tokens_per_minute,
            "last_four": last_four,
            "previous_expires_at": time(previous_until_ms).map(|time| time.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn keys_are_random_letters_and_digits() {
        let keys: BTreeSet<String> = (0..2_000).map(|_| KeyText::generate().show().to_owned()).collect();
        assert_eq!(keys.len(), 2_000);
        let mut seen: BTreeMap<u8, u32> = BTreeMap::new();
        for key in &keys {
            let random = key.strip_prefix("vk_").unwrap();
            assert_eq!(random.len(), 32);
            random.bytes().for_each(|byte| *seen.entry(byte).or_default() += 1);
        }
        assert!(seen.keys().all(u8::is_ascii_alphanumeric));
        assert_eq!(seen.len(), 62);
        // 64,000 characters: 1,032 of each, give or take 32. A remainder by 62 would favour some by a quarter.
        assert!(seen.values().all(|count| (860..1_210).contains(count)), "{seen:?}");
    }

    #[test]
    fn a_key_is_not_printed_and_shows_its_end() {
        let key = KeyText::generate();
        assert!(key.show().ends_with(&key.last_four()));
        assert_eq!(key.last_four().len(), 4);
        assert_eq!(key.hash(), KeyHash::of(key.show()));
        assert!(!format!("{key:?}").contains(&key.show()[3..]));
    }

    #[test]
    fn terms_are_checked_when_made_and_when_changed() {
        let terms = |name: &str, expires_at_ms, limit| Terms {
            name: name.to_owned(),
            scopes: Scopes::default(),
            expires_at_ms,
            requests_per_minute: limit,
            tokens_per_minute: limit,
        };
        let pointers = |result: Result<Terms, Vec<FieldError>>| -> Vec<String> {
            result.err().into_iter().flatten().map(|error| error.pointer).collect()
        };
        let long = "x".repeat(KEY_NAME_BYTES_MAX + 1);
        for (made, expected) in [
            (terms("Ann's laptop", Some(1_001), Some(1)), &[][..]),
            (terms("a", None, None), &[]),
            (terms(" ", None, None), &["/name"]),
            (terms("a\nb", None, None), &["/name"]),
            (terms(&long, None, None), &["/name"]),
            (terms("a", Some(1_000), None), &["/expires_at"]),
            (terms("a", Some(-1), Some(0)), &["/expires_at", "/requests_per_minute", "/tokens_per_minute"]),
        ] {
            assert_eq!(pointers(made.clone().checked(1_000)), expected, "{made:?}");
        }
        let before = terms("a", Some(5_000), Some(7));
        let past = TermsPatch { expires_at_ms: Some(Some(1)), ..TermsPatch::default() };
        assert_eq!(before.patched(&past).unwrap().expires_at_ms, Some(1), "which ends it at once");
        let cleared = TermsPatch {
            expires_at_ms: Some(None),
            requests_per_minute: Some(None),
            tokens_per_minute: Some(Some(9)),
            ..TermsPatch::default()
        };
        let after = before.patched(&cleared).unwrap();
        assert_eq!((after.expires_at_ms, after.requests_per_minute, after.tokens_per_minute), (None, None, Some(9)));
        let zero = TermsPatch { tokens_per_minute: Some(Some(0)), ..TermsPatch::default() };
        assert_eq!(pointers(before.patched(&zero)), ["/tokens_per_minute"]);
    }
}

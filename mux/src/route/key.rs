//! Who a client says it is by a virtual key.

use std::rc::Rc;

use super::Request;
use crate::config::{KEY_PREFIX, KeyHash};
use crate::endpoint::{Endpoint, Place};
use crate::refusal::{Code, Refusal};
use crate::snapshot::{Key, Snapshot, Validity};

/// Bytes of a key: what it begins with, and 32 letters or digits.
const KEY_BYTES: usize = KEY_PREFIX.len() + 32;
/// Headers in which a key is looked for, lower-case.
const PLACES: [&str; 3] = ["authorization", "x-api-key", "api-key"];

/// What a request shows of who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials<'a> {
    /// No virtual key. Other credentials are none of this gateway's.
    None,
    /// A virtual key, as text; it may be unknown.
    Key(&'a str),
    /// The id of one, from somebody who may see them all.
    Id(u64),
    /// Keys that contradict each other, or one that no key can look like.
    Unusable,
    /// Whoever asks may see into every workspace, as those who explain a decision may.
    Waived,
}

impl<'a> Credentials<'a> {
    /// Of a request's headers, whose names are lower-case. A key may be shown in several of them.
    pub fn of(headers: &'a [(String, Vec<u8>)]) -> Self {
        let own = headers.iter().filter(|(name, _)| PLACES.contains(&name.as_str()));
        let mut found = own.filter_map(|(_, value)| shown_key(value));
        let Some(first) = found.next() else { return Self::None };
        match std::str::from_utf8(first) {
            Ok(key) if found.all(|other| other == first) => Self::Key(key),
            _ => Self::Unusable,
        }
    }
}

/// The virtual key in the value of a header, with or without a scheme such as `Bearer` in front.
fn shown_key(value: &[u8]) -> Option<&[u8]> {
    let last = value.trim_ascii().rsplit(u8::is_ascii_whitespace).next()?;
    last.starts_with(KEY_PREFIX.as_bytes()).then_some(last)
}

/// Whether a header holds a virtual key: one in which keys are looked for, or any other whose value cannot be anything
/// else.
pub fn holds_key(name: &str, value: &[u8]) -> bool {
    let is_whole =
        |key: &[u8]| key.len() == KEY_BYTES && key.iter().skip(KEY_PREFIX.len()).all(u8::is_ascii_alphanumeric);
    !name.starts_with(':') && shown_key(value).is_some_and(|key| PLACES.contains(&name) || is_whole(key))
}

/// The key that a request shows, if it is valid.
pub fn find<'s>(snapshot: &'s Snapshot, shown: &str, now_ms: u64) -> Result<&'s Rc<Key>, Refusal> {
    let hash = KeyHash::of(shown);
    let key = snapshot.key(&hash).ok_or_else(unknown)?;
    match key.validity(&hash, now_ms) {
        Validity::Valid => Ok(key),
        Validity::Expired => Err(expired()),
        Validity::Replaced => Err(Refusal::new(Code::InvalidApiKey, "This key was replaced by another one.")),
    }
}

/// Refuses a request that names any other workspace or session than those that its key opens.
pub fn check_place(request: &Request, workspace: &str, session: Option<&str>) -> Result<(), Refusal> {
    let is_own = |named: Place| match named {
        Place::Unsaid => true,
        Place::Workspace(name) => name.eq_ignore_ascii_case(workspace),
        Place::Session(id) => session.is_some_and(|own| id.eq_ignore_ascii_case(own)),
    };
    let by_header = [request.workspace.map(Place::Workspace), request.session.map(Place::Session)];
    let mut named = [request.address.place].into_iter().chain(by_header.into_iter().flatten());
    if named.all(is_own) { Ok(()) } else { Err(elsewhere()) }
}

/// Refuses what a key may not do whatever the prompt says. The list of models is open to every key: it holds what the key
/// may use, and no more. Who may send messages may count their tokens.
pub fn check_key(key: &Key, endpoint: Endpoint, now_ms: u64) -> Result<(), Refusal> {
    if key.is_expired(now_ms) {
        return Err(expired());
    }
    let name = |endpoint: Endpoint| endpoint.path().trim_start_matches('/');
    let holds = |endpoint: Endpoint| key.scopes().endpoints.holds(name(endpoint));
    let is_held = match endpoint {
        Endpoint::Models => true,
        Endpoint::CountTokens => holds(endpoint) || holds(Endpoint::Messages),
        other => holds(other),
    };
    if is_held {
        return Ok(());
    }
    Err(Refusal::new(Code::NotAllowed, format!("This key may not use the endpoint `{}`.", name(endpoint))))
}

pub fn unknown() -> Refusal {
    let message =
        "This is no key of this gateway, or it was revoked; `POST /api/v1/workspaces/{workspace}/keys` makes one.";
    Refusal::new(Code::InvalidApiKey, message)
}

fn expired() -> Refusal {
    Refusal::new(Code::InvalidApiKey, "This key has expired.")
}

pub fn unusable() -> Refusal {
    Refusal::new(Code::InvalidApiKey, "The request shows several keys of this gateway, or a broken one; show one.")
}

pub fn gone() -> Refusal {
    Refusal::new(Code::NotAllowed, "The workspace or session that this key opens is gone.")
}

fn elsewhere() -> Refusal {
    let message = "A key opens its own workspace alone; name no other workspace or session in the path or in headers.";
    Refusal::new(Code::NotAllowed, message)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::Credentials;

    #[test]
    fn a_key_is_found_wherever_clients_put_it() {
        for (headers, expected) in [
            (&[("authorization", "Bearer vk_a")][..], Credentials::Key("vk_a")),
            (&[("authorization", "bearer  vk_a ")], Credentials::Key("vk_a")),
            (&[("authorization", "vk_a")], Credentials::Key("vk_a")),
            (&[("x-api-key", "vk_a")], Credentials::Key("vk_a")),
            (&[("api-key", "vk_a")], Credentials::Key("vk_a")),
            (&[("api-key", "vk_a"), ("authorization", "Bearer vk_a")], Credentials::Key("vk_a")),
            (&[("x-api-key", "sk-other"), ("authorization", "Bearer vk_a")], Credentials::Key("vk_a")),
            (&[("x-api-key", "vk_b"), ("authorization", "Bearer vk_a")], Credentials::Unusable),
            (&[("x-api-key", "vk_a"), ("x-api-key", "vk_b")], Credentials::Unusable),
            (&[("x-api-key", "sk-vk_a"), ("authorization", "Basic abc")], Credentials::None),
            (&[("x-other", "vk_a")], Credentials::None),
            (&[("authorization", "")], Credentials::None),
        ] {
            let headers: Vec<(String, Vec<u8>)> =
                headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
            assert_eq!(Credentials::of(&headers), expected, "{headers:?}");
        }
        let broken = [("api-key".to_owned(), b"vk_\xff".to_vec())];
        assert_eq!(Credentials::of(&broken), Credentials::Unusable);
    }
}

//! Whose workspace a request is in.

use std::rc::Rc;

use super::Request;
use super::key::{self, Credentials};
use crate::config::{self, Access, Holder, Name};
use crate::endpoint::Place;
use crate::refusal::{Code, Refusal};
use crate::snapshot::{Key, Snapshot, Workspace};

/// Whose workspace a request is in.
#[derive(Clone, Debug)]
pub struct Caller {
    pub workspace: Rc<Workspace>,
    /// The session that named it; none: the request named it itself.
    pub session: Option<Name>,
    /// None: the workspace is open to everybody.
    pub key: Option<Rc<Key>>,
}

/// Who sends a request: by its key, and without one by its path, by its headers, or by what is active in session
/// `default`. `now_ms`: since 1970.
pub fn caller(
    snapshot: &Snapshot,
    request: &Request,
    credentials: Credentials,
    now_ms: u64,
) -> Result<Caller, Refusal> {
    match credentials {
        Credentials::Key(shown) => enter(snapshot, request, key::find(snapshot, shown, now_ms)?, now_ms),
        Credentials::Id(id) => enter(snapshot, request, snapshot.key_by_id(id).ok_or_else(key::unknown)?, now_ms),
        Credentials::Unusable => Err(key::unusable()),
        Credentials::None => {
            let caller = named(snapshot, request)?;
            match caller.workspace.access {
                Access::Anonymous => Ok(caller),
                Access::KeyOnly => Err(key_needed()),
            }
        }
        Credentials::Waived => named(snapshot, request),
    }
}

/// With a key. Refuses a request that wants anything that the key does not open, in words that say nothing of what there
/// is besides.
fn enter(snapshot: &Snapshot, request: &Request, key: &Rc<Key>, now_ms: u64) -> Result<Caller, Refusal> {
    let caller = caller_of_key(snapshot, key)?;
    key::check_place(request, caller.workspace.name.as_str(), caller.session.as_ref().map(Name::as_str))?;
    key::check_key(key, request.address.endpoint, now_ms)?;
    Ok(caller)
}

/// Whoever sends a request, in the workspace that it names.
fn named(snapshot: &Snapshot, request: &Request) -> Result<Caller, Refusal> {
    let named = match request.address.place {
        Place::Unsaid => request.workspace.map(Place::Workspace).or(request.session.map(Place::Session)),
        said => Some(said),
    };
    let (name, session) = match named {
        Some(Place::Workspace(name)) => (known_name(name, Code::UnknownWorkspace)?, None),
        Some(Place::Session(id)) => in_session(snapshot, id)?,
        Some(Place::Unsaid) | None => in_session(snapshot, config::DEFAULT)?,
    };
    let workspace = snapshot.workspace(name.as_str()).ok_or_else(|| unknown(Code::UnknownWorkspace, name.as_str()))?;
    Ok(Caller { workspace: Rc::clone(workspace), session, key: None })
}

/// The caller that a key stands for: in its workspace, or in the one that is active in its session.
pub fn caller_of_key(snapshot: &Snapshot, key: &Rc<Key>) -> Result<Caller, Refusal> {
    let (name, session) = match &key.holder {
        Holder::Workspace(name) => (name, None),
        Holder::Session(id) => (snapshot.active_workspace(id.as_str()).ok_or_else(key::gone)?, Some(id.clone())),
    };
    let workspace = Rc::clone(snapshot.workspace(name.as_str()).ok_or_else(key::gone)?);
    Ok(Caller { workspace, session, key: Some(Rc::clone(key)) })
}

/// Names no workspace: the client may not know which one its session has.
fn key_needed() -> Refusal {
    let message =
        "This workspace is closed to requests without a key of this gateway; its setting `anonymous` opens it.";
    Refusal::new(Code::InvalidApiKey, message)
}

fn in_session(snapshot: &Snapshot, id: &str) -> Result<(Name, Option<Name>), Refusal> {
    let id = known_name(id, Code::UnknownSession)?;
    let workspace = snapshot.active_workspace(id.as_str()).ok_or_else(|| unknown(Code::UnknownSession, id.as_str()))?;
    Ok((workspace.clone(), Some(id)))
}

fn known_name(text: &str, code: Code) -> Result<Name, Refusal> {
    text.parse().map_err(|_| unknown(code, text))
}

fn unknown(code: Code, name: &str) -> Refusal {
    let what = if code == Code::UnknownSession { "session" } else { "workspace" };
    let short: String = name.chars().take(config::NAME_BYTES_MAX).collect();
    Refusal::new(code, format!("There is no {what} `{short}`; `GET /api/v1/{what}s` lists those that are."))
}

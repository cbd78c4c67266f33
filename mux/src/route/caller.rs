//! Whose workspace a request is in.

use std::rc::Rc;

use super::Request;
use crate::config::{self, Access, Holder, Key, Name};
use crate::endpoint::Place;
use crate::refusal::{Code, Refusal};
use crate::snapshot::{Snapshot, Workspace};

/// Whose workspace a request is in.
#[derive(Clone, Debug)]
pub struct Caller {
    pub workspace: Rc<Workspace>,
    /// The session that named it; none: the request named it itself.
    pub session: Option<Name>,
    /// None: the workspace is open to everybody.
    pub key: Option<Rc<Key>>,
}

/// The workspace of a request: by its path, by its headers, or the one active in session `default`.
pub fn caller(snapshot: &Snapshot, request: &Request) -> Result<Caller, Refusal> {
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
    match workspace.access {
        Access::Anonymous => Ok(Caller { workspace: Rc::clone(workspace), session, key: None }),
        Access::KeyOnly => Err(key_needed(&workspace.name)),
    }
}

/// The caller that a key stands for: in its workspace, or in the one that is active in its session.
pub fn caller_of_key(snapshot: &Snapshot, key: Rc<Key>) -> Result<Caller, Refusal> {
    let (name, session) = match &key.holder {
        Holder::Workspace(name) => (name.clone(), None),
        Holder::Session(id) => in_session(snapshot, id.as_str())?,
    };
    let workspace = snapshot.workspace(name.as_str()).ok_or_else(|| unknown(Code::UnknownWorkspace, name.as_str()))?;
    Ok(Caller { workspace: Rc::clone(workspace), session, key: Some(key) })
}

fn key_needed(workspace: &Name) -> Refusal {
    let message = format!(
        "Workspace `{workspace}` is closed to requests without a key of this gateway; its setting `anonymous` opens it."
    );
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

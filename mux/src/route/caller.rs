//! Whose workspace a request is in.

use std::rc::Rc;

use super::Request;
use super::key::{self, Credentials, Opened};
use crate::config::{self, Access, Name};
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
        Credentials::Key(shown) => {
            let Opened { key, workspace, session } = key::open(snapshot, request, shown, now_ms)?;
            let workspace = Rc::clone(snapshot.workspace(workspace.as_str()).ok_or_else(key::gone)?);
            Ok(Caller { workspace, session, key: Some(key) })
        }
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

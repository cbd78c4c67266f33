//! A session: a user's interaction context and the workspace that is active in it.

use mux::config::{InvalidName, Name};
use serde_json::{Value, json};

/// Bytes of a label.
pub const LABEL_BYTES_MAX: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: Name,
    pub label: String,
    pub active_workspace: Name,
    pub updated_at_ms: i64,
    /// When a request of this session was last reported.
    pub last_seen_ms: Option<i64>,
}

impl Session {
    /// What of it people change, as the API shows it.
    pub fn to_json(&self) -> Value {
        let Self { id, label, active_workspace, updated_at_ms: _, last_seen_ms: _ } = self;
        json!({ "id": id, "label": label, "active_workspace": active_workspace })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    pub id: Name,
    pub label: String,
    pub active_workspace: Name,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionPatch {
    pub label: Option<String>,
    pub active_workspace: Option<Name>,
}

/// An id for a session whose maker does not care.
pub fn random_id() -> Result<Name, InvalidName> {
    format!("{:016x}", rand::random::<u64>()).parse()
}

pub fn check_label(label: &str) -> Result<(), String> {
    if label.len() <= LABEL_BYTES_MAX && !label.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(format!("a label has at most {LABEL_BYTES_MAX} bytes and no control characters"))
    }
}

//! A session: a user's interaction context and the workspace that is active in it.

use mux::config::Name;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: Name,
    pub label: String,
    pub active_workspace: Name,
    pub updated_at_ms: i64,
    /// When a request of this session was last reported.
    pub last_seen_ms: Option<i64>,
}

//! What happens while somebody watches.

use std::sync::Arc;

use mux::config::Name;

use super::audit::Entry;
use super::record::RequestRecord;

/// Events that wait for one who reads slowly; what is older is lost to it.
pub const EVENTS_WAITING_MAX: usize = 1_024;

/// Something that is committed.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Change(Arc<Entry>),
    Request(Arc<RequestSeen>),
}

impl Event {
    pub fn concerns(&self, workspace: &Name) -> bool {
        match self {
            Self::Change(entry) => entry.concerns(workspace),
            Self::Request(seen) => seen.workspace == workspace.as_str(),
        }
    }
}

/// A request in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestSeen {
    pub id: String,
    pub started_at_ms: u64,
    pub workspace: String,
    /// Empty: the workspace was chosen without a session.
    pub session: String,
    /// Empty: no rule decided.
    pub rule: String,
    /// `provider/model-id` of the last try, or of the one that a kept answer saved; `None`: there was none.
    pub target: Option<String>,
    /// What the client got; 0: it hung up before any status.
    pub status: u32,
    pub duration_ms: u32,
}

impl From<&RequestRecord> for RequestSeen {
    fn from(record: &RequestRecord) -> Self {
        Self {
            id: record.request_id.clone(),
            started_at_ms: record.started_at_ms,
            workspace: record.workspace.clone(),
            session: record.session.clone(),
            rule: record.rule.clone(),
            target: record.answered_by().map(|attempt| format!("{}/{}", attempt.provider, attempt.model)),
            status: record.status,
            duration_ms: record.duration_ms,
        }
    }
}

//! What happened to one request of a client, as nodes report it.

/// One request with all its tries. `request_id` is unique over all nodes; a record that comes twice counts once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestRecord {
    pub request_id: String,
    pub started_at_ms: u64,
    pub duration_ms: u32,
    /// Revision that routed it; 0: refused before routing.
    pub revision: u64,
    pub workspace: String,
    /// Empty: the workspace was chosen without a session.
    pub session: String,
    /// Name of the rule that matched; empty: no rule decided.
    pub rule: String,
    /// Dialect of the client: `chat`, …
    pub request: String,
    /// What the client asked for, as sent; empty: nothing.
    pub requested_model: String,
    pub stream: bool,
    pub request_bytes: u64,
    /// What the client got; 0: it hung up before any status.
    pub status: u32,
    /// Error code when the filter itself answered, `client_disconnected` when the client hung up; else empty.
    pub outcome: String,
    pub attempts: Vec<AttemptRecord>,
    /// Id of the virtual key; 0: none.
    pub key: u64,
    /// Name of the deployment; empty: the request had one target alone.
    pub deployment: String,
    /// `hit`, `miss` or `bypass`; empty: answers are not kept.
    pub cache: String,
    /// Of a hit: the attempt that was saved. It is not among the attempts.
    pub saved: Option<AttemptRecord>,
}

impl RequestRecord {
    /// The last try, or the one that a kept answer saved.
    pub fn answered_by(&self) -> Option<&AttemptRecord> {
        self.attempts.last().or(self.saved.as_ref())
    }
}

/// One try at one provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttemptRecord {
    /// 1 for the first try.
    pub number: u32,
    pub provider: String,
    pub model: String,
    /// What the provider answered; 0: nothing.
    pub status: u32,
    pub duration_ms: u32,
    /// From the start of the try to the provider's response headers; 0: none came.
    pub first_byte_ms: u32,
    /// `None`: the provider said nothing about usage.
    pub usage: Option<TokenUsage>,
}

/// Tokens, normalised: `input_tokens` is all that was read, cached and cache-written tokens included; `output_tokens`
/// is all that was written, reasoning included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenUsage {
    pub input_tokens: u64,
    pub cached_input_tokens: u64,
    pub cache_write_tokens: u64,
    pub output_tokens: u64,
    pub reasoning_tokens: u64,
    /// Counted by the filter because the answer was cut before the provider's own numbers came.
    pub estimated: bool,
    /// The provider's own usage object, as JSON text, as it came.
    pub raw: String,
}

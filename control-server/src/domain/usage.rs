//! Sums over reported requests.

use mux::config::Name;

/// Groups that one answer may hold; the largest are kept.
pub const GROUPS_MAX: i64 = 10_000;

/// What requests are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    Model,
    Provider,
    Rule,
    Session,
    Key,
    Day,
    Hour,
}

/// Which requests count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageQuery {
    /// `None`: all workspaces.
    pub workspace: Option<Name>,
    /// From this time on.
    pub from_ms: Option<i64>,
    /// Up to and without this time.
    pub to_ms: Option<i64>,
}

/// What the requests of one group have in common; empty text: nothing was reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupKey {
    Model {
        provider: String,
        model: String,
    },
    Provider(String),
    Rule {
        workspace: String,
        rule: String,
    },
    Session(String),
    /// Id and name of a virtual key; `None`: without a key. A key that is gone has no name.
    Key(Option<(u64, Option<String>)>),
    /// Unix milliseconds of its begin, UTC.
    Day(i64),
    Hour(i64),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub requests: i64,
    /// Those that the client saw fail, or hung up on before any status.
    pub errors: i64,
    pub input_tokens: i64,
    pub cached_input_tokens: i64,
    pub cache_write_tokens: i64,
    pub output_tokens: i64,
    pub reasoning_tokens: i64,
    /// Sum of the known costs; `None`: there is none.
    pub cost_micro_usd: Option<i64>,
    /// Requests with tokens whose price is not known.
    pub cost_unknown_requests: i64,
    pub estimated_requests: i64,
    /// Requests that kept answers served, without a try.
    pub cache_hits: i64,
    /// What these would have taken.
    pub saved_input_tokens: i64,
    pub saved_output_tokens: i64,
    /// Sum of what is known; `None`: nothing is.
    pub saved_micro_usd: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub key: GroupKey,
    pub totals: Totals,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageReport {
    pub groups: Vec<Group>,
    pub total: Totals,
}

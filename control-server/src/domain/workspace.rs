//! A workspace, as people see it.

use mux::config::{Name, Rule};

/// A workspace without its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    pub name: Name,
    pub description: String,
    pub archived_at_ms: Option<i64>,
    /// Sessions in which it is active.
    pub active_in: Vec<Name>,
    pub rule_count: u64,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWorkspace {
    pub name: Name,
    pub description: String,
    pub rules: Vec<Rule>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkspacePatch {
    pub description: Option<String>,
}

/// A rule as it is stored: one whose provider is gone never matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRule {
    pub rule: Rule,
    pub broken: bool,
}

//! What the publisher reads: the state as a whole, and what changed since a revision.

use mux::config;
use mux::config::Name;

use crate::domain::provider::Provider;

/// Everything that the data plane needs, at one revision.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub revision: u64,
    pub workspaces: Vec<config::Workspace>,
    pub sessions: Vec<config::Session>,
    pub providers: Vec<Provider>,
}

/// The newest value of a resource that changed, or that it is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<T> {
    Upsert(T),
    Removal(Name),
}

/// What changed since some revision, up to `revision`; each resource is named once.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub revision: u64,
    pub workspaces: Vec<Change<config::Workspace>>,
    pub sessions: Vec<Change<config::Session>>,
    pub providers: Vec<Change<Provider>>,
}

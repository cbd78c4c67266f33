//! A model that a provider offers.

use mux::config::Name;

/// Models that are kept per provider; a longer list is cut.
pub const MODELS_MAX: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedModel {
    pub provider: Name,
    pub id: String,
    /// The provider no longer lists it, but a rule uses it.
    pub missing: bool,
}

//! Settings of a workspace, as people write them and as the database keeps them.

use mux::config::{Access, Switch};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// When a conversation may move to another target.
    pub switch: Switch,
    /// Whether clients without a key of this gateway may use the workspace.
    pub anonymous: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { switch: Switch::Anytime, anonymous: true }
    }
}

impl Settings {
    pub fn access(&self) -> Access {
        if self.anonymous { Access::Anonymous } else { Access::KeyOnly }
    }
}

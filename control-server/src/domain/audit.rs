//! Who changed what.

use serde_json::Value;

/// Whose doing a change is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Actor {
    /// The server itself: what a first start finds, and the built-in provider's address.
    #[default]
    System,
    /// Who shows the admin token.
    Admin,
}

impl Actor {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Admin => "admin",
        }
    }
}

/// One thing that a revision changed. Secrets are masked before they come here.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// A verb, such as `create`, `rename` or `archive`.
    pub action: &'static str,
    /// What kind of thing: `workspace`, `session`, `provider`, …
    pub kind: &'static str,
    /// Its name after the change; of a thing that is gone, the last one.
    pub name: String,
    /// As the API shows it; `None`: it was not there.
    pub before: Option<Value>,
    /// `None`: it is not there any more.
    pub after: Option<Value>,
}

//! Who changed what.

use mux::config::Name;
use serde_json::{Value, json};

/// Bytes of JSON that the log keeps of a thing as it was, or as it became.
pub const SHOWN_BYTES_MAX: usize = 256 << 10;

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

impl Change {
    /// With what is too long to be kept replaced by its length.
    pub fn bounded(self) -> Self {
        let Self { action, kind, name, before, after } = self;
        Self { action, kind, name, before: before.map(bounded), after: after.map(bounded) }
    }
}

fn bounded(value: Value) -> Value {
    let bytes = value.to_string().len();
    if bytes <= SHOWN_BYTES_MAX { value } else { json!({ "omitted_bytes": bytes }) }
}

/// A change as the log has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub revision: u64,
    /// Counts the changes of one revision from 1.
    pub number: u64,
    pub at_ms: i64,
    pub actor: String,
    pub action: String,
    pub kind: String,
    pub name: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

impl Entry {
    pub fn new(revision: u64, number: u64, at_ms: i64, actor: Actor, change: Change) -> Self {
        let Change { action, kind, name, before, after } = change;
        let (actor, action, kind) = (actor.as_str().to_owned(), action.to_owned(), kind.to_owned());
        Self { revision, number, at_ms, actor, action, kind, name, before, after }
    }

    /// Whether it is about a workspace, under its present name or the one before, about one of its keys, or about a
    /// session in which the workspace is or was the active one.
    pub fn concerns(&self, workspace: &Name) -> bool {
        let field = match self.kind.as_str() {
            "workspace" => "name",
            "session" => "active_workspace",
            "key" => "workspace",
            _ => return false,
        };
        let named = |value: &Option<Value>| value.as_ref().is_some_and(|value| value[field] == *workspace.as_str());
        (self.kind == "workspace" && self.name == workspace.as_str()) || named(&self.before) || named(&self.after)
    }
}

/// Which changes a list shows; `None`: all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    pub kind: Option<String>,
    pub name: Option<String>,
    /// From this time on.
    pub from_ms: Option<i64>,
    /// Up to and without this time.
    pub to_ms: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: &str, name: &str, before: Value, after: Value) -> Entry {
        let change = Change { action: "x", kind: "", name: name.to_owned(), before: Some(before), after: Some(after) };
        Entry { kind: kind.to_owned(), ..Entry::new(1, 1, 0, Actor::Admin, change) }
    }

    #[test]
    fn changes_concern_workspaces_by_any_of_their_names() {
        let nothing = || json!({});
        for (entry, concerns) in [
            (entry("workspace", "w", nothing(), nothing()), true),
            (entry("workspace", "v", json!({"name": "w"}), json!({"name": "v"})), true),
            (entry("session", "s", json!({"active_workspace": "w"}), nothing()), true),
            (entry("session", "s", nothing(), json!({"active_workspace": "w"})), true),
            (entry("key", "7", json!({"workspace": "w"}), nothing()), true),
            (entry("key", "7", nothing(), json!({"workspace": "v"})), false),
            (entry("session", "w", nothing(), nothing()), false),
            (entry("provider", "w", json!({"name": "w"}), nothing()), false),
            (entry("workspace", "v", nothing(), nothing()), false),
        ] {
            assert_eq!(entry.concerns(&"w".parse().unwrap()), concerns, "{entry:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_left_out() {
        let long = json!({ "text": "x".repeat(SHOWN_BYTES_MAX) });
        let Change { before, after, .. } =
            Change { action: "x", kind: "y", name: String::new(), before: Some(json!(1)), after: Some(long) }.bounded();
        assert_eq!(before, Some(json!(1)));
        assert_eq!(after, Some(json!({ "omitted_bytes": SHOWN_BYTES_MAX + 11 })));
    }
}

//! Why the store refused, in the words of the domain.

use mux::config::{Alias, DEFAULT, Name};

use crate::domain::error::FieldError;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Workspace,
    Session,
    Provider,
    Model,
    Persona,
    Deployment,
    Key,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::Session => "session",
            Self::Provider => "provider",
            Self::Model => "model",
            Self::Persona => "persona",
            Self::Deployment => "deployment",
            Self::Key => "key",
        }
    }
}

/// What of a workspace uses something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    pub workspace: Name,
    pub by: User,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum User {
    /// By its name.
    Rule(String),
    /// Of the collection.
    Model(Alias),
    Deployment(Alias),
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("there is no {} `{name}`", kind.as_str())]
    NotFound { kind: Kind, name: String },
    #[error("the name is taken: there is a {} `{name}` already", kind.as_str())]
    Taken { kind: Kind, name: String },
    #[error("{} `{name}` is used by {}", kind.as_str(), list(uses))]
    InUse { kind: Kind, name: String, uses: Vec<Use> },
    #[error("there are {max} already, which is the most for a {}; remove one first", kind.as_str())]
    Full { kind: Kind, max: usize },
    #[error(
        "the name `{0}` is taken by an archived workspace; recover that (POST /api/v1/workspaces/{0}/recover) or delete \
         it (DELETE /api/v1/workspaces/{0}) first"
    )]
    TakenByArchived(Name),
    #[error("workspace `{0}` is archived; recover it first (POST /api/v1/workspaces/{0}/recover)")]
    Archived(Name),
    #[error("workspace `{0}` is not archived; archive it first (POST /api/v1/workspaces/{0}/archive)")]
    NotArchived(Name),
    #[error("workspace `{workspace}` is active in {}; activate another one there first", sessions(active_in))]
    Active { workspace: Name, active_in: Vec<Name> },
    #[error("{} `{DEFAULT}` always exists, so it cannot be {refused}", kind.as_str())]
    Permanent { kind: Kind, refused: &'static str },
    #[error("{}", .0.first().map_or("invalid".to_owned(), FieldError::to_string))]
    Invalid(Vec<FieldError>),
    #[error("the master key does not open this database; start with the key that it was made with")]
    MasterKey,
    #[error("database URL: {0}")]
    Url(String),
    #[error("the database holds what it should not: {0}")]
    Corrupt(String),
    #[error("the database could not be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
}

fn list(uses: &[Use]) -> String {
    const SHOWN: usize = 10;
    let shown: Vec<String> = uses
        .iter()
        .take(SHOWN)
        .map(|Use { workspace, by }| match by {
            User::Rule(rule) => format!("rule `{rule}` of workspace `{workspace}`"),
            User::Model(alias) => format!("model `{alias}` of workspace `{workspace}`"),
            User::Deployment(name) => format!("deployment `{name}` of workspace `{workspace}`"),
        })
        .collect();
    let rest = uses.len().saturating_sub(SHOWN);
    if rest == 0 { shown.join(", ") } else { format!("{} and {rest} more", shown.join(", ")) }
}

fn sessions(ids: &[Name]) -> String {
    const SHOWN: usize = 10;
    let shown: Vec<String> = ids.iter().take(SHOWN).map(|id| format!("session `{id}`")).collect();
    let rest = ids.len().saturating_sub(SHOWN);
    if rest == 0 { shown.join(", ") } else { format!("{} and {rest} more", shown.join(", ")) }
}

impl StoreError {
    /// Refuses one more where there are `count` already.
    pub(super) fn check_room(kind: Kind, count: i64, max: usize) -> Result<(), Self> {
        if usize::try_from(count).unwrap_or_default() < max { Ok(()) } else { Err(Self::Full { kind, max }) }
    }

    /// A unique name that is taken, where the statement can violate no other unique constraint.
    pub(super) fn taken(error: sqlx::Error, kind: Kind, name: &Name) -> Self {
        match error.as_database_error() {
            Some(violation) if violation.is_unique_violation() => Self::Taken { kind, name: name.to_string() },
            _ => Self::Database(error),
        }
    }
}

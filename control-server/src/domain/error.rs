//! What is wrong with a value that a person gave.

use serde_path_to_error::{Path, Segment};

/// One thing wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {message}")]
pub struct FieldError {
    /// JSON pointer into the document that the person sent, such as `/rules/3/target`.
    pub pointer: String,
    pub message: String,
}

impl FieldError {
    pub fn new(pointer: impl Into<String>, message: impl ToString) -> Self {
        Self { pointer: pointer.into(), message: message.to_string() }
    }

    /// The JSON pointer to where reading a value failed.
    pub fn pointer_of(path: &Path) -> String {
        path.iter().fold(String::new(), |pointer, segment| match segment {
            Segment::Seq { index } => format!("{pointer}/{index}"),
            Segment::Map { key } => format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { .. } | Segment::Unknown => pointer,
        })
    }

    /// Moves errors that point into `from` to where it stands in the document that was sent.
    pub fn rebase(errors: Vec<Self>, from: &str, to: &str) -> Vec<Self> {
        let rebased = errors.into_iter().map(|Self { pointer, message }| {
            let pointer = pointer.strip_prefix(from).map(|rest| format!("{to}{rest}")).unwrap_or(pointer);
            Self { pointer, message }
        });
        rebased.collect()
    }
}

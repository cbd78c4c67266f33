//! The immutable, compiled state that a filter routes by.

use crate::config::Workspace;

/// One thing wrong with one field of a workspace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {message}")]
pub struct CompileError {
    /// JSON pointer into the workspace, such as `/rules/3/when/file/0`.
    pub pointer: String,
    pub message: String,
}

/// Every reason why a workspace cannot be compiled; none: it can.
pub fn check_workspace(workspace: &Workspace) -> Vec<CompileError> {
    let _ = workspace;
    Vec::new()
}

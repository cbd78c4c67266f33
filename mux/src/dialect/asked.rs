//! What of a request outlives it, for the sake of its answer.

use super::model::ToolKind;
use crate::json::Map;

/// What of a client's request its answer must know, plain or streamed. Made by the request's translation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// The `model` that the client named; empty if none.
    pub model: String,
    /// Whether a stream is to tell its usage; a client of Chat Completions must ask for it.
    pub include_usage: bool,
    /// Tools whose calls the client must get back otherwise than the provider makes them.
    pub tools: Vec<AskedTool>,
    /// The client offered its tools as `functions` and wants a `function_call` back.
    pub legacy_functions: bool,
    /// Fields of a Responses request that its answer repeats, as they came.
    pub echo: Map,
    /// Seconds since 1970, for answers that must say when they were made where the provider did not. The engine has no
    /// clock: 0 until the caller sets it.
    pub now: u64,
}

impl Asked {
    /// The model that an answer names: the one that answered, else the one that was asked for.
    pub fn model_of<'a>(&'a self, answered: &'a str) -> &'a str {
        if answered.is_empty() { &self.model } else { answered }
    }
}

/// A tool that goes by another name or kind at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedTool {
    /// As the provider calls it.
    pub wire_name: String,
    /// As the client calls it.
    pub name: String,
    /// The group of tools it is in (Responses).
    pub namespace: Option<String>,
    pub kind: ToolKind,
}

//! The wire formats that clients and providers speak, and the translation between them.

pub mod model;

/// A wire format. The names are those of the `request` condition and of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI Chat Completions.
    Chat,
    /// Anthropic Messages.
    Messages,
    /// OpenAI Responses.
    Responses,
    /// OpenAI's legacy completions, also for fill-in-the-middle.
    Completions,
    /// OpenAI embeddings.
    Embeddings,
}

impl Dialect {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Messages => "messages",
            Self::Responses => "responses",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
        }
    }
}

/// What of a client's request its answer must know, plain or streamed. Made by the request's translation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// The `model` that the client named; empty if none.
    pub model: String,
    /// Whether a streamed chat answer is to end with usage.
    pub include_usage: bool,
    /// Tools whose calls the client must get back otherwise than the provider makes them.
    pub tools: Vec<AskedTool>,
    /// The client offered its tools as `functions` and wants a `function_call` back.
    pub legacy_functions: bool,
    /// Fields of a Responses request that its answer repeats, as they came.
    pub echo: serde_json::Map<String, serde_json::Value>,
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
    pub kind: model::ToolKind,
}

//! The wire formats that clients and providers speak.

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

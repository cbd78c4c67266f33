//! The one neutral message model that translations go through: what a request, an answer and a stream say, whatever
//! the wire format. Readers make these values, writers spell them; neither knows the other's format.

mod answer;
mod request;
mod stream;

pub use answer::{Answer, ErrorKind, FinishReason, ProviderError};
pub use request::{Effort, Format, Message, Request, Role, ServiceTier, Thinking, Tool, ToolChoice, ToolKind};
pub use stream::Delta;

use crate::json::{self, Value};
/// A piece of a message, of a tool's result or of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Text(Text),
    Image(Image),
    Document(Document),
    Thinking(Thought),
    /// Reasoning that only its own provider can read.
    RedactedThinking(String),
    /// What the model says instead of an answer that it refuses to give.
    Refusal(String),
    ToolCall(ToolCall),
    ToolResult(ToolResult),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text {
    pub text: json::Text,
    pub cache: Option<Cache>,
}

/// A mark that the prompt may be cached up to here: Anthropic's `cache_control` object as it came.
pub type Cache = Value;

#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    pub source: Source,
    /// OpenAI's `low`, `high`, `auto`, ...; how closely to look.
    pub detail: Option<String>,
    pub cache: Option<Cache>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub source: Source,
    /// A file name or title.
    pub name: Option<String>,
    pub cache: Option<Cache>,
}

/// Where the bytes of an image or document are.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// `data` is base64, `media_type` like `image/png`.
    Base64 {
        media_type: String,
        data: String,
    },
    Url(String),
    /// A document that is plain text.
    Text(String),
}

/// Reasoning that the model shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thought {
    pub text: String,
    /// Proves to the provider that made it that the text is unchanged. Another provider refuses it.
    pub signature: Option<String>,
}

/// The model asks for a tool to be run.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    pub id: String,
    /// As the reader's side calls it; see [`ToolKind`] for what `arguments` then holds.
    pub name: String,
    pub kind: ToolKind,
    /// JSON text of an object ([`ToolKind::Function`], [`ToolKind::LocalShell`]) or any text ([`ToolKind::Custom`]).
    /// A model may have written JSON that is none; writers cope.
    pub arguments: String,
    pub cache: Option<Cache>,
}

/// What running a tool gave.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolResult {
    /// The [`ToolCall::id`] that it answers.
    pub id: String,
    /// Text, images and documents only.
    pub content: Vec<Part>,
    pub is_error: bool,
    pub cache: Option<Cache>,
}

impl Part {
    pub fn text(text: impl Into<json::Text>) -> Self {
        Self::Text(Text { text: text.into(), cache: None })
    }

    /// Where the part's cache mark is or may be put.
    pub fn cache_mut(&mut self) -> Option<&mut Option<Cache>> {
        match self {
            Self::Text(part) => Some(&mut part.cache),
            Self::Image(part) => Some(&mut part.cache),
            Self::Document(part) => Some(&mut part.cache),
            Self::ToolCall(part) => Some(&mut part.cache),
            Self::ToolResult(part) => Some(&mut part.cache),
            Self::Thinking(_) | Self::RedactedThinking(_) | Self::Refusal(_) => None,
        }
    }
}

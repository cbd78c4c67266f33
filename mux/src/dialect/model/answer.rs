//! What a provider answers, as a whole.

use super::Part;
use crate::usage::Usage;

/// A plain answer. Fields that the provider left out are empty or `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    pub id: String,
    /// The model that answered, as the provider names it.
    pub model: String,
    /// Seconds since 1970.
    pub created: Option<u64>,
    /// Text, thinking, refusals and tool calls, in the order they were made.
    pub parts: Vec<Part>,
    pub finish: FinishReason,
    /// `None` if the provider counted nothing: unknown, not zero.
    pub usage: Option<Usage>,
    /// As the provider names it.
    pub service_tier: Option<String>,
}

/// Why the model stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FinishReason {
    /// It had said everything.
    #[default]
    Stop,
    /// It wrote one of the stop sequences, which only Messages tells from [`FinishReason::Stop`].
    StopSequence(Option<String>),
    /// `max_tokens` were used up.
    Length,
    /// The model's context is full.
    ContextLength,
    ToolCalls,
    /// A filter of the provider cut the answer.
    ContentFilter,
    /// The model declined (Messages).
    Refusal,
    /// The provider paused a long turn of its own tools (Messages).
    Pause,
}

/// An error that a provider answered, as a whole answer or within a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderError {
    pub kind: ErrorKind,
    pub message: String,
    /// OpenAI's `code`, as text: some providers use numbers.
    pub code: Option<String>,
    /// The field at fault.
    pub param: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    InvalidRequest,
    Authentication,
    Billing,
    Permission,
    NotFound,
    TooLarge,
    RateLimit,
    Timeout,
    Overloaded,
    /// Anything else that is the provider's fault.
    Server,
}

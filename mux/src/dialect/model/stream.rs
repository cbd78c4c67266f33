//! What a provider answers, bit by bit.

use super::{FinishReason, ProviderError, ToolKind};
use crate::usage::Usage;

/// One step of a streamed answer. A stream reader turns each event of a provider into any number of these, a stream
/// writer turns each into any number of events of the client's dialect.
///
/// Order: `Start`, then parts, then `Finish` and `Usage` (either may be missing or come twice: the later one holds),
/// then `End`. `Error` may come at any time and ends the stream. A stream without `End` or `Error` was cut off.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    /// Once, before all else. Fields that the provider left out are empty.
    Start {
        id: String,
        model: String,
        /// Seconds since 1970.
        created: Option<u64>,
    },
    /// More of the answer's text.
    Text(String),
    /// More of the reasoning.
    Thinking(String),
    /// The whole signature of the reasoning so far, which it ends.
    Signature(String),
    RedactedThinking(String),
    /// More of the refusal.
    Refusal(String),
    /// The text or reasoning so far is a part; what follows is another one, even if of the same kind.
    PartEnd,
    /// `index` counts the tool calls of the answer from 0, in the order of their starts. Calls may interleave.
    ToolStart {
        index: usize,
        id: String,
        name: String,
        kind: ToolKind,
    },
    /// A fragment of [`super::ToolCall::arguments`].
    ToolArguments {
        index: usize,
        fragment: String,
    },
    ToolEnd {
        index: usize,
    },
    /// Nothing but that the provider is still there.
    Ping,
    Finish(FinishReason),
    Usage(Usage),
    Error(ProviderError),
    /// The provider said that the answer is complete.
    End,
}

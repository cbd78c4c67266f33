//! A request, read in place: its conversation as spans of the body.

use std::ops::{Range, RangeBounds, RangeInclusive};

use super::read::{Slot, StreamOptions};
use super::turns::Turns;
use crate::config::RequestKind;
use crate::json::Span;
use crate::usage::BYTES_PER_TOKEN;

/// A request, read in place: all spans point into its body.
#[derive(Debug)]
pub struct Prompt<'a> {
    pub body: &'a [u8],
    /// The outermost object.
    pub object: Span,
    pub kind: RequestKind,
    /// The value of `model`, quotes included; none if the client sent none.
    pub model: Option<Span>,
    pub stream: bool,
    pub stream_options: Option<StreamOptions>,
    /// Where instructions go; none: this kind of request takes none.
    pub system: Option<Slot>,
    /// Whether tools are offered to the model.
    pub has_tools: bool,
    /// Whether the model is asked to think first.
    pub thinking: bool,
    pub(super) needs: super::Needs,
    pub(super) conversation: Conversation,
    /// Where runs of backticks begin inside strings, ascending.
    pub(super) fences: Vec<u32>,
    pub(super) turns: Turns,
}

/// What was kept of the messages.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    pub messages: Vec<Message>,
    pub pieces: Vec<Piece>,
    /// Messages with an image, ascending.
    pub images: Vec<usize>,
    /// Bytes of images and other data in base64 so far.
    pub data_bytes: usize,
}

/// One message, or an item that stands among messages.
#[derive(Debug)]
pub(super) struct Message {
    pub role: Role,
    /// Which of the pieces are its own.
    pub pieces: Range<usize>,
    /// Offset in the body at which it ends.
    pub end: usize,
    /// Bytes of data in base64 up to its end.
    pub data_bytes: usize,
    /// Whether it carries an image or a document that is not the outcome of a tool call.
    pub has_attachment: bool,
}

/// A part of a message that may name files.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub what: What,
    /// The inside of a string, still escaped; of [`What::Input`] the whole value.
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Text of the message itself.
    Text,
    /// The outcome of a tool call.
    Result,
    /// Arguments of a tool call: JSON inside a string.
    Arguments,
    /// Arguments of a tool call: an object.
    Input,
    /// The argument of a tool call that takes free text.
    Free,
    /// The name of an attached file.
    Name,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// System and developer: the client's own words, not the conversation's.
    Instructions,
    User,
    Assistant,
    /// The outcome of a tool call.
    Tool,
    Unknown,
}

impl Prompt<'_> {
    /// Whether there is an image in one of these messages.
    pub fn has_images(&self, messages: impl RangeBounds<usize>) -> bool {
        self.conversation.images.iter().any(|image| messages.contains(image))
    }

    /// About how many tokens the body has, up to the end of message `until`: images and other data are left out.
    pub fn estimated_tokens(&self, until: Option<usize>) -> u64 {
        let last = until.and_then(|index| self.conversation.messages.get(index));
        let (bytes, data_bytes) = match last {
            Some(message) => (message.end, message.data_bytes),
            None => (self.body.len(), self.conversation.data_bytes),
        };
        (bytes.saturating_sub(data_bytes) as u64).div_ceil(BYTES_PER_TOKEN)
    }

    /// The messages in which the user speaks in the last turn: what follows them answers it.
    pub fn last_user_turn(&self) -> Option<RangeInclusive<usize>> {
        self.turns.starts.last().map(|start| *start..=self.turns.last_own)
    }

    /// The user turn to which a message belongs: 1 for the first; 0 before it.
    pub fn turn_of(&self, message: usize) -> usize {
        self.turns.starts.partition_point(|start| *start <= message)
    }

    pub(super) fn raw(&self, span: &Span) -> &[u8] {
        self.body.get(span.clone()).unwrap_or_default()
    }

    pub(super) fn pieces(&self, message: &Message) -> &[Piece] {
        self.conversation.pieces.get(message.pieces.clone()).unwrap_or_default()
    }
}

//! What a rule may see of a request: the fields that route it, the conversation's shape and the files in it.
//!
//! Reading is lazy: a body is walked once ([`read`]), and texts and tool calls are looked into only if the rules in
//! force ask for it ([`Needs`], [`sights`]). All dialects are read by the same marks: by where a text stands, never by
//! which client wrote it. This module finds; it judges nothing.

mod conversation;
pub mod language;
mod path;
mod read;
mod sights;
mod turns;

pub use conversation::Prompt;
pub use read::{ReadError, Slot, StreamOptions, read};
pub use sights::{Sight, Source, sights};

/// Sights of files in one request; more are not looked at.
pub const FILES_MAX: usize = 16_384;
/// Bytes of a path; a longer one is no path.
pub const PATH_BYTES_MAX: usize = 1_024;

/// What the rules in force look at beyond the fields that route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Files in context.
    pub files: bool,
    /// Files that users name in their own words.
    pub mentions: bool,
    pub images: bool,
    /// The estimated size.
    pub tokens: bool,
    /// Where user turns begin.
    pub turns: bool,
}

impl Needs {
    pub const ALL: Self = Self { files: true, mentions: true, images: true, tokens: true, turns: true };

    /// Whether texts are looked into.
    fn texts(self) -> bool {
        self.files || self.mentions
    }

    /// Whether messages are looked into at all.
    fn messages(self) -> bool {
        self.texts() || self.images || self.tokens || self.turns
    }
}

//! What a rule may see of a request: the fields that route it and the files in its context.
//!
//! Reading is lazy: a body is walked once, and texts and tool calls are looked into only if the rules in force ask for
//! it ([`Needs`]). This module finds; it judges nothing.

mod chat;
mod fence;
mod files;
pub mod language;
mod path;

pub use chat::{Chat, ReadError, StreamOptions, read};
pub use files::{File, Source, files};

/// Sights of files in one request; more are not looked at.
pub const FILES_MAX: usize = 16_384;
/// Bytes of a path; a longer one is no path.
pub const PATH_BYTES_MAX: usize = 1_024;

/// What the rules in force look at beyond the fields that route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    Files,
}

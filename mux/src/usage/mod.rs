//! Token usage, read from the answers of providers, plain or streamed.
//!
//! Dialects and providers count differently; [`Usage`] is one meaning for all of them. It reads what a provider says and
//! never counts tokens itself: an answer that says nothing has no usage, not a usage of zero.

mod fields;
mod normal;
mod stream;
mod text;

use crate::dialect::Dialect;

pub(crate) use fields::Fields;
pub use stream::Stream;

/// Bytes of a provider's usage object that are kept as text; a longer one is counted, but its text is not kept.
pub const USAGE_RAW_BYTES_MAX: usize = 16 << 10;

/// Bytes of text that make a token, where a count must be guessed.
pub const BYTES_PER_TOKEN: u64 = 4;

/// Tokens, normalised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// All that was read, cached and cache-written tokens included.
    pub input_tokens: u64,
    pub cached_input_tokens: u64,
    pub cache_write_tokens: u64,
    /// All that was written, reasoning included.
    pub output_tokens: u64,
    pub reasoning_tokens: u64,
    /// The provider's own usage object as JSON text. Where a stream says it in two parts (Messages), the fields of the
    /// first overlaid by those of the second.
    pub raw: String,
}

/// The usage that a plain answer states; `None` if it states none or is not JSON.
pub fn from_json(dialect: Dialect, body: &[u8]) -> Option<Usage> {
    // A body without the word needs no parsing.
    memchr::memmem::find(body, br#""usage""#)?;
    normal::usage(dialect, &Fields::parse(body)?.object("usage")?)
}

#[cfg(test)]
mod tests;

//! Reads a JSON body in one pass, in place: every byte is checked once, nothing is copied, and no tree is built but by
//! those who translate ([`parse`]).
//!
//! [`Cursor`] walks; whoever holds it says which values to look into and which to [`Cursor::skip`], and gets byte
//! [`Span`]s. [`splice`] writes a body with some spans replaced and every other byte kept. String contents are passed
//! over 64 bytes at a time ([`block`]); while at it the cursor notes where code fences begin, if it is asked to.

mod block;
mod cursor;
mod found;
mod map;
mod splice;
mod text;
mod tree;
mod value;

pub use cursor::{Cursor, Error, Kind, Span};
pub use map::{Map, Name};
pub use splice::{Edit, Head, splice};
pub use text::{Unescaped, unescape, unescape_into};
pub use tree::{parse, write};
pub(crate) use value::json;
pub use value::{Text, Value};

/// Nesting of a body past which it is refused.
pub const DEPTH_MAX: usize = 512;

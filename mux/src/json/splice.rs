//! A body with some spans replaced and every other byte kept.
//!
//! What is made is only the head that differs: clients put `model` in front, so a megabyte behind it is never touched.

use super::Span;

/// Replace the bytes of `span` (empty: insert there) by `with`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub span: Span,
    pub with: Vec<u8>,
}

/// The first `bytes` of a body give way to `with`; all that follows stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub bytes: usize,
    pub with: Vec<u8>,
}

/// Applies edits, in any order, that do not overlap. An edit that overlaps an earlier one, or lies outside the body, is
/// left out. Without any edit the head is empty.
pub fn splice(body: &[u8], mut edits: Vec<Edit>) -> Head {
    edits.sort_by_key(|edit| edit.span.start);
    let room: usize = edits.iter().map(|edit| edit.with.len()).sum();
    let last = edits.iter().map(|edit| edit.span.end).max().unwrap_or_default().min(body.len());
    let mut out = Vec::with_capacity(last + room);
    let mut kept_to = 0;
    for Edit { span, with } in edits {
        let Some(before) = body.get(kept_to..span.start) else { continue };
        if span.end < span.start || span.end > body.len() {
            continue;
        }
        out.extend_from_slice(before);
        out.extend_from_slice(&with);
        kept_to = span.end;
    }
    Head { bytes: kept_to, with: out }
}

impl Head {
    /// The whole body that comes of it.
    pub fn on(&self, body: &[u8]) -> Vec<u8> {
        [&self.with, body.get(self.bytes..).unwrap_or_default()].concat()
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{Edit, splice};

    fn edit(span: std::ops::Range<usize>, with: &str) -> Edit {
        Edit { span, with: with.into() }
    }

    #[test]
    fn replaces_inserts_and_removes() {
        let edits = vec![edit(6..6, "!"), edit(0..1, "J"), edit(2..4, "")];
        assert_eq!(splice(b"abcdefg", edits).on(b"abcdefg"), b"Jbef!g");
    }

    #[test]
    fn the_head_ends_with_the_last_edit() {
        let head = splice(b"abcdef", vec![edit(1..2, "x")]);
        assert_eq!((head.bytes, head.with.as_slice()), (2, b"ax".as_slice()));
    }

    #[test]
    fn what_cannot_be_applied_is_left_out() {
        let edits = vec![edit(0..3, "x"), edit(2..4, "y"), edit(9..12, "z")];
        assert_eq!(splice(b"abcdef", edits).on(b"abcdef"), b"xdef");
        assert_eq!(splice(b"abcdef", vec![]).on(b"abcdef"), b"abcdef");
    }
}

//! A body with some spans replaced and every other byte kept.

use super::Span;

/// Replace the bytes of `span` (empty: insert there) by `with`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub span: Span,
    pub with: Vec<u8>,
}

/// Applies edits, in any order, that do not overlap. An edit that overlaps an earlier one, or lies outside the body, is
/// left out.
pub fn splice(body: &[u8], mut edits: Vec<Edit>) -> Vec<u8> {
    edits.sort_by_key(|edit| edit.span.start);
    let grown: usize = edits.iter().map(|edit| edit.with.len()).sum();
    let mut out = Vec::with_capacity(body.len() + grown);
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
    out.extend_from_slice(body.get(kept_to..).unwrap_or_default());
    out
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
        assert_eq!(splice(b"abcdef", edits), b"Jbef!");
    }

    #[test]
    fn what_cannot_be_applied_is_left_out() {
        let edits = vec![edit(0..3, "x"), edit(2..4, "y"), edit(9..12, "z")];
        assert_eq!(splice(b"abcdef", edits), b"xdef");
    }
}

//! Lines of text that is still JSON-escaped: looked at in short windows, so that nothing has to be unescaped as a whole.

use std::borrow::Cow;

use crate::json::unescape;

/// Escaped bytes of one line that are looked at.
pub const LINE_BYTES_MAX: usize = 1_200;

/// What stands after the last line break of `raw`.
pub fn last_line(raw: &[u8]) -> &[u8] {
    let window = raw.get(raw.len().saturating_sub(LINE_BYTES_MAX)..).unwrap_or_default();
    let mut end = window.len();
    let start = loop {
        let Some(letter) = window.get(..end).and_then(|text| text.iter().rposition(|byte| *byte == b'n')) else {
            break 0;
        };
        if let Some([before @ .., b'\\']) = window.get(..letter)
            && is_escape(before)
        {
            break letter + 1;
        }
        end = letter;
    };
    window.get(start..).unwrap_or_default()
}

/// The blanks that a line begins with, if `raw` ends in them.
pub fn indent(raw: &[u8]) -> Option<&[u8]> {
    let mut rest = raw;
    loop {
        rest = match rest {
            [before @ .., b' ' | b'\t'] => before,
            [before @ .., b'\\', b't'] if is_escape(before) => before,
            [before @ .., b'\\', b'n' | b'r'] if is_escape(before) => break,
            [] => break,
            _ => return None,
        };
    }
    raw.get(rest.len()..)
}

/// Whether a backslash behind `before` is not itself escaped.
fn is_escape(before: &[u8]) -> bool {
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 0
}

/// What stands before the first line break of `raw`.
pub fn first_line(raw: &[u8]) -> &[u8] {
    let window = head(raw, LINE_BYTES_MAX);
    let mut at = 0;
    while let Some(slash) = window.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'\\')) {
        if matches!(window.get(at + slash + 1), Some(b'n' | b'r')) {
            return window.get(..at + slash).unwrap_or_default();
        }
        at += slash + 2;
    }
    window
}

/// Without the line break in front.
pub fn after_break(raw: &[u8]) -> &[u8] {
    let raw = raw.strip_prefix(b"\\r").unwrap_or(raw);
    raw.strip_prefix(b"\\n").unwrap_or(raw)
}

/// The line that ends in the line break at the end of `raw`, line break included; empty if there is none.
pub fn line_above(raw: &[u8]) -> &[u8] {
    let Some(above) = raw.strip_suffix(b"\\n") else { return &[] };
    let above = above.strip_suffix(b"\\r").unwrap_or(above);
    raw.get(above.len() - last_line(above).len()..).unwrap_or_default()
}

/// Only blanks, plain or escaped.
pub fn is_blank(raw: &[u8]) -> bool {
    raw.iter().all(|byte| matches!(byte, b' ' | b'\t')) || skip_blanks(raw).is_empty()
}

/// Without the blanks and line breaks in front.
pub fn skip_blanks(mut raw: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [b'\\', b'n' | b'r' | b't', rest @ ..] = raw {
        raw = rest;
    }
    raw
}

pub fn head(raw: &[u8], bytes: usize) -> &[u8] {
    raw.get(..bytes).unwrap_or(raw)
}

/// Unescaped.
pub fn text(raw: &[u8]) -> Cow<'_, str> {
    match unescape(raw) {
        Cow::Borrowed(text) => std::str::from_utf8(text).map_or_else(|_| String::from_utf8_lossy(text), Cow::Borrowed),
        Cow::Owned(text) => Cow::Owned(match String::from_utf8(text) {
            Ok(text) => text,
            // Cut inside of a character.
            Err(cut) => String::from_utf8_lossy(cut.as_bytes()).into_owned(),
        }),
    }
}

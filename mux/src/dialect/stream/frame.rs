//! The framing of server-sent events.

use crate::json;
use crate::json::Value;

/// A string as JSON text.
pub fn string(text: &str, out: &mut Vec<u8>) {
    // A Vec takes everything.
    let _ = serde_json::to_writer(out, text);
}

/// The number as JSON text.
pub fn number(number: usize, out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, &number);
}

/// `event:` and the beginning of `data:`; the data and [`end`] follow.
pub fn named(name: &str, out: &mut Vec<u8>) {
    for piece in ["event: ", name, "\ndata: "] {
        out.extend_from_slice(piece.as_bytes());
    }
}

pub fn end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\n\n");
}

/// An event without a name.
pub fn data(value: &Value, out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    json::write(value, out);
    end(out);
}

/// An event whose name is its data's `type`.
pub fn typed(value: &Value, out: &mut Vec<u8>) {
    named(value.get("type").and_then(Value::as_str).unwrap_or_default(), out);
    json::write(value, out);
    end(out);
}

/// The comments in the lines of an event that are UTF-8, as an event of their own; nothing if there are none.
pub fn comments(event: &[u8]) -> Vec<u8> {
    let mut comments = Vec::new();
    let lines = event.split(|byte| matches!(byte, b'\n' | b'\r'));
    for line in lines.filter(|line| line.starts_with(b":") && std::str::from_utf8(line).is_ok()) {
        comments.extend_from_slice(line);
        comments.push(b'\n');
    }
    if !comments.is_empty() {
        comments.push(b'\n');
    }
    comments
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::comments;

    #[test]
    fn comments_pass_as_far_as_they_are_text() {
        assert_eq!(comments(b": a\r\ndata:\n: b\n\n"), b": a\n: b\n\n");
        assert_eq!(comments(b": \xf1\n\n"), b"");
    }
}

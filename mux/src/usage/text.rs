//! How much text a stream's event carries, read without parsing the event.

use memchr::{memchr, memchr2};

/// Keys of strings that are text when they stand in the delta itself. `reasoning` and `reasoning_content` are two names
/// of one text; providers that send both would count twice, so the longer one counts.
const TEXT_KEYS: &[&[u8]] = &[b"content", b"text", b"thinking", b"partial_json", b"refusal"];
const REASONING_KEYS: &[&[u8]] = &[b"reasoning_content", b"reasoning"];
/// Text at any depth: tool calls nest it.
const ARGUMENTS_KEY: &[u8] = b"arguments";

/// Bytes of text in the value that follows a key, given all bytes after that key. Total for any bytes.
pub fn text_bytes(after_key: &[u8]) -> u64 {
    let Some(mut rest) = after_key.trim_ascii_start().strip_prefix(b":").map(<[u8]>::trim_ascii_start) else {
        return 0;
    };
    let (mut depth, mut key, mut text, mut reasoning) = (0_usize, &b""[..], 0, 0);
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let Some((string, after)) = split_string(after) else { return text + reasoning };
                rest = after.trim_ascii_start();
                if rest.first() == Some(&b':') {
                    key = string;
                } else if depth == 0 || key == ARGUMENTS_KEY || (depth == 1 && TEXT_KEYS.contains(&key)) {
                    text += unescaped_bytes(string);
                } else if depth == 1 && REASONING_KEYS.contains(&key) {
                    reasoning = reasoning.max(unescaped_bytes(string));
                }
            }
            b',' if depth == 0 => break,
            _ => continue,
        }
        if depth == 0 {
            break;
        }
    }
    text + reasoning
}

/// A string's content, still escaped, and what follows its closing quote, given all bytes after its opening one.
fn split_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut at = 0;
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes.get(at) == Some(&b'"') {
            return Some((bytes.get(..at)?, bytes.get(at + 1..)?));
        }
        at += 2;
    }
}

fn unescaped_bytes(string: &[u8]) -> u64 {
    let mut bytes = string.len() as u64;
    let mut rest = string;
    while let Some(at) = memchr(b'\\', rest) {
        // `\u00e9` and its like stand for two or three bytes of UTF-8; every other escape for one.
        let (escape_bytes, escaped_bytes) = if rest.get(at + 1) == Some(&b'u') { (6, 3) } else { (2, 1) };
        bytes = bytes.saturating_sub(escape_bytes - escaped_bytes);
        rest = rest.get(at + escape_bytes as usize..).unwrap_or_default();
    }
    bytes
}

//! Escaped string contents to text.

use std::borrow::Cow;

use super::block::{BLOCK, Block};

/// The text of a JSON string, borrowed where nothing was escaped.
pub type Unescaped<'a> = Cow<'a, [u8]>;

/// What stands between the quotes of a checked string, unescaped. A lone surrogate becomes U+FFFD.
pub fn unescape(raw: &[u8]) -> Unescaped<'_> {
    if memchr::memchr(b'\\', raw).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut text = Vec::with_capacity(raw.len());
    unescape_into(raw, &mut text);
    Cow::Owned(text)
}

/// A checked string's text.
pub fn to_string(text: Unescaped<'_>) -> String {
    String::from_utf8(text.into_owned()).unwrap_or_default()
}

/// Like [`unescape`], appended to `text`. Total: after a broken or cut escape the rest is taken as it stands.
pub fn unescape_into(raw: &[u8], text: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some((block, after)) = rest.split_first_chunk::<BLOCK>() {
        let escapes = Block::load(block).equal(b'\\');
        rest = match short_escapes(block, escapes, text) {
            None => after,
            // What does not lie within the block, or is not of two bytes, is looked at again.
            Some(at) => match rest.split_at_checked(at) {
                Some((_, escape)) => one_escape(escape, text),
                None => return,
            },
        };
    }
    while let Some(plain) = rest.iter().position(|byte| *byte == b'\\') {
        let (before, escape) = rest.split_at(plain);
        text.extend_from_slice(before);
        rest = one_escape(escape, text);
    }
    text.extend_from_slice(rest);
}

/// Takes over a block with its escapes of two bytes; gives the offset of an escape that is none or not all there.
#[inline(always)]
fn short_escapes(block: &[u8; BLOCK], mut escapes: u64, text: &mut Vec<u8>) -> Option<usize> {
    let mut from = 0;
    while escapes != 0 {
        let at = escapes.trailing_zeros() as usize;
        text.extend_from_slice(block.get(from..at).unwrap_or_default());
        match block.get(at + 1) {
            None | Some(b'u') => return Some(at),
            Some(letter) => text.push(short(*letter)),
        }
        from = at + 2;
        escapes &= !(3 << at);
    }
    text.extend_from_slice(block.get(from..).unwrap_or_default());
    None
}

/// The escape that `escape` begins with. Returns what follows.
fn one_escape<'a>(escape: &'a [u8], text: &mut Vec<u8>) -> &'a [u8] {
    match escape {
        [_, b'u', after @ ..] => unicode(after, text),
        [_, letter, after @ ..] => {
            text.push(short(*letter));
            after
        }
        _ => &[],
    }
}

fn short(letter: u8) -> u8 {
    match letter {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 8,
        b'f' => 12,
        other => other,
    }
}

/// The digits after `\u`, with the second half of a surrogate pair if there is one. Returns what follows.
fn unicode<'a>(digits: &'a [u8], text: &mut Vec<u8>) -> &'a [u8] {
    let Some((first, rest)) = code_unit(digits) else { return digits };
    let second = rest.strip_prefix(b"\\u").and_then(code_unit);
    let (character, rest) = match (first, second) {
        (0xd800..=0xdbff, Some((low @ 0xdc00..=0xdfff, rest))) => {
            (char::from_u32(0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00)), rest)
        }
        _ => (char::from_u32(first), rest),
    };
    let mut buffer = [0; 4];
    text.extend_from_slice(character.unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut buffer).as_bytes());
    rest
}

fn code_unit(digits: &[u8]) -> Option<(u32, &[u8])> {
    let (unit, rest) = digits.split_first_chunk::<4>()?;
    let unit = std::str::from_utf8(unit).ok()?;
    u32::from_str_radix(unit, 16).ok().map(|unit| (unit, rest))
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::unescape;

    #[test]
    fn every_escape_becomes_its_text() {
        for (raw, text) in [
            (r"plain", "plain"),
            (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r"\u00e9", "é"),
            (r"\ud83d\ude00!", "😀!"),
            (r"\ud83d!", "\u{fffd}!"),
            (r"\ude00", "\u{fffd}"),
            (r"\ud83dA", "\u{fffd}A"),
        ] {
            assert_eq!(unescape(raw.as_bytes()), text.as_bytes(), "{raw}");
        }
    }

    #[test]
    fn cut_escapes_do_no_harm() {
        for raw in ["a\\", "a\\u", "a\\u12", "a\\ud83d\\u"] {
            assert!(unescape(raw.as_bytes()).starts_with(b"a"), "{raw}");
        }
    }
}

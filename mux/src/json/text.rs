//! Escaped string contents to text.

use std::borrow::Cow;

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

/// Like [`unescape`], appended to `text`. Total: after a broken or cut escape the rest is taken as it stands.
pub fn unescape_into(raw: &[u8], text: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(plain) = memchr::memchr(b'\\', rest) {
        let (before, escape) = rest.split_at(plain);
        text.extend_from_slice(before);
        rest = match escape {
            [_, b'u', after @ ..] => unicode(after, text),
            [_, letter, after @ ..] => {
                text.push(match letter {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'b' => 8,
                    b'f' => 12,
                    other => *other,
                });
                after
            }
            _ => return,
        };
    }
    text.extend_from_slice(rest);
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

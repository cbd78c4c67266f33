//! Trees of JSON, for the few who need one: read by [`Cursor`], which is several times faster over long strings than a
//! general parser and holds the depth within [`super::DEPTH_MAX`], and written likewise.

use serde_json::Number;

use super::block::{BLOCK, Block};
use super::cursor::{Cursor, Error, Kind};
use super::map::Map;
use super::text::{to_string, unescape};
use super::value::{Text, Value};

/// A whole text as a tree. Of fields of one name the last holds. A number that no integer or float can hold is an error.
pub fn parse(bytes: &[u8]) -> Result<Value, Error> {
    let mut cursor = Cursor::new(bytes);
    let value = read(&mut cursor)?;
    cursor.finish()?;
    Ok(value)
}

fn read(cursor: &mut Cursor<'_>) -> Result<Value, Error> {
    Ok(match cursor.kind()? {
        Kind::Object => {
            let mut fields = Vec::new();
            cursor.members::<Error>(|cursor, key| {
                let value = read(cursor)?;
                fields.push((to_string(key).into(), value));
                Ok(())
            })?;
            Value::Object(Map::of_fields(fields))
        }
        Kind::Array => {
            let mut items = Vec::new();
            cursor.array::<Error>(|cursor| {
                items.push(read(cursor)?);
                Ok(())
            })?;
            Value::Array(items)
        }
        Kind::String => {
            let span = cursor.string()?;
            let raw = cursor.raw(&span);
            let is_rare = cursor.has_rare_escapes();
            Value::String(if is_rare { to_string(unescape(raw)).into() } else { Text::of_raw(raw) })
        }
        Kind::Number => {
            let span = cursor.skip()?;
            let too_large = Error::Syntax { at: span.start, expected: "a number of at most 64 bits" };
            Value::Number(number(cursor.raw(&span)).ok_or(too_large)?)
        }
        kind @ (Kind::True | Kind::False | Kind::Null) => {
            cursor.skip()?;
            if kind == Kind::Null { Value::Null } else { Value::Bool(kind == Kind::True) }
        }
    })
}

fn number(raw: &[u8]) -> Option<Number> {
    let text = std::str::from_utf8(raw).ok()?;
    if let Ok(number) = text.parse::<u64>() {
        return Some(number.into());
    }
    match text.parse::<i64>() {
        // The one integer that must be a float to keep its sign.
        Ok(number) if number != 0 => Some(number.into()),
        _ => Number::from_f64(text.parse().ok()?),
    }
}

/// A tree as text, without white space.
pub fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::String(text) => match text.raw() {
            Some(raw) => {
                out.reserve(raw.len() + 2);
                out.push(b'"');
                out.extend_from_slice(raw);
                out.push(b'"');
            }
            None => write_string(text, out),
        },
        Value::Array(items) => {
            let mut before = b'[';
            for item in items {
                out.push(before);
                write(item, out);
                before = b',';
            }
            out.extend_from_slice(if items.is_empty() { b"[]" } else { b"]" });
        }
        Value::Object(map) => {
            let mut before = b'{';
            for (name, value) in map.iter() {
                out.push(before);
                write_string(name, out);
                out.push(b':');
                write(value, out);
                before = b',';
            }
            out.extend_from_slice(if map.is_empty() { b"{}" } else { b"}" });
        }
    }
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let (blocks, tail) = text.as_bytes().as_chunks::<BLOCK>();
    for bytes in blocks {
        let block = Block::load(bytes);
        let odd = block.equal_any(b'"', b'\\') | block.control();
        write_escaped(bytes, odd, out);
    }
    let is_odd = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    let odd = tail.iter().enumerate().fold(0, |odd, (at, byte)| odd | u64::from(is_odd(*byte)) << at);
    write_escaped(tail, odd, out);
    out.push(b'"');
}

/// At most a block of bytes; each bit of `odd` is one that must be escaped.
fn write_escaped(bytes: &[u8], mut odd: u64, out: &mut Vec<u8>) {
    let mut from = 0;
    while odd != 0 {
        let at = odd.trailing_zeros() as usize;
        odd &= odd - 1;
        out.extend_from_slice(bytes.get(from..at).unwrap_or_default());
        from = at + 1;
        match bytes.get(at).copied().unwrap_or_default() {
            byte @ (b'"' | b'\\') => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => out.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
        }
    }
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value as Library;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{Value, parse, write};

    fn written(value: &Value) -> Vec<u8> {
        let mut out = Vec::new();
        write(value, &mut out);
        out
    }

    /// The library's tree of the same values.
    fn library(value: &Value) -> Library {
        match value {
            Value::Null => Library::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(number) => number.clone().into(),
            Value::String(text) => text.as_str().into(),
            Value::Array(items) => items.iter().map(library).collect(),
            Value::Object(map) => map.iter().map(|(name, value)| (name.to_owned(), library(value))).collect(),
        }
    }

    #[test]
    fn trees_are_those_of_the_library() {
        let long = format!(r#"{{"a":"{}\u00e9\ud83d\ude00"}}"#, "x\\n\\\"y\\u0001z\\t".repeat(40));
        let rows = [
            r#"{"z":1,"a":[true,false,null,{}],"z":2}"#,
            r#" [ 0 , -0, -1, 1.50, 1e3, 18446744073709551615, -9223372036854775808, 18446744073709551616, 0.1 ] "#,
            r#""\u0000 \/ \b \f é 😀""#,
            "[]",
            long.as_str(),
        ];
        for text in rows {
            let (expected, read) = (serde_json::from_str::<Library>(text).unwrap(), parse(text.as_bytes()).unwrap());
            assert_eq!(library(&read), expected, "{text}");
            assert_eq!(serde_json::from_slice::<Library>(&written(&read)).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn texts_keep_a_spelling_that_needs_no_other() {
        for (text, expected) in [
            (r#""a\n\t\"\\ é""#, r#""a\n\t\"\\ é""#),
            (r#""\r\/\u00e9\u000a\ud83d""#, "\"\\r/é\\n\u{fffd}\""),
            (r#"["\/","a\n"]"#, r#"["/","a\n"]"#),
        ] {
            assert_eq!(String::from_utf8(written(&parse(text.as_bytes()).unwrap())).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{", "[1,]", "1e400", "{} {}", "\"\\x\"", &"[".repeat(600)] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    fn letter() -> impl Strategy<Value = char> {
        prop_oneof![4 => (0..128_u8).prop_map(char::from), 1 => any::<char>()]
    }

    proptest! {
        #[test]
        fn any_text_is_written_as_the_library_reads_it(text in prop::collection::vec(letter(), 0..200)) {
            let value = Value::from(text.into_iter().collect::<String>());
            let bytes = written(&value);
            prop_assert_eq!(serde_json::from_slice::<Library>(&bytes).unwrap(), library(&value));
            prop_assert_eq!(&parse(&bytes).unwrap(), &value);
            prop_assert_eq!(written(&parse(&bytes).unwrap()), bytes);
        }

        #[test]
        fn any_bytes_are_read_as_the_library_does(bytes in prop::collection::vec(prop::sample::select(&b"{}[]:,\"\\nu0123.-eE +truefalsnl\xc3\xa9"[..]), 0..24)) {
            let expected = serde_json::from_slice::<Library>(&bytes).ok();
            // A lone surrogate is an error there and U+FFFD here, as everywhere in the engine.
            let is_surrogate = bytes.windows(2).any(|pair| pair == b"\\u");
            if !is_surrogate {
                prop_assert_eq!(parse(&bytes).ok().map(|read| library(&read)), expected);
            }
        }
    }
}

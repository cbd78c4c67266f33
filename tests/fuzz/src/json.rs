//! The scan over JSON, held against a general parser.

use mux::json::{Cursor, Error, Kind, Value as Tree, parse, unescape, unescape_into, write};
use serde_json::Value;

/// Nesting from which on the library reads no tree.
const LIBRARY_DEPTH_MAX: usize = 127;

pub fn check(input: &[u8]) {
    let mut appended = b"x".to_vec();
    unescape_into(input, &mut appended);
    assert_eq!(appended.get(1..), Some(&*unescape(input)));
    let scanned = scan(input);
    if let Err(Error::TooDeep { .. }) = scanned {
        let opening = input.iter().filter(|byte| matches!(byte, b'{' | b'[')).count();
        assert!(opening > mux::json::DEPTH_MAX);
        assert_eq!(parse(input).err(), scanned.err());
        return;
    }
    // The library passes over strings without a look at their encoding.
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(input).is_ok() && std::str::from_utf8(input).is_ok();
    assert_eq!(scanned.is_ok(), is_json, "{scanned:?}");
    match &scanned {
        Ok(fences) => assert_eq!(*fences, backticks(input), "in JSON, backticks stand in strings alone"),
        Err(Error::Empty) => assert!(input.iter().all(u8::is_ascii_whitespace)),
        Err(Error::Truncated { at }) => assert_eq!(*at, input.len()),
        Err(Error::Syntax { at, .. } | Error::NotUtf8 { at } | Error::TooDeep { at }) => assert!(*at < input.len()),
    }
    tree(input, scanned.is_ok());
}

/// Passes over a text, and over its first level once more by hand. Gives where fences are.
fn scan(text: &[u8]) -> Result<Vec<u32>, Error> {
    let mut cursor = Cursor::noting_fences(text);
    let whole = cursor.skip()?;
    let fences = cursor.finish()?;
    let mut cursor = Cursor::new(text);
    let kind = cursor.kind()?;
    let span = match kind {
        Kind::Object => cursor.object::<Error>(|cursor, _| member(cursor))?,
        Kind::Array => cursor.array::<Error>(member)?,
        _ => cursor.skip()?,
    };
    assert_eq!(span, whole);
    assert_eq!(cursor.raw(&span), text.trim_ascii());
    cursor.finish()?;
    Ok(fences)
}

/// A value's span holds that value and nothing else.
fn member(cursor: &mut Cursor) -> Result<(), Error> {
    let span = cursor.skip()?;
    let raw = cursor.raw(&span);
    assert_eq!(Cursor::new(raw).skip(), Ok(0..raw.len()));
    Ok(())
}

/// Where runs of three or more backticks begin.
fn backticks(text: &[u8]) -> Vec<u32> {
    let begins = |at: usize| text[at..].starts_with(b"```") && (at == 0 || text[at - 1] != b'`');
    (0..text.len()).filter(|at| begins(*at)).filter_map(|at| u32::try_from(at).ok()).collect()
}

fn tree(text: &[u8], is_json: bool) {
    let own = parse(text);
    assert!(is_json || own.is_err());
    let Ok(own) = own else { return };
    let mut written = Vec::new();
    write(&own, &mut written);
    assert_eq!(parse(&written).as_ref(), Ok(&own), "what is written is read as the same");
    let own = library(&own);
    if depth(&own) > LIBRARY_DEPTH_MAX {
        return;
    }
    let again: Value = serde_json::from_slice(&written).expect("the library reads what is written");
    assert!(is_same(&again, &own), "{again} is not {own}");
    match serde_json::from_slice::<Value>(text) {
        Ok(library) => assert!(is_same(&library, &own), "{library} is not {own}"),
        // A lone surrogate is an error there. Of numbers at the edge of what fits each has an own opinion.
        Err(error) => {
            let has_escape = text.windows(2).any(|pair| pair == b"\\u");
            assert!(has_escape || error.to_string().starts_with("number out of range"), "{error}");
        }
    }
}

/// The same tree, as the library has it.
pub fn library(own: &Tree) -> Value {
    match own {
        Tree::Null => Value::Null,
        Tree::Bool(truth) => Value::Bool(*truth),
        Tree::Number(number) => Value::Number(number.clone()),
        Tree::String(text) => Value::String(text.to_string()),
        Tree::Array(items) => items.iter().map(library).collect(),
        Tree::Object(map) => map.iter().map(|(name, value)| (name.to_string(), library(value))).collect(),
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

/// The library's floats may be off by the last bit.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same =
                |((name, one), (other_name, other)): (_, (&String, &Value))| name == other_name && is_same(one, other);
            one.len() == other.len() && one.iter().zip(other).all(same)
        }
        (Value::Number(one), Value::Number(other)) if one.is_f64() && other.is_f64() => {
            let bits = |number: &serde_json::Number| number.as_f64().unwrap_or_default().to_bits();
            bits(one).abs_diff(bits(other)) <= 1
        }
        _ => one == other,
    }
}

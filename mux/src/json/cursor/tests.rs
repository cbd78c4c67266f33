use proptest::prelude::*;
use serde_json::Value;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Cursor, Error, Kind};

fn check(text: &[u8]) -> Result<(), Error> {
    let mut cursor = Cursor::new(text);
    cursor.skip()?;
    cursor.finish().map(|_| ())
}

#[test]
fn valid_texts_pass() {
    for text in [
        "{}",
        "[]",
        " [ 1 , -0.5e+3 , true , false , null , \"\" ] ",
        r#"{"a":{"b":[{"c":[]},[[]]]},"d":"\u00e9\\\"\/\n"}"#,
        "\"0123456789012345678901234567890123456789012345678901234567890123456789\"",
    ] {
        assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
    }
}

#[test]
fn broken_texts_are_named() {
    let long = "x".repeat(70);
    for (text, error) in [
        ("", Error::Empty),
        (" \n", Error::Empty),
        ("{", Error::Truncated { at: 1 }),
        ("[1,", Error::Truncated { at: 3 }),
        ("[1,]", Error::Syntax { at: 3, expected: "a value" }),
        ("{\"a\" 1}", Error::Syntax { at: 5, expected: "`:`" }),
        ("{\"a\":1]", Error::Syntax { at: 6, expected: "`,` or `}`" }),
        ("{a:1}", Error::Syntax { at: 1, expected: "a string" }),
        ("[01]", Error::Syntax { at: 2, expected: "`,` or `]`" }),
        ("[1.]", Error::Syntax { at: 3, expected: "a digit" }),
        ("[nul]", Error::Syntax { at: 1, expected: "a value" }),
        ("{} x", Error::Syntax { at: 3, expected: "the end of the text" }),
        (r#""\x""#, Error::Syntax { at: 2, expected: "an escape of JSON" }),
        (r#""\u12g4""#, Error::Syntax { at: 2, expected: "an escape of JSON" }),
        ("\"a\nb\"", Error::Syntax { at: 2, expected: "no control character inside a string" }),
        (&format!("\"{long}\\x\""), Error::Syntax { at: 72, expected: "an escape of JSON" }),
        (&format!("\"{long}"), Error::Truncated { at: 71 }),
        (&format!("\"{long}\\"), Error::Truncated { at: 72 }),
    ] {
        assert_eq!(check(text.as_bytes()), Err(error), "{text}");
    }
    assert_eq!(check(b"\"\xff\""), Err(Error::NotUtf8 { at: 1 }));
    let cut = format!("\"{}\u{e9}\"", "x".repeat(62)).replace('\u{e9}', "\u{20ac}");
    assert_eq!(check(cut.as_bytes()), Ok(()), "a character may lie across two blocks");
    let broken = [&cut.as_bytes()[..cut.len() - 2], b"\""].concat();
    assert_eq!(check(&broken), Err(Error::NotUtf8 { at: 63 }));
    assert!(matches!(check(b"[\xff]"), Err(Error::Syntax { .. })));
}

#[test]
fn depth_is_bounded_and_costs_no_stack() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(check(nested(512).as_bytes()), Ok(()));
    assert_eq!(check(nested(513).as_bytes()), Err(Error::TooDeep { at: 513 }));
    assert_eq!(check(nested(1_000_000).as_bytes()), Err(Error::TooDeep { at: 513 }));
    let mixed = r#"{"a":["#.repeat(256) + &"]}".repeat(256);
    assert_eq!(check(mixed.as_bytes()), Ok(()));
}

#[test]
fn runs_of_backslashes_end_strings_where_they_should() {
    for before in 0..130 {
        for backslashes in 0..6 {
            let text = format!("\"{}{}\" ", "a".repeat(before), "\\".repeat(backslashes));
            assert_eq!(check(text.as_bytes()).is_ok(), backslashes % 2 == 0, "{before} {backslashes}");
        }
    }
}

#[test]
fn fences_are_noted_wherever_they_lie() {
    for before in 0..140 {
        let text = format!("[\"{}```` `x` ``` ``\"]", "a".repeat(before));
        let mut cursor = Cursor::noting_fences(text.as_bytes());
        cursor.skip().unwrap();
        let start = before as u32 + 2;
        assert_eq!(cursor.finish().unwrap(), [start, start + 9], "{before}");
    }
}

#[test]
fn object_gives_unescaped_keys_and_spans() {
    let text = br#" {"mod\u0065l" : "x y" , "n":[1, 2]} "#;
    let mut cursor = Cursor::new(text);
    let mut seen = Vec::new();
    let span = cursor
        .object::<Error>(|cursor, key| {
            let kind = cursor.kind()?;
            let value = cursor.skip()?;
            seen.push((String::from_utf8(key.to_vec()).unwrap(), kind, cursor.raw(&value).to_vec()));
            Ok(())
        })
        .unwrap();
    assert_eq!(&text[span], &text[1..text.len() - 1]);
    assert_eq!(
        seen,
        [("model".into(), Kind::String, b"\"x y\"".to_vec()), ("n".into(), Kind::Array, b"[1, 2]".to_vec())]
    );
}

/// Text of the characters that matter to the scan, and some that do not.
fn any_text(len_max: usize) -> impl Strategy<Value = String> {
    let character = prop_oneof![
        4 => prop::sample::select(vec!['a', ' ', '\\', '"', '`', '\n', '\t', 'é', '\u{1}', '/']),
        1 => any::<char>(),
    ];
    prop::collection::vec(character, 0..len_max).prop_map(String::from_iter)
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e300..1e300).prop_map(Value::from),
        any_text(150).prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((any_text(20), inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_serde_writes_passes(value in any_json(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        prop_assert_eq!(check(text.as_bytes()), Ok(()));
    }

    #[test]
    fn agrees_with_serde_on_damaged_texts(value in any_json(), at: prop::sample::Index, byte in prop::sample::select(b"\"\\{}[],:0-.e tn\x01\xc3u/".to_vec()), cut: bool) {
        let mut text = serde_json::to_vec(&value).unwrap();
        let at = at.index(text.len());
        if cut { text.truncate(at) } else { text[at] = byte }
        let serde = serde_json::from_slice::<serde::de::IgnoredAny>(&text).is_ok() && std::str::from_utf8(&text).is_ok();
        prop_assert_eq!(check(&text).is_ok(), serde, "{}", String::from_utf8_lossy(&text));
    }

    #[test]
    fn takes_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = check(&bytes);
    }
}

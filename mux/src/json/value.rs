//! A JSON tree whose strings keep their spelling: most of a prompt is long texts that a translation only moves, and which
//! need neither be unescaped nor escaped again for that.

use std::cell::OnceCell;
use std::fmt;
use std::ops::Deref;

use serde_json::Number;

use super::Map;

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Number(Number),
    String(Text),
    Array(Vec<Value>),
    Object(Map),
}

/// A text that is unescaped when it is first looked at, if ever.
#[derive(Clone)]
pub struct Text {
    /// What stands between a string's quotes, as [`super::write`] would spell it; none if only `plain` is known.
    raw: Option<Box<[u8]>>,
    plain: OnceCell<String>,
}

impl Text {
    /// `raw` was checked, and has no other escapes than `\n`, `\t`, `\"` and `\\`.
    pub(super) fn of_raw(raw: &[u8]) -> Self {
        Self { raw: Some(raw.into()), plain: OnceCell::new() }
    }

    pub(super) fn raw(&self) -> Option<&[u8]> {
        self.raw.as_deref()
    }

    pub fn as_str(&self) -> &str {
        self.plain.get_or_init(|| super::text::to_string(super::unescape(self.raw().unwrap_or_default())))
    }

    pub fn into_string(mut self) -> String {
        self.as_str();
        self.plain.take().unwrap_or_default()
    }

    pub fn is_empty(&self) -> bool {
        self.raw().map_or_else(|| self.as_str().is_empty(), <[u8]>::is_empty)
    }

    /// Whether there is nothing but white space.
    pub fn is_blank(&self) -> bool {
        let mut rest = self.raw().unwrap_or_default();
        while let [b' ', after @ ..] | [b'\\', b'n' | b't', after @ ..] = rest {
            rest = after;
        }
        // Other white space than the usual is not ASCII.
        match rest.first() {
            Some(byte) if byte.is_ascii() => false,
            _ => self.as_str().trim().is_empty(),
        }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl From<String> for Text {
    fn from(plain: String) -> Self {
        Self { raw: None, plain: plain.into() }
    }
}

impl From<&str> for Text {
    fn from(plain: &str) -> Self {
        plain.to_owned().into()
    }
}

impl Default for Text {
    fn default() -> Self {
        String::new().into()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(formatter)
    }
}

impl Value {
    pub fn is_null(&self) -> bool {
        *self == Self::Null
    }

    pub fn is_string(&self) -> bool {
        matches!(self, Self::String(_))
    }

    pub fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    pub fn as_number(&self) -> Option<&Number> {
        if let Self::Number(number) = self { Some(number) } else { None }
    }

    pub fn as_u64(&self) -> Option<u64> {
        self.as_number()?.as_u64()
    }

    pub fn as_i64(&self) -> Option<i64> {
        self.as_number()?.as_i64()
    }

    pub fn as_f64(&self) -> Option<f64> {
        self.as_number()?.as_f64()
    }

    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text.as_str()) } else { None }
    }

    pub fn as_array(&self) -> Option<&Vec<Self>> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    pub fn as_array_mut(&mut self) -> Option<&mut Vec<Self>> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    pub fn as_object(&self) -> Option<&Map> {
        if let Self::Object(map) = self { Some(map) } else { None }
    }

    pub fn as_object_mut(&mut self) -> Option<&mut Map> {
        if let Self::Object(map) = self { Some(map) } else { None }
    }

    /// An object's field.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.as_object()?.get(name)
    }

    pub fn get_mut(&mut self, name: &str) -> Option<&mut Self> {
        self.as_object_mut()?.get_mut(name)
    }

    /// Leaves null.
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }
}

impl PartialEq<str> for Value {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

/// As JSON text.
impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        super::write(self, &mut text);
        formatter.write_str(&String::from_utf8_lossy(&text))
    }
}

macro_rules! from {
    ($($kind:ty, $value:ident => $made:expr;)*) => {
        $(impl From<$kind> for Value {
            fn from($value: $kind) -> Self {
                $made
            }
        })*
    };
}

from! {
    bool, value => Self::Bool(value);
    i32, value => Self::Number(value.into());
    u64, value => Self::Number(value.into());
    i64, value => Self::Number(value.into());
    usize, value => Self::Number(value.into());
    f64, value => Number::from_f64(value).map_or(Self::Null, Self::Number);
    Text, value => Self::String(value);
    String, value => Self::String(value.into());
    &str, value => Self::String(value.into());
    &String, value => Self::String(value.as_str().into());
    Map, value => Self::Object(value);
    &Value, value => value.clone();
    &Text, value => Self::String(value.clone());
    &Option<String>, value => value.as_deref().into();
    &u64, value => (*value).into();
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A [`Value`] as JSON spells it, with expressions in it for values.
macro_rules! json {
    (null) => { $crate::json::Value::Null };
    ([ $($items:tt)* ]) => { $crate::json::Value::Array($crate::json::json!(@items [] $($items)*)) };
    ({ $($fields:tt)* }) => {{
        #[allow(unused_mut)]
        let mut map = $crate::json::Map::new();
        $crate::json::json!(@fields map $($fields)*);
        $crate::json::Value::Object(map)
    }};

    (@fields $map:ident) => {};
    (@fields $map:ident $name:tt : null $(, $($rest:tt)*)?) => {
        $map.insert($name, $crate::json::Value::Null);
        $($crate::json::json!(@fields $map $($rest)*);)?
    };
    (@fields $map:ident $name:tt : { $($value:tt)* } $(, $($rest:tt)*)?) => {
        $map.insert($name, $crate::json::json!({ $($value)* }));
        $($crate::json::json!(@fields $map $($rest)*);)?
    };
    (@fields $map:ident $name:tt : [ $($value:tt)* ] $(, $($rest:tt)*)?) => {
        $map.insert($name, $crate::json::json!([ $($value)* ]));
        $($crate::json::json!(@fields $map $($rest)*);)?
    };
    (@fields $map:ident $name:tt : $value:expr $(, $($rest:tt)*)?) => {
        $map.insert($name, $crate::json::Value::from($value));
        $($crate::json::json!(@fields $map $($rest)*);)?
    };

    (@items [ $($made:expr,)* ]) => { vec![ $($made),* ] };
    (@items [ $($made:expr,)* ] { $($value:tt)* } $(, $($rest:tt)*)?) => {
        $crate::json::json!(@items [ $($made,)* $crate::json::json!({ $($value)* }), ] $($($rest)*)?)
    };
    (@items [ $($made:expr,)* ] $value:expr $(, $($rest:tt)*)?) => {
        $crate::json::json!(@items [ $($made,)* $crate::json::Value::from($value), ] $($($rest)*)?)
    };

    ($value:expr) => { $crate::json::Value::from($value) };
}
pub(crate) use json;

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::Text;
    use crate::json::{parse, unescape};

    #[test]
    fn a_tree_is_spelled_like_json() {
        let (name, none) = ("n\"".to_owned(), None::<u64>);
        let tree =
            json!({ "a": null, "b": [1_u64, { "c": [] }, name.as_str()], "d": { "e": {} }, "f": none, "g": &name });
        assert_eq!(tree.to_string(), r#"{"a":null,"b":[1,{"c":[]},"n\""],"d":{"e":{}},"f":null,"g":"n\""}"#);
        assert!(tree.get("x").is_none() && tree.get("g").is_some_and(|text| text == "n\""));
        assert_eq!(parse(tree.to_string().as_bytes()).unwrap(), tree);
    }

    #[test]
    fn a_text_is_blank_where_its_plain_form_is() {
        for raw in ["", " ", r"\n \t", "\u{a0}", " \u{3000}\\n", "é", " x", r"\\n", r#"\""#, "\u{a0}x"] {
            let plain = String::from_utf8(unescape(raw.as_bytes()).into_owned()).unwrap();
            let (text, expected) = (Text::of_raw(raw.as_bytes()), plain.trim().is_empty());
            assert_eq!((text.is_blank(), text.is_empty()), (expected, raw.is_empty()), "{raw:?}");
            assert_eq!(Text::from(plain.as_str()).is_blank(), expected, "{raw:?}");
            assert_eq!((text.as_str(), text.clone().into_string()), (plain.as_str(), plain.clone()));
        }
    }
}

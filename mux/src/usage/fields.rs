//! A JSON object read loosely: its fields in order, values untouched. Unlike a derived struct it takes fields twice, of
//! other types than expected, or as null, since one odd field must not lose the others' numbers.

use std::borrow::Cow;

use crate::json::{self, Cursor};

#[derive(Clone, Debug, Default)]
pub struct Fields<'a> {
    fields: Vec<Field<'a>>,
    /// The object's text; none if the fields are from several objects.
    text: Option<&'a [u8]>,
}

/// A name, unescaped, and a value as JSON text.
type Field<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

impl<'a> Fields<'a> {
    /// `None` unless `json` is one whole object.
    pub fn parse(json: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor::new(json);
        let mut fields = Vec::with_capacity(8);
        cursor
            .members::<json::Error>(|cursor, name| {
                let value = cursor.skip()?;
                fields.push((name, Cow::Borrowed(cursor.raw(&value))));
                Ok(())
            })
            .ok()?;
        cursor.finish().ok()?;
        Some(Self { fields, text: Some(json) })
    }

    /// The value under `name` (the last one, if it occurs twice) as JSON text; `None` also for null.
    pub fn text(&self, name: &str) -> Option<&[u8]> {
        let (_, value) = self.fields.iter().rev().find(|(key, _)| **key == *name.as_bytes())?;
        Some(&**value).filter(|text| *text != b"null")
    }

    /// A string, unescaped.
    pub fn string(&self, name: &str) -> Option<Cow<'_, str>> {
        let raw = self.text(name)?.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        match json::unescape(raw) {
            Cow::Borrowed(text) => std::str::from_utf8(text).ok().map(Cow::Borrowed),
            Cow::Owned(text) => String::from_utf8(text).ok().map(Cow::Owned),
        }
    }

    /// A count. A few providers spell theirs as a float.
    pub fn count(&self, name: &str) -> Option<u64> {
        let text = std::str::from_utf8(self.text(name)?).ok()?;
        let from_float = || {
            let number: f64 = text.parse().ok()?;
            // Past 2^53 a float no longer counts in ones.
            (number.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&number)).then_some(number as u64)
        };
        text.parse().ok().or_else(from_float)
    }

    pub fn object(&self, name: &str) -> Option<Fields<'_>> {
        Fields::parse(self.text(name)?)
    }

    /// The objects of a list; none if anything else is in it.
    pub fn objects(&self, name: &str) -> Vec<Fields<'_>> {
        let mut objects = Vec::new();
        let mut cursor = Cursor::new(self.text(name).unwrap_or_default());
        let outcome = cursor.array::<json::Error>(|cursor| {
            let item = cursor.skip()?;
            objects.push(Fields::parse(cursor.raw(&item)));
            Ok(())
        });
        let objects: Option<Vec<_>> = objects.into_iter().collect();
        outcome.ok().and(objects).unwrap_or_default()
    }

    pub fn is_empty_array(&self, name: &str) -> bool {
        let mut is_empty = true;
        let mut cursor = Cursor::new(self.text(name).unwrap_or_default());
        let outcome = cursor.array::<json::Error>(|cursor| {
            is_empty = false;
            cursor.skip().map(|_| ())
        });
        outcome.is_ok() && is_empty
    }

    /// Takes over the fields of `newer`, except nulls, in place of its own of the same names.
    pub fn overlay(&mut self, newer: &Fields<'_>) {
        self.text = None;
        for (name, value) in &newer.fields {
            if **value == *b"null" {
                continue;
            }
            let value = Cow::Owned(value.to_vec());
            match self.fields.iter_mut().find(|(own, _)| own == name) {
                Some((_, own)) => *own = value,
                None => self.fields.push((Cow::Owned(name.to_vec()), value)),
            }
        }
    }

    /// As JSON text, each value spelled as it came.
    pub fn to_json(&self) -> String {
        if let Some(text) = self.text {
            return String::from_utf8_lossy(text).into_owned();
        }
        let mut text = String::from("{");
        for (index, (name, value)) in self.fields.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            text += &serde_json::Value::from(String::from_utf8_lossy(name)).to_string();
            text.push(':');
            text += &String::from_utf8_lossy(value);
        }
        text + "}"
    }
}

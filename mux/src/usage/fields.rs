//! A JSON object read loosely: its fields in order, values untouched. Unlike a derived struct it takes fields twice, of
//! other types than expected, or as null, since one odd field must not lose the others' numbers.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

#[derive(Clone, Debug, Default)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, Cow<'a, RawValue>)>);

impl<'a> Fields<'a> {
    /// `None` unless `json` is one whole object.
    pub fn parse(json: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// The value under `name` (the last one, if it occurs twice) as JSON text; `None` also for null.
    fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().rev().find(|(key, _)| key == name)?;
        Some(value.get()).filter(|text| *text != "null")
    }

    /// A count. A few providers spell theirs as a float.
    pub fn count(&self, name: &str) -> Option<u64> {
        let text = self.text(name)?;
        let from_float = || {
            let number: f64 = text.parse().ok()?;
            // Past 2^53 a float no longer counts in ones.
            (number.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&number)).then_some(number as u64)
        };
        text.parse().ok().or_else(from_float)
    }

    pub fn object(&self, name: &str) -> Option<Fields<'_>> {
        Fields::parse(self.text(name)?.as_bytes())
    }

    pub fn objects(&self, name: &str) -> Vec<Fields<'_>> {
        self.text(name).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    pub fn is_empty_array(&self, name: &str) -> bool {
        self.text(name)
            .and_then(|text| text.strip_prefix('['))
            .and_then(|text| text.strip_suffix(']'))
            .is_some_and(|between| between.trim().is_empty())
    }

    /// Takes over the fields of `newer`, except nulls, in place of its own of the same names.
    pub fn overlay(&mut self, newer: &Fields<'_>) {
        for (name, value) in &newer.0 {
            if value.get() == "null" {
                continue;
            }
            let value = Cow::Owned((**value).to_owned());
            match self.0.iter_mut().find(|(own, _)| own == name) {
                Some((_, own)) => *own = value,
                None => self.0.push((Cow::Owned(name.clone().into_owned()), value)),
            }
        }
    }

    /// As JSON text, each value spelled as it came.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Vec::new();
        while let Some(Name(name)) = map.next_key()? {
            fields.push((name, Cow::Borrowed(map.next_value::<&RawValue>()?)));
        }
        Ok(Fields(fields))
    }
}

/// Borrows a name unless it has escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value.as_ref())?;
        }
        map.end()
    }
}

//! A JSON object as a reader takes it apart: each field is taken once, by its type, and what is left over is known.

use super::Untranslatable;
use crate::json::{Map, Text, Value};

/// Where in a body a value stands; spelled out only for an error.
#[derive(Clone, Copy)]
pub enum At<'a> {
    Root,
    Name(&'a At<'a>, &'a str),
    Index(&'a At<'a>, usize),
}

impl<'a> At<'a> {
    pub fn name(&'a self, name: &'a str) -> Self {
        At::Name(self, name)
    }

    pub fn index(&'a self, index: usize) -> Self {
        At::Index(self, index)
    }

    pub fn untranslatable(&self, message: impl Into<String>) -> Untranslatable {
        Untranslatable { field: self.path(), message: message.into() }
    }

    /// Like `messages[2].content[0].type`.
    fn path(&self) -> String {
        match self {
            At::Root => String::new(),
            At::Name(At::Root, name) => (*name).to_owned(),
            At::Name(parent, name) => format!("{}.{name}", parent.path()),
            At::Index(parent, index) => format!("{}[{index}]", parent.path()),
        }
    }
}

/// Ignorable fields that were not translated, each named once.
#[derive(Clone, Debug, Default)]
pub struct Dropped(pub Vec<&'static str>);

/// What [`Dropped`] calls fields that no reader knows: names of clients' own making would make a metric without bounds.
pub const UNKNOWN: &str = "unknown";

impl Dropped {
    pub fn add(&mut self, name: &'static str) {
        if !self.0.contains(&name) {
            self.0.push(name);
        }
    }

    pub fn add_if(&mut self, holds: bool, name: &'static str) {
        if holds {
            self.add(name);
        }
    }
}

/// The fields of one object. Null counts as absent.
pub struct Fields<'a> {
    at: At<'a>,
    map: Map,
}

impl<'a> Fields<'a> {
    pub fn new(at: At<'a>, value: Value) -> Result<Self, Untranslatable> {
        match value {
            Value::Object(map) => Ok(Self { at, map }),
            _ => Err(at.untranslatable("must be an object")),
        }
    }

    pub fn at(&self) -> At<'a> {
        self.at
    }

    pub fn has(&self, name: &str) -> bool {
        self.map.get(name).is_some_and(|value| !value.is_null())
    }

    pub fn peek(&self, name: &str) -> Option<&Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// The field's string, without taking it.
    pub fn peek_str(&self, name: &str) -> &str {
        self.map.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.map.get_mut(name).map(Value::take).filter(|value| !value.is_null())
    }

    /// A string that is only passed on.
    pub fn said(&mut self, name: &str) -> Result<Option<Text>, Untranslatable> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.at.name(name).untranslatable("must be a string")),
        }
    }

    pub fn string(&mut self, name: &str) -> Result<Option<String>, Untranslatable> {
        Ok(self.said(name)?.map(Text::into_string))
    }

    pub fn text(&mut self, name: &str) -> Result<String, Untranslatable> {
        self.needed(name).map(Text::into_string)
    }

    /// A string that must be there.
    pub fn needed(&mut self, name: &str) -> Result<Text, Untranslatable> {
        self.said(name)?.ok_or_else(|| self.at.name(name).untranslatable("is missing and must be a string"))
    }

    pub fn bool(&mut self, name: &str) -> Result<Option<bool>, Untranslatable> {
        self.parsed(name, "must be true or false", Value::as_bool)
    }

    pub fn float(&mut self, name: &str) -> Result<Option<f64>, Untranslatable> {
        self.parsed(name, "must be a number", Value::as_f64)
    }

    /// A whole number from 0; some clients spell it as a float.
    pub fn count(&mut self, name: &str) -> Result<Option<u64>, Untranslatable> {
        self.parsed(name, "must be a whole number", |value| {
            let from_float =
                |number: f64| (number.fract() == 0.0 && (0.0..9e15).contains(&number)).then_some(number as u64);
            value.as_u64().or_else(|| value.as_f64().and_then(from_float))
        })
    }

    pub fn integer(&mut self, name: &str) -> Result<Option<i64>, Untranslatable> {
        self.parsed(name, "must be a whole number", Value::as_i64)
    }

    pub fn list(&mut self, name: &str) -> Result<Vec<Value>, Untranslatable> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.at.name(name).untranslatable("must be a list")),
        }
    }

    fn parsed<T>(
        &mut self,
        name: &str,
        demand: &str,
        parse: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, Untranslatable> {
        let Some(value) = self.take(name) else { return Ok(None) };
        parse(&value).map(Some).ok_or_else(|| self.at.name(name).untranslatable(demand))
    }

    /// Refuses a field that changes the meaning and has no counterpart, unless it only states what holds anyway.
    pub fn refuse(
        &mut self,
        name: &str,
        is_default: impl FnOnce(&Value) -> bool,
        reason: &str,
    ) -> Result<(), Untranslatable> {
        match self.take(name) {
            Some(value) if !is_default(&value) => Err(self.at.name(name).untranslatable(reason)),
            _ => Ok(()),
        }
    }

    /// Names what was not taken: by its own name where `known` has it.
    pub fn drop_rest(self, known: &[&'static str], dropped: &mut Dropped) {
        for (name, value) in self.map.iter() {
            if !value.is_null() {
                dropped.add(known.iter().find(|known| **known == name).copied().unwrap_or(UNKNOWN));
            }
        }
    }
}

/// `false`, `0`, `""`, `[]`, `{}`: what asks for nothing.
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

//! A stream of events put together to the plain answer that its dialect would have given.
//!
//! It is stricter than a client: a stream that holds anything that cannot be put together with certainty has no plain
//! answer, and neither has one that its provider did not complete.

mod chat;
mod messages;
mod responses;

use std::fmt::Debug;

use super::whole::is_complete;
use crate::dialect::{Dialect, usage_value};
use crate::json::{self, Map, Value};
use crate::sse::{Event, Piece, Splitter};
use crate::usage::Usage;

/// Puts events of one dialect together.
trait Gather: Debug {
    /// None: it cannot be put together.
    fn event(&mut self, name: &str, event: Map) -> Option<()>;

    /// The provider sent `[DONE]`.
    fn done(&mut self) {}

    /// About how many bytes it holds.
    fn held_bytes(&self) -> usize;

    /// None: the answer is not complete.
    fn answer(self: Box<Self>) -> Option<Value>;
}

/// Fed with a stream's bytes, however they are split.
#[derive(Debug)]
pub struct Gatherer {
    dialect: Dialect,
    splitter: Splitter,
    /// None: there will be no answer.
    gather: Option<Box<dyn Gather>>,
}

impl Gatherer {
    pub fn new(dialect: Dialect) -> Self {
        let gather: Option<Box<dyn Gather>> = match dialect {
            Dialect::Chat | Dialect::Completions => Some(Box::new(chat::Chat::new(dialect))),
            Dialect::Messages => Some(Box::<messages::Messages>::default()),
            Dialect::Responses => Some(Box::<responses::Responses>::default()),
            Dialect::Embeddings => None,
        };
        Self { dialect, splitter: Splitter::new(), gather }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        let Self { splitter, gather, .. } = self;
        if gather.is_none() {
            return;
        }
        splitter.push(bytes, |piece| {
            if let Some(own) = gather {
                let goes_on = match piece {
                    Piece::Event(event) => take(own.as_mut(), &event),
                    Piece::Overlong(_) | Piece::Opaque(_) => None,
                };
                if goes_on.is_none() {
                    *gather = None;
                }
            }
        });
        if self.gather.is_none() {
            self.splitter = Splitter::new();
        }
    }

    /// About how many bytes it holds.
    pub fn held_bytes(&self) -> usize {
        self.splitter.held_bytes() + self.gather.as_ref().map_or(0, |gather| gather.held_bytes())
    }

    /// Whether there may still be an answer.
    pub fn is_hopeful(&self) -> bool {
        self.gather.is_some()
    }

    /// The stream ended in order: its plain answer. `usage` is what is known of it if the stream does not say.
    pub fn finish(mut self, usage: Option<&Usage>) -> Option<Vec<u8>> {
        let mut gather = self.gather.take()?;
        if let Some(rest) = self.splitter.finish() {
            take(gather.as_mut(), &rest)?;
        }
        let mut answer = gather.answer()?;
        let says_usage = answer.get("usage").is_some_and(|own| !own.is_null());
        if let (false, Some(usage), Some(map)) = (says_usage, usage, answer.as_object_mut()) {
            map.insert("usage", usage_value(self.dialect, usage));
        }
        if !is_complete(self.dialect, &answer) {
            return None;
        }
        let mut body = Vec::new();
        json::write(&answer, &mut body);
        Some(body)
    }
}

fn take(gather: &mut dyn Gather, event: &Event<'_>) -> Option<()> {
    let data = event.data.trim_ascii();
    if data.is_empty() {
        return Some(());
    }
    if data == b"[DONE]" {
        gather.done();
        return Some(());
    }
    let name = event.name.and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
    let Value::Object(object) = json::parse(data).ok()? else { return None };
    let failed = name == "error" || object.get("error").is_some_and(|error| !error.is_null());
    if failed { None } else { gather.event(name, object) }
}

/// About how many bytes a value holds.
fn weight(value: &Value) -> usize {
    let own = size_of::<Value>();
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => own,
        Value::String(text) => own + text.len(),
        Value::Array(items) => own + items.iter().map(weight).sum::<usize>(),
        Value::Object(map) => own + map_weight(map),
    }
}

fn map_weight(map: &Map) -> usize {
    map.iter().map(|(name, value)| name.len() + weight(value)).sum()
}

fn count(map: &Map, name: &str) -> usize {
    let number = map.get(name).and_then(Value::as_u64).unwrap_or(0);
    usize::try_from(number).unwrap_or(usize::MAX)
}

//! The events of Responses, of which the last holds the answer.

use super::{Gather, count, weight};
use crate::json::{Map, Value, json};

/// Items of one answer. Past it there is no plain answer.
const ITEMS_MAX: usize = 4_096;

#[derive(Debug, Default)]
pub struct Responses {
    /// For servers whose last event holds none.
    items: Vec<Value>,
    /// Bytes of what was put in.
    bytes: usize,
    answer: Option<Value>,
}

impl Gather for Responses {
    fn event(&mut self, name: &str, mut event: Map) -> Option<()> {
        let kind = event.get("type").and_then(Value::as_str).unwrap_or(name);
        match kind {
            "response.output_item.done" => {
                if count(&event, "output_index") != self.items.len() || self.items.len() >= ITEMS_MAX {
                    return None;
                }
                let item = event.get_mut("item").map(Value::take)?;
                self.bytes += weight(&item);
                self.items.push(item);
            }
            "response.completed" | "response.incomplete" => {
                let answer = event.get_mut("response").map(Value::take)?;
                self.bytes += weight(&answer);
                self.answer = Some(answer);
            }
            "response.failed" | "response.cancelled" | "error" => return None,
            _ => {}
        }
        Some(())
    }

    fn held_bytes(&self) -> usize {
        self.bytes
    }

    fn answer(self: Box<Self>) -> Option<Value> {
        let mut answer = self.answer?;
        let says_items = answer.get("output").and_then(Value::as_array).is_some_and(|items| !items.is_empty());
        if let (false, Some(answer)) = (says_items, answer.as_object_mut()) {
            answer.insert("output", json!(self.items));
        }
        Some(answer)
    }
}

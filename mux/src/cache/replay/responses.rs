//! The numbered events of Responses.

use super::{take_text, word};
use crate::dialect::frame;
use crate::json::{Map, Value, json};

pub fn replay(answer: Map, out: &mut Vec<u8>) {
    let items = answer.get("output").and_then(Value::as_array).cloned().unwrap_or_default();
    let end = format!("response.{}", word(&answer, "status"));
    let mut begun = answer.clone();
    for (name, value) in [
        ("status", "in_progress".into()),
        ("output", json!([])),
        ("usage", Value::Null),
        ("incomplete_details", Value::Null),
        ("completed_at", Value::Null),
    ] {
        if begun.contains_key(name) {
            begun.insert(name, value);
        }
    }
    // Some servers and their clients have it, put together from the items.
    begun.retain(|name, _| name != "output_text");
    let mut events = Events { number: 0, out };
    let begun = Value::Object(begun);
    events.send(json!({ "type": "response.created", "response": begun.clone() }));
    events.send(json!({ "type": "response.in_progress", "response": begun }));
    for (index, item) in items.into_iter().enumerate() {
        if let Value::Object(item) = item {
            events.item(index, item);
        }
    }
    events.send(json!({ "type": end, "response": Value::Object(answer) }));
}

struct Events<'o> {
    /// Of the next event.
    number: usize,
    out: &'o mut Vec<u8>,
}

/// Where in the answer something is said.
struct Place {
    id: String,
    item: usize,
    /// In which list of the item, and there.
    part: Option<(&'static str, usize)>,
}

impl Events<'_> {
    fn send(&mut self, mut event: Value) {
        if let Some(event) = event.as_object_mut() {
            event.insert("sequence_number", self.number.into());
        }
        self.number += 1;
        frame::typed(&event, self.out);
    }

    fn within(&mut self, kind: &str, place: &Place, fields: Value) {
        let mut event = Map::new();
        event.insert("type", format!("response.{kind}").into());
        event.insert("item_id", place.id.as_str().into());
        event.insert("output_index", place.item.into());
        if let Some((name, index)) = place.part {
            event.insert(name, index.into());
        }
        if let Value::Object(fields) = fields {
            event.extend(fields);
        }
        self.send(Value::Object(event));
    }

    fn item(&mut self, index: usize, whole: Map) {
        let mut begun = whole.clone();
        let place = Place { id: word(&whole, "id"), item: index, part: None };
        let emptied: &[&'static str] = match word(&whole, "type").as_str() {
            "message" => &["content"],
            "reasoning" => &["summary", "content"],
            _ => &[],
        };
        for name in emptied.iter().filter(|name| whole.get(name).is_some_and(|list| list.as_array().is_some())) {
            begun.insert(*name, json!([]));
        }
        let said = match word(&whole, "type").as_str() {
            "function_call" => Some(("function_call_arguments", "arguments", take_text(&mut begun, "arguments"))),
            "custom_tool_call" => Some(("custom_tool_call_input", "input", take_text(&mut begun, "input"))),
            _ => None,
        };
        if begun.contains_key("status") {
            begun.insert("status", "in_progress".into());
        }
        self.send(json!({ "type": "response.output_item.added", "output_index": index, "item": Value::Object(begun) }));
        for name in emptied {
            let parts = whole.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
            for (number, part) in parts.into_iter().enumerate() {
                let list = if *name == "summary" { "summary_index" } else { "content_index" };
                self.part(&Place { id: place.id.clone(), item: index, part: Some((list, number)) }, part);
            }
        }
        if let Some((kind, field, text)) = said {
            self.within(&format!("{kind}.delta"), &place, json!({ "delta": text.as_str() }));
            let mut done = json!({ field: text });
            if let (Some(done), Some(name)) = (done.as_object_mut(), whole.get("name")) {
                done.insert("name", name.clone());
            }
            self.within(&format!("{kind}.done"), &place, done);
        }
        self.send(json!({ "type": "response.output_item.done", "output_index": index, "item": Value::Object(whole) }));
    }

    fn part(&mut self, place: &Place, whole: Value) {
        let Value::Object(mut begun) = whole.clone() else { return };
        let (around, kind, field) = match word(&begun, "type").as_str() {
            "output_text" => ("content_part", "output_text", "text"),
            "refusal" => ("content_part", "refusal", "refusal"),
            "summary_text" => ("reasoning_summary_part", "reasoning_summary_text", "text"),
            "reasoning_text" => ("content_part", "reasoning_text", "text"),
            _ => return,
        };
        let text = take_text(&mut begun, field);
        let logprobs = begun.get("logprobs").cloned().unwrap_or(json!([]));
        for name in ["annotations", "logprobs"] {
            if begun.contains_key(name) {
                begun.insert(name, json!([]));
            }
        }
        self.within(&format!("{around}.added"), place, json!({ "part": Value::Object(begun) }));
        let (mut delta, mut done) = (json!({ "delta": text.as_str() }), json!({ field: text }));
        if kind == "output_text" {
            for event in [&mut delta, &mut done] {
                if let Some(event) = event.as_object_mut() {
                    event.insert("logprobs", logprobs.clone());
                }
            }
        }
        self.within(&format!("{kind}.delta"), place, delta);
        self.within(&format!("{kind}.done"), place, done);
        self.within(&format!("{around}.done"), place, json!({ "part": whole }));
    }
}

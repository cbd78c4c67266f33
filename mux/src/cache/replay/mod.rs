//! A plain answer as the stream of events that its dialect would have made of it. Every member goes along: what an
//! official client puts together from the events is the answer.

mod chat;
mod messages;
mod responses;

use crate::dialect::Dialect;
use crate::json::{self, Map, Value};

/// The whole stream; none: the answer is none, or its dialect has no streams. `include_usage`: a client of Chat
/// Completions wants to be told.
pub fn replay(dialect: Dialect, body: &[u8], include_usage: bool) -> Option<Vec<u8>> {
    let Value::Object(answer) = json::parse(body).ok()? else { return None };
    let mut out = Vec::with_capacity(body.len() * 2);
    match dialect {
        Dialect::Chat | Dialect::Completions => chat::replay(dialect, answer, include_usage, &mut out),
        Dialect::Messages => messages::replay(answer, &mut out),
        Dialect::Responses => responses::replay(answer, &mut out),
        Dialect::Embeddings => return None,
    }
    Some(out)
}

/// Takes a member out; null if there is none.
fn take(map: &mut Map, name: &str) -> Value {
    map.get_mut(name).map(Value::take).unwrap_or_default()
}

/// The text of a member, left in place as an empty one.
fn take_text(map: &mut Map, name: &str) -> String {
    let is_text = map.get(name).is_some_and(Value::is_string);
    let Some(value) = map.get_mut(name).filter(|_| is_text) else { return String::new() };
    match std::mem::replace(value, Value::from("")) {
        Value::String(text) => text.into_string(),
        _ => String::new(),
    }
}

fn take_list(map: &mut Map, name: &str) -> Vec<Value> {
    if let Value::Array(items) = take(map, name) { items } else { Vec::new() }
}

fn word(map: &Map, name: &str) -> String {
    map.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

//! A stream as the events that its reader gets.

use mux::sse::{Piece, Splitter};
use serde_json::Value;

/// An event as a client gets it; data that is no JSON as a string.
pub struct Event {
    pub name: String,
    pub data: Value,
}

pub fn events(bytes: &[u8]) -> Vec<Event> {
    let (mut splitter, mut found) = (Splitter::with_event_bytes_max(usize::MAX), Vec::new());
    splitter.push(bytes, |piece| {
        let Piece::Event(event) = piece else { panic!("an overlong event") };
        if event.data.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(&event.data).trim().to_owned();
        let name = String::from_utf8_lossy(event.name.unwrap_or_default()).into_owned();
        found.push(Event { name, data: serde_json::from_str(&text).unwrap_or(Value::String(text)) });
    });
    assert!(splitter.finish().is_none(), "an event without its end");
    found
}

/// The text of a string; of any other value none.
pub fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

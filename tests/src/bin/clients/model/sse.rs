//! Streams of events, and the pieces in which words come.

use std::time::Duration;

use muxspace_tests::Answer;
use serde_json::Value;

/// Between events, so that they leave one by one.
const PAUSE: Duration = Duration::from_millis(1);
/// Characters of a piece: small, so that arguments of tools are cut in awkward places.
const PIECE: usize = 9;

pub fn answer(events: Vec<String>) -> Answer {
    Answer::sse(events.into_iter().map(|event| (PAUSE, event)))
}

pub fn data(data: &Value) -> String {
    format!("data: {data}\n\n")
}

/// An event that repeats its name in its data.
pub fn named(mut data: Value, name: &str) -> String {
    data["type"] = Value::from(name);
    format!("event: {name}\ndata: {data}\n\n")
}

pub fn pieces(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(PIECE).map(|piece| piece.iter().collect()).collect()
}

//! Answers that are kept: a plain one as a stream, and a stream as a plain one.

#[cfg(not(target_arch = "wasm32"))]
mod recorded;
mod rows;
mod unfinished;

use serde_json::Value;

use mux::cache::{Gatherer, replay};
use mux::dialect::Dialect;

/// The plain answer of a whole stream that comes in pieces of so many bytes.
fn gather(dialect: Dialect, stream: &[u8], piece_bytes: usize) -> Option<Vec<u8>> {
    let mut gatherer = Gatherer::new(dialect);
    stream.chunks(piece_bytes).for_each(|piece| gatherer.push(piece));
    gatherer.finish(None)
}

/// Without what says nothing: some providers spell it out and others leave it away.
fn settled(mut value: Value) -> Value {
    fn settle(value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.values_mut().for_each(settle);
                // A stream's word, which some servers leave in plain answers.
                for call in map.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
                    call.as_object_mut().unwrap().remove("index");
                }
                map.retain(|_, value| !value.is_null() && *value != "" && *value != serde_json::json!([]));
            }
            Value::Array(items) => items.iter_mut().for_each(settle),
            _ => {}
        }
    }
    settle(&mut value);
    value
}

/// Plain, as a stream, and plain again.
fn assert_comes_back(dialect: Dialect, body: &[u8], what: &str) {
    let stream = replay(dialect, body, true).unwrap_or_else(|| panic!("{what}: no stream"));
    for piece_bytes in [usize::MAX, 7] {
        let plain = gather(dialect, &stream, piece_bytes).unwrap_or_else(|| panic!("{what}: no answer"));
        let read = |body: &[u8]| settled(serde_json::from_slice(body).unwrap());
        assert_eq!(read(&plain), read(body), "{what}");
    }
}

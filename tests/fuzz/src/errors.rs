//! Errors of providers, of any shape.

use mux::dialect::{read_error, translate_error};
use serde_json::Value;

use crate::{CHATLIKE, input, with_grammar};

/// Bytes of a message past which it was cut, or is what a page said.
const MESSAGE_BYTES_MAX: usize = 4 << 10;

pub fn check(input: &[u8]) {
    let dialect = CHATLIKE[input.len() % CHATLIKE.len()];
    let (text, mut choices) = with_grammar(dialect, |grammar| input::text(grammar, "error", input));
    let status = *choices.choose(&[200, 400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 503, 504, 529]).unwrap_or(&0);
    for (from, to) in CHATLIKE.into_iter().flat_map(|from| CHATLIKE.map(|to| (from, to))) {
        let error = read_error(from, status, &text);
        assert!(!error.message.is_empty() && error.message.len() <= MESSAGE_BYTES_MAX + 64);
        let written = translate_error(from, to, status, &text);
        let value: Value = serde_json::from_slice(&written).expect("an error is JSON");
        let inner = &value["error"];
        assert!(inner["type"].is_string() && inner["message"].as_str().is_some_and(|text| !text.is_empty()), "{value}");
        let again = read_error(to, status, &written);
        assert!(again.message.ends_with(error.message.as_str()) || error.message.len() > MESSAGE_BYTES_MAX - 64);
        if status >= 400 {
            assert_eq!(again.kind, error.kind, "{value}");
        }
    }
}

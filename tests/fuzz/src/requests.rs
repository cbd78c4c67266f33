//! Requests of each dialect, translated into each.

use mux::dialect::{Context, Dialect, translate_answer, translate_request};
use mux::endpoint::Endpoint;
use mux::prompt::{self, Needs};
use serde_json::Value;

use crate::{CHATLIKE, input, with_grammar};

pub fn chat(input: &[u8]) {
    check(Dialect::Chat, input);
}

pub fn messages(input: &[u8]) {
    check(Dialect::Messages, input);
}

pub fn responses(input: &[u8]) {
    check(Dialect::Responses, input);
}

fn check(from: Dialect, input: &[u8]) {
    let (text, mut choices) = with_grammar(from, |grammar| input::text(grammar, "request", input));
    let extensions = choices.arbitrary().unwrap_or_default();
    let max_tokens_default = choices.int_in_range(1..=100_000).unwrap_or(1);
    let model = *choices.choose(&["a-model", "claude-sonnet-4-5", "claude-opus-4-7", "gpt-5"]).unwrap_or(&"a-model");
    let context = Context { model, max_tokens_default, extensions };
    for to in CHATLIKE {
        match translate_request(from, to, &text, &context) {
            Ok(translated) => {
                written(from, to, &translated.body, &context);
                let mut names = translated.dropped.clone();
                names.sort_unstable();
                names.dedup();
                assert_eq!(names.len(), translated.dropped.len(), "each field is named once");
                let _ = translate_answer(to, from, &text, &translated.asked);
            }
            Err(error) => assert!(!error.message.is_empty() && error.message.len() < 1_000 + text.len()),
        }
    }
}

/// What is written is a request of its dialect, also to the gateway's own readers.
fn written(from: Dialect, to: Dialect, body: &[u8], context: &Context) {
    let value: Value = serde_json::from_slice(body).expect("a request is JSON");
    assert_eq!(value["model"], context.model);
    let endpoint = match to {
        Dialect::Messages => Endpoint::Messages,
        Dialect::Responses => Endpoint::Responses,
        _ => Endpoint::ChatCompletions,
    };
    if let Err(error) = prompt::read(endpoint, body, Needs::ALL) {
        panic!("{from:?} as {to:?}: {error}: {value}");
    }
    let again = translate_request(to, to, body, context);
    let again = again.unwrap_or_else(|error| panic!("{from:?} as {to:?}: {error}: {value}"));
    assert!(again.dropped.is_empty(), "{from:?} as {to:?}: {:?}: {value}", again.dropped);
}

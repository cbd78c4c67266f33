//! Plain answers of each dialect, translated into each.

use mux::dialect::model::{Answer, Part};
use mux::dialect::{Asked, Dialect, read_answer, translate_answer};
use mux::usage::Usage;

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
    let (text, mut choices) = with_grammar(from, |grammar| input::text(grammar, "answer", input));
    let legacy_functions = choices.arbitrary().unwrap_or_default();
    let asked = Asked { include_usage: true, legacy_functions, now: 7, ..Asked::default() };
    let answer = read_answer(from, &text);
    for to in CHATLIKE {
        let translated = translate_answer(from, to, &text, &asked);
        assert_eq!(translated.is_ok(), answer.is_ok());
        let (Ok(answer), Ok(translated)) = (&answer, translated) else { continue };
        serde_json::from_slice::<serde::de::IgnoredAny>(&translated).expect("an answer is JSON");
        let again = read_answer(to, &translated);
        let again = again.unwrap_or_else(|error| panic!("{from:?} as {to:?}: {error}"));
        let shown = String::from_utf8_lossy(&translated);
        assert_eq!(again.id, answer.id, "{shown}");
        assert_eq!(said(&again, legacy_functions), said(answer, legacy_functions), "{from:?} as {to:?}: {shown}");
        assert_eq!(counted(again.usage), counted(answer.usage.clone()), "{shown}");
    }
}

/// What every dialect can say: the text, and the names of the tools called. Chat keeps refusals apart from the text, so
/// the order of its letters is not told.
fn said(answer: &Answer, legacy_functions: bool) -> (Vec<u8>, Vec<String>) {
    let (mut text, mut calls) = (Vec::new(), Vec::new());
    for part in &answer.parts {
        match part {
            Part::Text(part) => text.extend_from_slice(part.text.as_bytes()),
            Part::Refusal(refusal) => text.extend_from_slice(refusal.as_bytes()),
            Part::ToolCall(call) => calls.push(call.name.clone()),
            _ => {}
        }
    }
    text.sort_unstable();
    // A client that knows `functions` alone is told of one call.
    if legacy_functions {
        calls.clear();
    }
    (text, calls)
}

fn counted(usage: Option<Usage>) -> Usage {
    Usage { raw: String::new(), ..usage.unwrap_or_default() }
}

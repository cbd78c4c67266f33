//! What must hold for any bytes that reach the engine, as one function for each part of it that reads some: libFuzzer
//! calls them (`make fuzz`, `libfuzzer/`), and the test of this crate replays their corpus.
//!
//! A target panics with what does not hold. An input is a text as it comes, or choices by which `grammar/` spells one.

mod address;
mod answers;
mod errors;
mod grammar;
mod input;
mod json;
mod prompts;
mod requests;
mod snapshots;
mod splice;
mod sse;
mod streams;
mod usage;

use std::cell::LazyCell;

use grammar::Grammar;
use mux::dialect::Dialect;

/// A target's name, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

pub const TARGETS: [Target; 21] = [
    ("address", address::check),
    ("answer_chat", answers::chat),
    ("answer_messages", answers::messages),
    ("answer_responses", answers::responses),
    ("error", errors::check),
    ("json", json::check),
    ("prompt_chat", prompts::chat),
    ("prompt_completions", prompts::completions),
    ("prompt_embeddings", prompts::embeddings),
    ("prompt_messages", prompts::messages),
    ("prompt_responses", prompts::responses),
    ("request_chat", requests::chat),
    ("request_messages", requests::messages),
    ("request_responses", requests::responses),
    ("snapshot", snapshots::check),
    ("splice", splice::check),
    ("sse", sse::check),
    ("stream_chat", streams::chat),
    ("stream_messages", streams::messages),
    ("stream_responses", streams::responses),
    ("usage", usage::check),
];

/// Runs a target on one input. Panics if there is none of this name.
pub fn run(name: &str, input: &[u8]) {
    let target = TARGETS.iter().find(|(own, _)| *own == name);
    target.unwrap_or_else(|| panic!("no target `{name}`")).1(input);
}

/// Dialects that are translated into each other.
const CHATLIKE: [Dialect; 3] = [Dialect::Chat, Dialect::Messages, Dialect::Responses];

thread_local! {
    static CHAT: LazyCell<Grammar> = const { LazyCell::new(|| Grammar::new(include_str!("../grammar/chat.txt"))) };
    static MESSAGES: LazyCell<Grammar> = const { LazyCell::new(|| Grammar::new(include_str!("../grammar/messages.txt"))) };
    static RESPONSES: LazyCell<Grammar> = const { LazyCell::new(|| Grammar::new(include_str!("../grammar/responses.txt"))) };
    static PLAIN: LazyCell<Grammar> = const { LazyCell::new(|| Grammar::new(include_str!("../grammar/plain.txt"))) };
}

/// With the texts of a dialect.
fn with_grammar<T>(dialect: Dialect, then: impl FnOnce(&Grammar) -> T) -> T {
    let grammar = match dialect {
        Dialect::Chat => &CHAT,
        Dialect::Messages => &MESSAGES,
        Dialect::Responses => &RESPONSES,
        Dialect::Completions | Dialect::Embeddings => &PLAIN,
    };
    grammar.with(|grammar| then(grammar))
}

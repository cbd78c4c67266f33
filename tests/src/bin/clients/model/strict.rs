//! What a real provider refuses of a conversation: results of tools that nobody called, calls without a result, thoughts
//! that are missing or not its own.

use std::collections::BTreeSet;

use muxspace_tests::Seen;
use serde_json::Value;

use super::ask::{Dialect, list, thinks};

/// Beginning of what proves that a thought is the model's own.
pub const SIGNED: &str = "signed-";

/// Beginning of every key that the management API was given for a provider.
const KEY: &str = "key-of-";

/// Why this request would be refused.
pub fn objection(dialect: Dialect, seen: &Seen) -> Option<String> {
    in_headers(dialect, |name| seen.header(name)).or_else(|| in_body(dialect, &seen.json()))
}

/// The provider's own key is there, and no other.
pub fn in_headers<'a>(dialect: Dialect, header: impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    let (bearer, key) = (header("authorization"), header("x-api-key"));
    let (own, other) = match dialect {
        Dialect::Messages => (key, bearer),
        Dialect::Chat | Dialect::Responses => (bearer.and_then(|value| value.strip_prefix("Bearer ")), key),
    };
    if !own.is_some_and(|key| key.starts_with(KEY)) || other.is_some() {
        return Some("the key is not the provider's".to_owned());
    }
    let versioned = dialect != Dialect::Messages || header("anthropic-version").is_some();
    (!versioned).then(|| "anthropic-version is missing".to_owned())
}

pub fn in_body(dialect: Dialect, body: &Value) -> Option<String> {
    match dialect {
        Dialect::Chat => in_chat(&body["messages"]),
        Dialect::Messages => in_messages(body),
        Dialect::Responses => in_responses(&body["input"]),
    }
}

/// Each call of a message is answered by the messages that follow it.
fn in_chat(messages: &Value) -> Option<String> {
    let mut open = BTreeSet::new();
    for message in list(messages) {
        if message["role"] == "tool" {
            let id = id_in(message, "tool_call_id");
            if !open.remove(&id) {
                return Some(format!("the result of `{id}` follows no call of it"));
            }
            continue;
        }
        if let Some(id) = open.first() {
            return Some(format!("`{id}` has no result"));
        }
        open.extend(list(&message["tool_calls"]).map(|call| id_in(call, "id")));
        if message["role"] == "assistant" && open.is_empty() && message["content"].is_null() {
            return Some("a message of the assistant is empty".to_owned());
        }
    }
    open.first().map(|id| format!("`{id}` has no result"))
}

/// Each call is answered by the message that follows. Where the model is to think, a message that calls tools begins
/// with its thoughts.
fn in_messages(body: &Value) -> Option<String> {
    if body["max_tokens"].as_u64().is_none() {
        return Some("max_tokens is missing".to_owned());
    }
    let budget = body["thinking"]["budget_tokens"].as_u64();
    if budget.is_some_and(|budget| budget < 1_024 || Some(budget) >= body["max_tokens"].as_u64()) {
        return Some("thinking.budget_tokens is not from 1024 to below max_tokens".to_owned());
    }
    let mut open = BTreeSet::new();
    let mut last_call = None;
    for message in list(&body["messages"]) {
        let blocks: Vec<&Value> = list(&message["content"]).collect();
        let of = |kind: &'static str| blocks.iter().filter(move |block| block["type"] == kind);
        let results: BTreeSet<String> = of("tool_result").map(|block| id_in(block, "tool_use_id")).collect();
        if results != open {
            return Some(format!("results of {results:?} follow calls of {open:?}"));
        }
        if of("thinking").any(|block| !block["signature"].as_str().is_some_and(|text| text.starts_with(SIGNED))) {
            return Some("a thought is not signed".to_owned());
        }
        open = of("tool_use").map(|block| id_in(block, "id")).collect();
        if !open.is_empty() {
            last_call = blocks.first().copied();
        }
    }
    if let Some(id) = open.first() {
        return Some(format!("`{id}` has no result"));
    }
    // Only the turn that goes on must show its thoughts.
    let goes_on = list(&body["messages"])
        .last()
        .is_some_and(|message| list(&message["content"]).any(|block| block["type"] == "tool_result"));
    let began_with_thought = last_call.is_some_and(|block| block["type"] == "thinking");
    (thinks(Dialect::Messages, body) && goes_on && !began_with_thought)
        .then(|| "the message that called a tool does not begin with a thought".to_owned())
}

/// Each output has its call before it, and each call an output; thoughts that are sent back are the model's own.
fn in_responses(input: &Value) -> Option<String> {
    let mut open = BTreeSet::new();
    for item in list(input) {
        let kind = item["type"].as_str().unwrap_or("message");
        let id = id_in(item, "call_id");
        if kind.ends_with("_call_output") {
            if !open.remove(&id) {
                return Some(format!("the output of `{id}` follows no call of it"));
            }
        } else if kind.ends_with("_call") {
            open.insert(id);
        } else if kind == "reasoning"
            && !item["encrypted_content"].as_str().is_some_and(|text| text.starts_with(SIGNED))
        {
            return Some("a thought is not encrypted".to_owned());
        }
    }
    open.first().map(|id| format!("`{id}` has no output"))
}

fn id_in(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

//! The chunks of Chat Completions and of its older kin.

use super::{take, take_list};
use crate::dialect::{Dialect, frame};
use crate::json::{Map, Name, Value, json};

/// Members that official clients put together piece by piece: each goes into a chunk of its own.
const SAID: [&str; 4] = ["reasoning_content", "reasoning", "content", "refusal"];

pub fn replay(dialect: Dialect, mut answer: Map, include_usage: bool, out: &mut Vec<u8>) {
    let (choices, usage) = (take_list(&mut answer, "choices"), take(&mut answer, "usage"));
    answer.retain(|name, _| name != "choices" && name != "usage");
    let is_chat = dialect == Dialect::Chat;
    if is_chat {
        answer.insert("object", "chat.completion.chunk".into());
    }
    let mut chunk = |choices: Vec<Value>, usage: Option<Value>| {
        let mut chunk = answer.clone();
        chunk.insert("choices", choices.into());
        if let Some(usage) = usage {
            chunk.insert("usage", usage);
        }
        frame::data(&Value::Object(chunk), out);
    };
    for choice in choices {
        let Value::Object(choice) = choice else { continue };
        if is_chat {
            choose(choice, &mut |choice| chunk(vec![choice], None));
        } else {
            chunk(vec![choice.into()], None);
        }
    }
    if include_usage && !usage.is_null() {
        chunk(Vec::new(), Some(usage));
    }
    out.extend_from_slice(b"data: [DONE]\n\n");
}

fn choose(mut choice: Map, chunk: &mut dyn FnMut(Value)) {
    let message = take(&mut choice, "message");
    let (mut logprobs, finish) = (take(&mut choice, "logprobs"), take(&mut choice, "finish_reason"));
    choice.retain(|name, _| !matches!(name, "message" | "logprobs" | "finish_reason"));
    let mut send = |delta: Map, logprobs: Value, finish: Value, others: bool| {
        let mut one = choice.clone();
        one.retain(|name, _| others || name == "index");
        one.insert("delta", Value::Object(delta));
        one.insert("logprobs", logprobs);
        one.insert("finish_reason", finish);
        chunk(Value::Object(one));
    };
    let members = if let Value::Object(message) = message { message } else { Map::new() };
    let (mut first, mut pieces) = (Map::new(), Vec::new());
    first.insert("role", "assistant".into());
    first.insert("content", "".into());
    for (name, value) in members {
        match value {
            Value::Null => {}
            Value::String(text) if SAID.contains(&&*name) && text.is_empty() => {}
            value if SAID.contains(&&*name) => pieces.push((name, value)),
            Value::Array(calls) if name == "tool_calls" => {
                let numbered = calls.into_iter().enumerate().map(|(index, call)| numbered(index, call));
                pieces.extend(numbered.map(|call| (name.clone(), json!([call]))));
            }
            value => first.insert(name, value),
        }
    }
    send(first, Value::Null, Value::Null, false);
    // What was thought came first.
    pieces.sort_by_key(|(name, _)| SAID.iter().position(|own| own == name).unwrap_or(SAID.len()));
    for (name, value) in pieces {
        let of_this: &[Name] = &["content".into(), "refusal".into()];
        let probabilities = if of_this.contains(&name) { logprobs.take() } else { Value::Null };
        let mut delta = Map::new();
        delta.insert(name, value);
        send(delta, probabilities, Value::Null, false);
    }
    send(Map::new(), logprobs, finish, true);
}

fn numbered(index: usize, call: Value) -> Value {
    let mut numbered = Map::new();
    numbered.insert("index", index.into());
    if let Value::Object(call) = call {
        numbered.extend(call.into_iter().filter(|(name, _)| name != "index"));
    }
    Value::Object(numbered)
}

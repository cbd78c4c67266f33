//! Answers of a provider of OpenAI's Chat Completions.

use muxspace_tests::Answer;
use serde_json::{Value, json};

use super::ask::{Ask, Delivery};
use super::script::{THOUGHT, Turn};
use super::tools::Arguments;
use super::{Tokens, sse};

pub fn answer(ask: &Ask, turn: &Turn, tokens: &Tokens) -> Answer {
    if ask.delivery == Delivery::Plain {
        let choice = json!({"index": 0, "message": message(ask, turn, tokens), "finish_reason": reason(turn)});
        let body = envelope(ask, tokens, "chat.completion", json!([choice]));
        return Answer::json(200, with(body, "usage", tokens.as_chat()).to_string());
    }
    let chunk = |delta: Value, reason: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": reason});
        sse::data(&envelope(ask, tokens, "chat.completion.chunk", json!([choice])))
    };
    let mut events = vec![chunk(json!({"role": "assistant", "content": ""}), Value::Null)];
    if ask.thinks {
        events.extend(sse::pieces(THOUGHT).iter().map(|piece| chunk(json!({"reasoning_content": piece}), Value::Null)));
    }
    match turn {
        Turn::Say(text) => {
            events.extend(sse::pieces(text).iter().map(|piece| chunk(json!({"content": piece}), Value::Null)));
        }
        Turn::Call { tool, arguments } => {
            let call = |call: Value| chunk(json!({"tool_calls": [with(call, "index", json!(0))]}), Value::Null);
            events.push(call(json!({"id": call_id(tokens), "type": "function",
                "function": {"name": tool, "arguments": ""}})));
            let pieces = sse::pieces(&written(arguments));
            events.extend(pieces.iter().map(|piece| call(json!({"function": {"arguments": piece}}))));
        }
    }
    events.push(chunk(json!({}), json!(reason(turn))));
    if ask.hears_usage() {
        let last = envelope(ask, tokens, "chat.completion.chunk", json!([]));
        events.push(sse::data(&with(last, "usage", tokens.as_chat())));
    }
    events.push("data: [DONE]\n\n".to_owned());
    sse::answer(events)
}

fn envelope(ask: &Ask, tokens: &Tokens, object: &str, choices: Value) -> Value {
    json!({"id": format!("chatcmpl-{}", tokens.input), "object": object, "created": 1_700_000_000, "model": ask.model,
        "choices": choices})
}

fn message(ask: &Ask, turn: &Turn, tokens: &Tokens) -> Value {
    let message = match turn {
        Turn::Say(text) => json!({"role": "assistant", "content": text}),
        Turn::Call { tool, arguments } => {
            let function = json!({"name": tool, "arguments": written(arguments)});
            let call = json!({"id": call_id(tokens), "type": "function", "function": function});
            json!({"role": "assistant", "content": null, "tool_calls": [call]})
        }
    };
    if ask.thinks { with(message, "reasoning_content", json!(THOUGHT)) } else { message }
}

fn reason(turn: &Turn) -> &'static str {
    match turn {
        Turn::Say(_) => "stop",
        Turn::Call { .. } => "tool_calls",
    }
}

fn written(arguments: &Arguments) -> String {
    match arguments {
        Arguments::Json(value) => value.to_string(),
        Arguments::Text(text) => text.clone(),
    }
}

/// Different for every answer, as the tokens are.
fn call_id(tokens: &Tokens) -> String {
    format!("call_{}", tokens.input)
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

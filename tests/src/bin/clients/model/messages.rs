//! Answers of a provider of Anthropic's Messages.

use muxspace_tests::{Answer, Seen};
use serde_json::{Value, json};

use super::ask::{Ask, Delivery};
use super::script::Turn;
use super::tools::Arguments;
use super::{Tokens, sse};

/// Said before a tool is called, as models of this dialect like to.
const PREFACE: &str = "One moment.";

pub fn answer(ask: &Ask, turn: &Turn, tokens: &Tokens) -> Answer {
    let content = content(turn, tokens);
    let reason = match turn {
        Turn::Say(_) => "end_turn",
        Turn::Call { .. } => "tool_use",
    };
    let mut message = json!({"id": format!("msg_{}", tokens.input), "type": "message", "role": "assistant",
        "model": ask.model, "content": content, "stop_reason": reason, "stop_sequence": null,
        "usage": tokens.as_messages()});
    if ask.delivery == Delivery::Plain {
        return Answer::json(200, message.to_string());
    }
    message["content"] = json!([]);
    message["stop_reason"] = Value::Null;
    message["usage"]["output_tokens"] = json!(1);
    let mut events = vec![sse::named(json!({"message": message}), "message_start"), sse::named(json!({}), "ping")];
    for (index, block) in content.iter().enumerate() {
        events.extend(block_events(index, block));
    }
    let delta = json!({"stop_reason": reason, "stop_sequence": null});
    let usage = json!({"output_tokens": tokens.output});
    events.push(sse::named(json!({"delta": delta, "usage": usage}), "message_delta"));
    events.push(sse::named(json!({}), "message_stop"));
    sse::answer(events)
}

/// How many tokens a prompt has; the number means nothing.
pub fn count(seen: &Seen) -> Answer {
    Answer::json(200, json!({"input_tokens": seen.body.len() / 4}).to_string())
}

fn content(turn: &Turn, tokens: &Tokens) -> Vec<Value> {
    match turn {
        Turn::Say(text) => vec![json!({"type": "text", "text": text})],
        Turn::Call { tool, arguments } => {
            let input = match arguments {
                Arguments::Json(value) => value.clone(),
                Arguments::Text(text) => json!({"input": text}),
            };
            let call =
                json!({"type": "tool_use", "id": format!("toolu_{}", tokens.input), "name": tool, "input": input});
            vec![json!({"type": "text", "text": PREFACE}), call]
        }
    }
}

fn block_events(index: usize, block: &Value) -> Vec<String> {
    let (mut opened, kind, field, written) = match block["text"].as_str() {
        Some(text) => (block.clone(), "text_delta", "text", text.to_owned()),
        None => (block.clone(), "input_json_delta", "partial_json", block["input"].to_string()),
    };
    match block["type"] == "text" {
        true => opened["text"] = json!(""),
        false => opened["input"] = json!({}),
    }
    let mut events = vec![sse::named(json!({"index": index, "content_block": opened}), "content_block_start")];
    for piece in sse::pieces(&written) {
        let delta = json!({"type": kind, field: piece});
        events.push(sse::named(json!({"index": index, "delta": delta}), "content_block_delta"));
    }
    events.push(sse::named(json!({"index": index}), "content_block_stop"));
    events
}

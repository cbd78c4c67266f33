//! Answers of a provider of Anthropic's Messages.

use muxspace_tests::{Answer, Seen};
use serde_json::{Value, json};

use super::ask::{Ask, Delivery};
use super::script::{THOUGHT, Turn};
use super::strict::SIGNED;
use super::tools::Arguments;
use super::{Tokens, sse};

/// Said before a tool is called, as models of this dialect like to.
const PREFACE: &str = "One moment.";

pub fn answer(ask: &Ask, turn: &Turn, tokens: &Tokens) -> Answer {
    let content = content(ask, turn, tokens);
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

fn content(ask: &Ask, turn: &Turn, tokens: &Tokens) -> Vec<Value> {
    let mut blocks = Vec::new();
    if ask.thinks {
        let signature = format!("{SIGNED}{}", tokens.input);
        blocks.push(json!({"type": "thinking", "thinking": THOUGHT, "signature": signature}));
    }
    match turn {
        Turn::Say(text) => blocks.push(json!({"type": "text", "text": text})),
        Turn::Call { tool, arguments } => {
            let input = match arguments {
                Arguments::Json(value) => value.clone(),
                Arguments::Text(text) => json!({"input": text}),
            };
            blocks.push(json!({"type": "text", "text": PREFACE}));
            let id = format!("toolu_{}", tokens.input);
            blocks.push(json!({"type": "tool_use", "id": id, "name": tool, "input": input}));
        }
    }
    blocks
}

fn block_events(index: usize, block: &Value) -> Vec<String> {
    let mut opened = block.clone();
    let mut deltas = Vec::new();
    let mut write = |kind: &str, field: &str, written: &str| {
        deltas.extend(sse::pieces(written).into_iter().map(|piece| json!({"type": kind, field: piece})));
    };
    let words = |field: &str| block[field].as_str().unwrap_or_default();
    match block["type"].as_str() {
        Some("thinking") => {
            (opened["thinking"], opened["signature"]) = (json!(""), json!(""));
            write("thinking_delta", "thinking", words("thinking"));
            deltas.push(json!({"type": "signature_delta", "signature": block["signature"]}));
        }
        Some("text") => {
            opened["text"] = json!("");
            write("text_delta", "text", words("text"));
        }
        _ => {
            opened["input"] = json!({});
            write("input_json_delta", "partial_json", &block["input"].to_string());
        }
    }
    let mut events = vec![sse::named(json!({"index": index, "content_block": opened}), "content_block_start")];
    for delta in deltas {
        events.push(sse::named(json!({"index": index, "delta": delta}), "content_block_delta"));
    }
    events.push(sse::named(json!({"index": index}), "content_block_stop"));
    events
}

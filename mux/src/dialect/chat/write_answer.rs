//! A plain Chat Completions answer.

use crate::dialect::model::{Answer, FinishReason, Part, ToolCall, ToolKind};
use crate::dialect::shared::put;
use crate::dialect::{Asked, Dialect, usage_value};
use crate::json::{Map, Value, json};

pub fn write_answer(answer: &Answer, asked: &Asked) -> Value {
    let finish = match finish_word(&answer.finish) {
        "tool_calls" if asked.legacy_functions => "function_call",
        word => word,
    };
    let choice =
        json!({ "index": 0, "message": write_message(answer, asked), "logprobs": null, "finish_reason": finish });
    let mut body = Map::new();
    put(&mut body, "id", Some(answer.id.as_str()));
    put(&mut body, "object", Some("chat.completion"));
    put(&mut body, "created", Some(answer.created.unwrap_or(asked.now)));
    put(&mut body, "model", Some(asked.model_of(&answer.model)));
    body.insert("choices", json!([choice]));
    put(&mut body, "usage", answer.usage.as_ref().map(|usage| usage_value(Dialect::Chat, usage)));
    put(&mut body, "service_tier", answer.service_tier.as_deref().and_then(tier));
    Value::Object(body)
}

pub fn finish_word(finish: &FinishReason) -> &'static str {
    match finish {
        FinishReason::Stop | FinishReason::StopSequence(_) => "stop",
        // A paused turn is not complete either.
        FinishReason::Length | FinishReason::ContextLength | FinishReason::Pause => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter | FinishReason::Refusal => "content_filter",
    }
}

/// OpenAI's names for tiers; others are not among what clients know.
fn tier(name: &str) -> Option<&str> {
    match name {
        "standard" => Some("default"),
        "auto" | "default" | "flex" | "scale" | "priority" => Some(name),
        _ => None,
    }
}

fn write_message(answer: &Answer, asked: &Asked) -> Value {
    let (mut texts, mut thoughts, mut refusals, mut calls) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for part in &answer.parts {
        match part {
            Part::Text(text) => texts.push(text.text.as_str()),
            Part::Thinking(thought) => thoughts.push(thought.text.as_str()),
            Part::Refusal(text) => refusals.push(text.as_str()),
            Part::ToolCall(call) => calls.push(asked.raise(call)),
            Part::RedactedThinking(_) | Part::Image(_) | Part::Document(_) | Part::ToolResult(_) => {}
        }
    }
    let joined = |texts: Vec<&str>, between| Some(texts.join(between)).filter(|text| !text.is_empty());
    let mut message = Map::new();
    put(&mut message, "role", Some("assistant"));
    // Blocks of one answer are its text in pieces.
    message.insert("content", joined(texts, "").into());
    message.insert("refusal", joined(refusals, "").into());
    put(&mut message, "reasoning_content", joined(thoughts, "\n\n"));
    match calls.first() {
        Some(call) if asked.legacy_functions => {
            let call = json!({ "name": &call.name, "arguments": &call.arguments });
            message.insert("function_call", call);
        }
        Some(_) => {
            message.insert("tool_calls", Value::Array(calls.iter().map(write_call).collect()));
        }
        None => {}
    }
    Value::Object(message)
}

fn write_call(call: &ToolCall) -> Value {
    let ToolCall { id, name, kind, arguments, cache: _ } = call;
    match kind {
        ToolKind::Custom => json!({ "id": id, "type": "custom", "custom": { "name": name, "input": arguments } }),
        ToolKind::Function | ToolKind::LocalShell => {
            let arguments = if arguments.is_empty() { "{}" } else { arguments };
            json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments } })
        }
    }
}

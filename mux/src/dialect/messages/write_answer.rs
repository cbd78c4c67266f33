//! A plain Messages answer.

use super::write_messages::input;
use crate::dialect::model::{Answer, FinishReason, Part};
use crate::dialect::{Asked, Dialect, usage_value};
use crate::json::{Value, json};

pub fn write_answer(answer: &Answer, asked: &Asked) -> Value {
    let content: Vec<Value> = answer.parts.iter().filter_map(|part| write_part(part, asked)).collect();
    let refused = answer.parts.iter().any(|part| matches!(part, Part::Refusal(_)));
    let (reason, sequence) = stop_reason(&answer.finish, refused);
    // The API has no way to say that nothing was counted.
    let usage = answer.usage.clone().unwrap_or_default();
    json!({
        "id": &answer.id,
        "type": "message",
        "role": "assistant",
        "model": asked.model_of(&answer.model),
        "content": content,
        "stop_reason": reason,
        "stop_sequence": sequence,
        "usage": usage_value(Dialect::Messages, &usage),
    })
}

/// `stop_reason` and `stop_sequence`; `refused` if the answer holds a refusal.
pub fn stop_reason(finish: &FinishReason, refused: bool) -> (&'static str, Option<&str>) {
    match finish {
        FinishReason::Stop if refused => ("refusal", None),
        FinishReason::Stop | FinishReason::StopSequence(None) => ("end_turn", None),
        FinishReason::StopSequence(Some(sequence)) => ("stop_sequence", Some(sequence)),
        FinishReason::Length => ("max_tokens", None),
        FinishReason::ContextLength => ("model_context_window_exceeded", None),
        FinishReason::ToolCalls => ("tool_use", None),
        FinishReason::ContentFilter | FinishReason::Refusal => ("refusal", None),
        FinishReason::Pause => ("pause_turn", None),
    }
}

fn write_part(part: &Part, asked: &Asked) -> Option<Value> {
    match part {
        Part::Text(text) => Some(json!({ "type": "text", "text": &text.text })),
        Part::Refusal(text) => Some(json!({ "type": "text", "text": text })),
        // A signature is demanded; an empty one is known for what it is when the client sends it back.
        Part::Thinking(thought) => {
            let signature = thought.signature.as_deref().unwrap_or_default();
            Some(json!({ "type": "thinking", "thinking": &thought.text, "signature": signature }))
        }
        Part::RedactedThinking(data) => Some(json!({ "type": "redacted_thinking", "data": data })),
        Part::ToolCall(call) => {
            let call = asked.raise(call);
            Some(json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": input(&call.arguments) }))
        }
        Part::Image(_) | Part::Document(_) | Part::ToolResult(_) => None,
    }
}

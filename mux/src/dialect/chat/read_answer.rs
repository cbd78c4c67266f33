//! A plain Chat Completions answer.

use super::read_messages::{read_call, read_content, read_thoughts};
use crate::dialect::Untranslatable;
use crate::dialect::fields::{At, Dropped, Fields};
use crate::dialect::model::{Answer, FinishReason, Part, ToolCall, ToolKind};
use crate::json::Value;

pub fn read_answer(body: Value) -> Result<Answer, Untranslatable> {
    let mut fields = Fields::new(At::Root, body)?;
    let at = At::Root.name("choices");
    // Others were not asked for.
    let choice = fields.list("choices")?.into_iter().next();
    let mut choice = Fields::new(at.index(0), choice.unwrap_or_default())?;
    let at_choice = choice.at();
    let at = at_choice.name("message");
    let message = Fields::new(at, choice.take("message").unwrap_or_default())?;
    let parts = read_message(message)?;
    let word = choice.string("finish_reason").ok().flatten().unwrap_or_default();
    Ok(Answer {
        id: fields.string("id")?.unwrap_or_default(),
        model: fields.string("model")?.unwrap_or_default(),
        created: fields.count("created").ok().flatten(),
        finish: finish(&word, parts.iter().any(|part| matches!(part, Part::ToolCall(_)))),
        parts,
        usage: None,
        service_tier: fields.string("service_tier").ok().flatten(),
    })
}

/// What a `finish_reason` means. Some servers say `stop` after tool calls.
pub fn finish(word: &str, has_calls: bool) -> FinishReason {
    match word {
        "length" => FinishReason::Length,
        "content_filter" => FinishReason::ContentFilter,
        "tool_calls" | "function_call" => FinishReason::ToolCalls,
        _ if has_calls => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    }
}

fn read_message(mut message: Fields<'_>) -> Result<Vec<Part>, Untranslatable> {
    let at = message.at();
    let mut ignored = Dropped::default();
    let mut parts: Vec<Part> = read_thoughts(&mut message).into_iter().collect();
    let content = read_content(message.take("content"), &at.name("content"), &mut ignored)?;
    parts.extend(content.into_iter().filter(|part| *part != Part::text("")));
    parts.extend(message.string("refusal")?.filter(|text| !text.is_empty()).map(Part::Refusal));
    let at_calls = at.name("tool_calls");
    for (index, value) in message.list("tool_calls")?.into_iter().enumerate() {
        parts.push(Part::ToolCall(read_call(Fields::new(at_calls.index(index), value)?, &mut ignored)?));
    }
    if let Some(value) = message.take("function_call") {
        let at = at.name("function_call");
        let mut call = Fields::new(at, value)?;
        let (name, arguments) = (call.text("name")?, call.string("arguments")?.unwrap_or_default());
        parts.push(Part::ToolCall(ToolCall {
            id: String::new(),
            name,
            kind: ToolKind::Function,
            arguments,
            cache: None,
        }));
    }
    Ok(parts)
}

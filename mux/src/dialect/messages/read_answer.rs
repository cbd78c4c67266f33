//! A plain Messages answer.

use super::read_content;
use crate::dialect::Untranslatable;
use crate::dialect::fields::{At, Dropped, Fields};
use crate::dialect::model::{Answer, FinishReason};
use crate::json::Value;

pub fn read_answer(body: Value) -> Result<Answer, Untranslatable> {
    let mut fields = Fields::new(At::Root, body)?;
    if fields.peek_str("type") == "error" {
        return Err(At::Root.name("error").untranslatable("stands in place of an answer"));
    }
    let content = fields.take("content");
    if content.is_none() {
        return Err(At::Root.name("content").untranslatable("is missing"));
    }
    let parts = read_content::read(content, &At::Root.name("content"), &mut Dropped::default())?;
    let word = fields.string("stop_reason")?.unwrap_or_default();
    let sequence = fields.string("stop_sequence")?;
    let mut usage = fields.take("usage");
    let tier = usage.as_mut().and_then(|usage| usage.get_mut("service_tier")).map(Value::take);
    Ok(Answer {
        id: fields.string("id")?.unwrap_or_default(),
        model: fields.string("model")?.unwrap_or_default(),
        created: None,
        parts,
        finish: finish(&word, sequence),
        usage: None,
        service_tier: tier.as_ref().and_then(Value::as_str).map(str::to_owned),
    })
}

/// What a `stop_reason` means.
pub fn finish(word: &str, sequence: Option<String>) -> FinishReason {
    match word {
        "max_tokens" => FinishReason::Length,
        "model_context_window_exceeded" => FinishReason::ContextLength,
        "stop_sequence" => FinishReason::StopSequence(sequence),
        "tool_use" => FinishReason::ToolCalls,
        "refusal" => FinishReason::Refusal,
        "pause_turn" => FinishReason::Pause,
        _ => FinishReason::Stop,
    }
}

//! A plain Responses answer.

use super::read_items::read_item;
use crate::dialect::Untranslatable;
use crate::dialect::fields::{At, Dropped, Fields};
use crate::dialect::model::{Answer, FinishReason, Part};
use crate::json::Value;

pub fn read_answer(body: Value) -> Result<Answer, Untranslatable> {
    let mut fields = Fields::new(At::Root, body)?;
    if let Some(error) = fields.peek("error") {
        let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
        return Err(At::Root.name("error").untranslatable(format!("stands in place of an answer: {message}")));
    }
    if !fields.has("output") {
        return Err(At::Root.name("output").untranslatable("is missing"));
    }
    let at = At::Root.name("output");
    let mut parts = Vec::new();
    for (index, value) in fields.list("output")?.into_iter().enumerate() {
        let item = read_item(Fields::new(at.index(index), value)?, &mut Dropped::default())?;
        parts.extend(item.into_iter().flat_map(|message| message.parts));
    }
    // Reasoning that is not shown is not there.
    parts.retain(|part| !matches!(part, Part::Thinking(thought) if thought.text.is_empty()));
    let details = fields.take("incomplete_details");
    let reason = details.as_ref().and_then(|details| details.get("reason")).and_then(Value::as_str);
    let has_calls = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    Ok(Answer {
        id: fields.string("id")?.unwrap_or_default(),
        model: fields.string("model")?.unwrap_or_default(),
        created: fields.count("created_at").ok().flatten(),
        finish: finish(&fields.string("status")?.unwrap_or_default(), reason, has_calls),
        parts,
        usage: None,
        service_tier: fields.string("service_tier").ok().flatten(),
    })
}

/// What `status` and the reason of `incomplete_details` mean.
pub fn finish(status: &str, reason: Option<&str>, has_calls: bool) -> FinishReason {
    match (status, reason) {
        ("incomplete", Some("content_filter")) => FinishReason::ContentFilter,
        ("incomplete", _) => FinishReason::Length,
        _ if has_calls => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    }
}

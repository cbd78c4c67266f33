//! What changes in a chat body on its way to a provider of the same dialect: the model, and the wish for usage. Every
//! other byte is the client's.

use super::UsageChunk;
use crate::config::Model;
use crate::json::Edit;
use crate::prompt::Chat;

pub fn edits(chat: &Chat, requested: &str, model: &Model) -> (Vec<Edit>, UsageChunk) {
    let mut edits = Vec::new();
    if requested != &*model.id || chat.model.is_none() {
        edits.push(model_edit(chat, &model.id));
    }
    let wish = if chat.stream { usage_edit(chat) } else { None };
    let usage_chunk = if wish.is_some() { UsageChunk::TakeOut } else { UsageChunk::Keep };
    edits.extend(wish);
    (edits, usage_chunk)
}

fn model_edit(chat: &Chat, id: &str) -> Edit {
    let value = serde_json::Value::from(id).to_string();
    match &chat.model {
        Some(span) => Edit { span: span.clone(), with: value.into_bytes() },
        None => first_member(chat.object.start, &format!("\"model\":{value},")),
    }
}

/// Usage comes with a stream only if it is asked for.
fn usage_edit(chat: &Chat) -> Option<Edit> {
    let Some(options) = &chat.stream_options else {
        return Some(first_member(chat.object.start, "\"stream_options\":{\"include_usage\":true},"));
    };
    match &options.include_usage {
        Some((_, true)) => None,
        Some((span, false)) => Some(Edit { span: span.clone(), with: b"true".to_vec() }),
        None if chat.body.get(options.object.start) != Some(&b'{') => {
            Some(Edit { span: options.object.clone(), with: b"{\"include_usage\":true}".to_vec() })
        }
        None => {
            let comma = if options.has_members { "," } else { "" };
            Some(first_member(options.object.start, &format!("\"include_usage\":true{comma}")))
        }
    }
}

/// Puts text right behind the brace at `brace`: in front, where it costs least to change a body.
fn first_member(brace: usize, text: &str) -> Edit {
    Edit { span: brace + 1..brace + 1, with: text.as_bytes().to_vec() }
}

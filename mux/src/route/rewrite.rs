//! What changes in a body on its way to a provider of the same dialect: the model, instructions in front of the system
//! prompt, and the wish for usage. Every other byte is the client's.

use super::UsageChunk;
use crate::config::{Model, RequestKind};
use crate::json::Edit;
use crate::prompt::{Prompt, Slot};

/// `instructions`: the workspace's and the rule's, in this order; empty: none.
pub fn edits(prompt: &Prompt, requested: &str, model: &Model, instructions: [&str; 2]) -> (Vec<Edit>, UsageChunk) {
    let mut edits = Vec::new();
    if requested != &*model.id || prompt.model.is_none() {
        edits.push(model_edit(prompt, &model.id));
    }
    edits.extend(self::instructions(prompt, instructions));
    let wish = if prompt.stream && tells_usage_when_asked(prompt.kind) { usage_edit(prompt) } else { None };
    let usage_chunk = if wish.is_some() { UsageChunk::TakeOut } else { UsageChunk::Keep };
    edits.extend(wish);
    (edits, usage_chunk)
}

/// Where and how instructions are put; none: there are none, or the request takes none.
pub fn instructions(prompt: &Prompt, texts: [&str; 2]) -> Option<Edit> {
    system_edit(prompt.system.as_ref()?, texts)
}

fn model_edit(prompt: &Prompt, id: &str) -> Edit {
    let value = serde_json::Value::from(id).to_string();
    match &prompt.model {
        Some(span) => Edit { span: span.clone(), with: value.into_bytes() },
        None => first_member(prompt.object.start, &format!("\"model\":{value},")),
    }
}

/// The texts that are not empty, each set apart by a blank line.
fn system_edit(slot: &Slot, instructions: [&str; 2]) -> Option<Edit> {
    let mut texts = instructions.into_iter().filter(|text| !text.is_empty());
    let mut text = texts.next()?.to_owned();
    for more in texts {
        text.push_str(BLANK_LINE);
        text.push_str(more);
    }
    if slot.is_followed {
        text.push_str(BLANK_LINE);
    }
    let quoted = serde_json::Value::from(text).to_string();
    let inside = quoted.strip_prefix('"').and_then(|quoted| quoted.strip_suffix('"')).unwrap_or_default();
    Some(Edit { span: slot.span.clone(), with: [slot.before, inside, slot.after].concat().into_bytes() })
}

const BLANK_LINE: &str = "\n\n";

/// Streams of OpenAI's chat and legacy completions hold usage only if it is asked for.
fn tells_usage_when_asked(kind: RequestKind) -> bool {
    matches!(kind, RequestKind::Chat | RequestKind::Completion | RequestKind::Fim)
}

fn usage_edit(prompt: &Prompt) -> Option<Edit> {
    let Some(options) = &prompt.stream_options else {
        return Some(first_member(prompt.object.start, "\"stream_options\":{\"include_usage\":true},"));
    };
    match &options.include_usage {
        Some((_, true)) => None,
        Some((span, false)) => Some(Edit { span: span.clone(), with: b"true".to_vec() }),
        None if prompt.body.get(options.object.start) != Some(&b'{') => {
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

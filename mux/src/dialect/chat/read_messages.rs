//! The messages of a Chat Completions request.

use crate::dialect::fields::{At, Dropped, Fields};
use crate::dialect::model::{
    Cache, Document, Image, Message, Part, Role, Source, Text, Thought, ToolCall, ToolKind, ToolResult,
};
use crate::dialect::{Untranslatable, shared};
use crate::json::Value;

pub fn read(messages: Vec<Value>, at: &At<'_>, dropped: &mut Dropped) -> Result<Vec<Message>, Untranslatable> {
    let mut read = Vec::with_capacity(messages.len());
    let mut legacy = Legacy::default();
    for (index, value) in messages.into_iter().enumerate() {
        let at = at.index(index);
        read.push(read_message(Fields::new(at, value)?, &mut legacy, dropped)?);
    }
    Ok(read)
}

/// `function_call`s have no ids: a result belongs to the call before it.
#[derive(Default)]
struct Legacy {
    calls: usize,
}

impl Legacy {
    fn id(&self) -> String {
        format!("call_function_{}", self.calls)
    }
}

fn read_message(mut fields: Fields<'_>, legacy: &mut Legacy, dropped: &mut Dropped) -> Result<Message, Untranslatable> {
    let at = fields.at();
    let name = fields.string("name")?;
    let cache = fields.take("cache_control");
    let role = fields.text("role")?;
    let mut parts = read_content(fields.take("content"), &at.name("content"), dropped)?;
    if let (Some(cache), Some(last)) = (cache, parts.last_mut()) {
        mark(last, cache);
    }
    let role = match role.as_str() {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => {
            parts = read_assistant(&mut fields, parts, legacy, dropped)?;
            Role::Assistant
        }
        "tool" | "function" => {
            let id = if role == "tool" { fields.text("tool_call_id")? } else { legacy.id() };
            // The result is what is cached, not a part of it.
            let cache = parts.last_mut().and_then(unmark);
            parts = vec![Part::ToolResult(ToolResult { id, content: parts, is_error: false, cache })];
            fields.drop_rest(&[], dropped);
            return Ok(Message { role: Role::User, parts, name: None });
        }
        _ => return Err(at.name("role").untranslatable("must be system, developer, user, assistant or tool")),
    };
    fields.drop_rest(&["annotations"], dropped);
    Ok(Message { role, parts, name })
}

/// What an assistant's message says beside its content.
fn read_assistant(
    fields: &mut Fields<'_>,
    content: Vec<Part>,
    legacy: &mut Legacy,
    dropped: &mut Dropped,
) -> Result<Vec<Part>, Untranslatable> {
    let at = fields.at();
    if fields.has("audio") {
        return Err(at.name("audio").untranslatable("refers to audio that is kept at OpenAI; send its text instead"));
    }
    let mut parts: Vec<Part> = read_thoughts(fields).into_iter().collect();
    parts.extend(content);
    if let Some(refusal) = fields.string("refusal")?.filter(|text| !text.is_empty()) {
        parts.push(Part::Refusal(refusal));
    }
    let at_calls = at.name("tool_calls");
    for (index, value) in fields.list("tool_calls")?.into_iter().enumerate() {
        parts.push(Part::ToolCall(read_call(Fields::new(at_calls.index(index), value)?, dropped)?));
    }
    if let Some(value) = fields.take("function_call") {
        let at = at.name("function_call");
        let mut call = Fields::new(at, value)?;
        legacy.calls += 1;
        let (name, arguments) = (call.text("name")?, call.string("arguments")?.unwrap_or_default());
        parts.push(Part::ToolCall(ToolCall {
            id: legacy.id(),
            name,
            kind: ToolKind::Function,
            arguments,
            cache: None,
        }));
    }
    Ok(parts)
}

/// Reasoning, under any of the names that servers give it. `reasoning_details` repeats the text; what it has beside is
/// for the model that wrote it.
pub fn read_thoughts(fields: &mut Fields<'_>) -> Option<Part> {
    let mut take = |name| match fields.take(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text.into_string()),
        _ => None,
    };
    let texts = [take("reasoning_content"), take("reasoning")];
    fields.take("reasoning_details");
    let text = texts.into_iter().flatten().next()?;
    Some(Part::Thinking(Thought { text, signature: None }))
}

pub fn read_call(mut call: Fields<'_>, dropped: &mut Dropped) -> Result<ToolCall, Untranslatable> {
    let at = call.at();
    let id = call.string("id")?.unwrap_or_default();
    let (kind, name, arguments) = match call.string("type")?.as_deref() {
        Some("custom") => {
            let mut custom = Fields::new(at.name("custom"), call.take("custom").unwrap_or_default())?;
            (ToolKind::Custom, custom.text("name")?, custom.string("input")?.unwrap_or_default())
        }
        _ => {
            let mut function = Fields::new(at.name("function"), call.take("function").unwrap_or_default())?;
            let arguments = match function.take("arguments") {
                Some(Value::String(text)) => text.into_string(),
                // Some servers forget to make it a string.
                Some(value) => value.to_string(),
                None => String::new(),
            };
            (ToolKind::Function, function.text("name")?, arguments)
        }
    };
    let cache = call.take("cache_control");
    call.drop_rest(&["index", "extra_content"], dropped);
    Ok(ToolCall { id, name, kind, arguments, cache })
}

/// `null`, a string, or parts.
pub fn read_content(content: Option<Value>, at: &At<'_>, dropped: &mut Dropped) -> Result<Vec<Part>, Untranslatable> {
    shared::read_content(content, at, dropped, read_part)
}

fn read_part(mut part: Fields<'_>, dropped: &mut Dropped) -> Result<Part, Untranslatable> {
    let at = part.at();
    let cache = part.take("cache_control");
    let kind = part.text("type")?;
    let read = match kind.as_str() {
        "text" => Part::Text(Text { text: part.needed("text")?, cache }),
        "refusal" => Part::Refusal(part.text("refusal")?),
        "image_url" => read_image(part.take("image_url").unwrap_or_default(), &at.name("image_url"), cache)?,
        "file" => read_file(part.take("file").unwrap_or_default(), &at.name("file"), cache)?,
        _ => {
            return Err(at
                .name("type")
                .untranslatable("must be text, image_url, file or refusal: the target takes no other"));
        }
    };
    part.drop_rest(&["annotations"], dropped);
    Ok(read)
}

fn read_image(value: Value, at: &At<'_>, cache: Option<Cache>) -> Result<Part, Untranslatable> {
    if let Value::String(url) = value {
        return Ok(Part::Image(Image { source: Source::from_url(url.into_string(), at)?, detail: None, cache }));
    }
    let mut image = Fields::new(*at, value)?;
    let source = Source::from_url(image.text("url")?, &at.name("url"))?;
    Ok(Part::Image(Image { source, detail: image.string("detail")?, cache }))
}

fn read_file(value: Value, at: &At<'_>, cache: Option<Cache>) -> Result<Part, Untranslatable> {
    let mut file = Fields::new(*at, value)?;
    if file.has("file_id") {
        return Err(at.name("file_id").untranslatable("refers to a file that is kept at OpenAI; send it as file_data"));
    }
    let name = file.string("filename")?;
    let source = Source::from_file_data(file.text("file_data")?, name.as_deref(), &at.name("file_data"))?;
    Ok(Part::Document(Document { source, name, cache }))
}

fn mark(part: &mut Part, mark: Cache) {
    if let Some(cache) = part.cache_mut() {
        *cache = Some(mark);
    }
}

fn unmark(part: &mut Part) -> Option<Cache> {
    part.cache_mut().and_then(Option::take)
}

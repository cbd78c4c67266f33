//! Items: the input of a Responses request and, since a client sends an answer's output back, the output too.

use super::read_tools::{LOCAL_SHELL, joined_name};
use crate::dialect::fields::{At, Dropped, Fields};
use crate::dialect::model::{Document, Image, Message, Part, Role, Source, Thought, ToolCall, ToolKind, ToolResult};
use crate::dialect::{Untranslatable, shared};
use crate::json::Value;

/// A string, or items; each item becomes a message.
pub fn read(input: Option<Value>, dropped: &mut Dropped) -> Result<Vec<Message>, Untranslatable> {
    let at = At::Root.name("input");
    let items = match input {
        None => Vec::new(),
        Some(Value::String(text)) => return Ok(vec![message(Role::User, Part::text(text))]),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(at.untranslatable("must be a string or a list of items")),
    };
    let mut messages = Vec::with_capacity(items.len());
    for (index, value) in items.into_iter().enumerate() {
        messages.extend(read_item(Fields::new(at.index(index), value)?, dropped)?);
    }
    Ok(messages)
}

fn message(role: Role, part: Part) -> Message {
    Message { role, parts: vec![part], name: None }
}

/// `None` for an item that is ignorable.
pub fn read_item(mut item: Fields<'_>, dropped: &mut Dropped) -> Result<Option<Message>, Untranslatable> {
    let at = item.at();
    let kind = item.string("type")?.unwrap_or_else(|| "message".to_owned());
    let read = match kind.as_str() {
        "message" => read_message(&mut item, dropped)?,
        "function_call" => call(&mut item, ToolKind::Function, "arguments")?,
        "custom_tool_call" => call(&mut item, ToolKind::Custom, "input")?,
        "local_shell_call" => local_shell_call(&mut item)?,
        "function_call_output" | "custom_tool_call_output" | "local_shell_call_output" => output(&mut item, dropped)?,
        "reasoning" => {
            dropped.add_if(item.has("encrypted_content"), "encrypted_content");
            read_reasoning(&mut item)?
        }
        // What came of the search is in the message that follows.
        "web_search_call" => {
            dropped.add("web_search");
            return Ok(None);
        }
        "item_reference" => {
            return Err(at.untranslatable("refers to an item that is kept at OpenAI; send the item itself"));
        }
        _ => return Err(at.name("type").untranslatable("is a kind of item that only OpenAI knows; leave it out")),
    };
    // An item's id is OpenAI's own; `call_id` is what ties calls and outputs.
    for name in ["id", "status", "phase", "encrypted_content"] {
        item.take(name);
    }
    item.drop_rest(&[], dropped);
    Ok(Some(read))
}

fn read_message(item: &mut Fields<'_>, dropped: &mut Dropped) -> Result<Message, Untranslatable> {
    let at = item.at();
    let role = match item.text("role")?.as_str() {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        _ => return Err(at.name("role").untranslatable("must be system, developer, user or assistant")),
    };
    let parts = read_content(item.take("content"), &at.name("content"), dropped)?;
    Ok(Message { role, parts, name: None })
}

/// A string, or parts.
fn read_content(content: Option<Value>, at: &At<'_>, dropped: &mut Dropped) -> Result<Vec<Part>, Untranslatable> {
    shared::read_content(content, at, dropped, read_part)
}

fn read_part(mut part: Fields<'_>, dropped: &mut Dropped) -> Result<Part, Untranslatable> {
    let at = part.at();
    let kind = part.text("type")?;
    if part.has("file_id") {
        return Err(at.name("file_id").untranslatable("refers to a file that is kept at OpenAI; send its content"));
    }
    let read = match kind.as_str() {
        "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text" => Part::text(part.text("text")?),
        "refusal" => Part::Refusal(part.text("refusal")?),
        "input_image" => {
            let source = Source::from_url(part.text("image_url")?, &at.name("image_url"))?;
            Part::Image(Image { source, detail: part.string("detail")?, cache: None })
        }
        "input_file" => {
            let name = part.string("filename")?;
            let source = match part.string("file_url")? {
                Some(url) => Source::from_url(url, &at.name("file_url"))?,
                None => Source::from_file_data(part.text("file_data")?, name.as_deref(), &at.name("file_data"))?,
            };
            Part::Document(Document { source, name, cache: None })
        }
        _ => return Err(at.name("type").untranslatable("must be text, an image or a file: the target takes no other")),
    };
    for name in ["annotations", "logprobs"] {
        part.take(name);
    }
    part.drop_rest(&[], dropped);
    Ok(read)
}

fn call(item: &mut Fields<'_>, kind: ToolKind, arguments: &str) -> Result<Message, Untranslatable> {
    let namespace = item.string("namespace")?;
    let name = joined_name(namespace.as_deref(), &item.text("name")?);
    let (id, arguments) = (item.text("call_id")?, item.string(arguments)?.unwrap_or_default());
    Ok(message(Role::Assistant, Part::ToolCall(ToolCall { id, name, kind, arguments, cache: None })))
}

fn local_shell_call(item: &mut Fields<'_>) -> Result<Message, Untranslatable> {
    let mut action = item.take("action").unwrap_or_default();
    if let Some(map) = action.as_object_mut() {
        map.retain(|name, value| name != "type" && !value.is_null());
    }
    let id = shell_call_id(item)?;
    let (name, kind, arguments) = (LOCAL_SHELL.to_owned(), ToolKind::LocalShell, action.to_string());
    Ok(message(Role::Assistant, Part::ToolCall(ToolCall { id, name, kind, arguments, cache: None })))
}

/// Outputs of the shell carry the call's id as `id`, by the reference, or as `call_id`, as clients send it.
fn shell_call_id(item: &mut Fields<'_>) -> Result<String, Untranslatable> {
    match item.string("call_id")? {
        Some(id) => Ok(id),
        None => item.text("id"),
    }
}

fn output(item: &mut Fields<'_>, dropped: &mut Dropped) -> Result<Message, Untranslatable> {
    let at = item.at();
    let id = shell_call_id(item)?;
    let content = read_content(item.take("output"), &at.name("output"), dropped)?;
    Ok(message(Role::User, Part::ToolResult(ToolResult { id, content, is_error: false, cache: None })))
}

/// What the model showed of its reasoning: the text itself where the server gives it, else its summary.
fn read_reasoning(item: &mut Fields<'_>) -> Result<Message, Untranslatable> {
    let at = item.at();
    let mut texts = Vec::new();
    for name in ["content", "summary"] {
        let parts = read_content(item.take(name), &at.name(name), &mut Dropped::default())?;
        let found: Vec<String> = parts
            .into_iter()
            .filter_map(|part| match part {
                Part::Text(text) => Some(text.text.into_string()),
                _ => None,
            })
            .collect();
        if texts.is_empty() {
            texts = found;
        }
    }
    Ok(message(Role::Assistant, Part::Thinking(Thought { text: texts.join("\n\n"), signature: None })))
}

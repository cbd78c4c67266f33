//! The input items of a Responses request.

use crate::dialect::Untranslatable;
use crate::dialect::fields::{At, Dropped};
use crate::dialect::model::{Document, Message, Part, Role, Source, ToolCall, ToolResult};
use crate::dialect::shared::put;
use crate::json::{Map, Value, json};

/// A message's words become one item; calls and results are items of their own, in their order.
pub fn write(messages: Vec<Message>, dropped: &mut Dropped) -> Result<Vec<Value>, Untranslatable> {
    let mut items = Vec::with_capacity(messages.len());
    for message in messages {
        dropped.add_if(message.name.is_some(), "name");
        let mut said = Vec::new();
        for part in message.parts {
            let item = match part {
                Part::ToolCall(call) => write_call(call, dropped),
                Part::ToolResult(result) => write_result(result, dropped)?,
                Part::Thinking(_) => {
                    dropped.add("thinking");
                    continue;
                }
                Part::RedactedThinking(_) => {
                    dropped.add("redacted_thinking");
                    continue;
                }
                part => {
                    said.push(write_part(part, message.role, dropped)?);
                    continue;
                }
            };
            items.extend(write_message(message.role, std::mem::take(&mut said), items.len()));
            items.push(item);
        }
        items.extend(write_message(message.role, said, items.len()));
    }
    Ok(items)
}

/// `index` is that of the item.
fn write_message(role: Role, mut said: Vec<Value>, index: usize) -> Option<Value> {
    let role = match (role, said.as_mut_slice()) {
        (_, []) => return None,
        (Role::System, _) => "system",
        (Role::Developer, _) => "developer",
        (Role::User, _) => "user",
        // An assistant's parts are output, which the API takes back only as it gives it: with an id and a status.
        (Role::Assistant, [part]) if part.get("text").is_some() => {
            let text = part.get_mut("text").map(Value::take);
            return Some(json!({ "type": "message", "role": "assistant", "content": text }));
        }
        (Role::Assistant, _) => {
            let id = format!("msg_{index}");
            return Some(
                json!({ "type": "message", "id": id, "role": "assistant", "status": "completed", "content": said }),
            );
        }
    };
    Some(json!({ "type": "message", "role": role, "content": said }))
}

fn write_call(call: ToolCall, dropped: &mut Dropped) -> Value {
    let ToolCall { id, name, kind: _, arguments, cache } = call;
    dropped.add_if(cache.is_some(), "cache_control");
    let arguments = if arguments.is_empty() { "{}".to_owned() } else { arguments };
    json!({ "type": "function_call", "call_id": id, "name": name, "arguments": arguments })
}

fn write_result(result: ToolResult, dropped: &mut Dropped) -> Result<Value, Untranslatable> {
    let ToolResult { id, mut content, is_error, cache } = result;
    dropped.add_if(cache.is_some(), "cache_control");
    if is_error {
        // There is no field for it, and the model must know.
        match content.first_mut() {
            Some(Part::Text(text)) => text.text = format!("Error: {}", text.text).into(),
            _ => content.insert(0, Part::text("Error")),
        }
    }
    let output = match content.as_mut_slice() {
        [] => json!(""),
        [Part::Text(text)] => json!(std::mem::take(&mut text.text)),
        _ => {
            let parts = content.into_iter().map(|part| write_part(part, Role::User, dropped));
            Value::Array(parts.collect::<Result<_, _>>()?)
        }
    };
    Ok(json!({ "type": "function_call_output", "call_id": id, "output": output }))
}

fn write_part(mut part: Part, role: Role, dropped: &mut Dropped) -> Result<Value, Untranslatable> {
    let cache = part.cache_mut().and_then(Option::take);
    dropped.add_if(cache.is_some(), "cache_control");
    match part {
        Part::Text(text) if role == Role::Assistant => {
            Ok(json!({ "type": "output_text", "text": text.text, "annotations": [] }))
        }
        Part::Text(text) => Ok(json!({ "type": "input_text", "text": text.text })),
        Part::Refusal(refusal) => Ok(json!({ "type": "refusal", "refusal": refusal })),
        Part::Image(image) => {
            // The API's type demands a detail.
            let detail = image.detail.as_deref().unwrap_or("auto");
            Ok(json!({ "type": "input_image", "image_url": image.source.to_url(), "detail": detail }))
        }
        Part::Document(document) => Ok(write_document(&document)),
        Part::Thinking(_) | Part::RedactedThinking(_) | Part::ToolCall(_) | Part::ToolResult(_) => {
            Err(At::Root.name("messages").untranslatable("has a tool's result with a call or reasoning in it"))
        }
    }
}

/// Plain text goes as text, which every model reads.
fn write_document(document: &Document) -> Value {
    let name = document.name.as_deref();
    if let Some(text) = document.plain_text() {
        let heading = name.map(|name| format!("{name}\n\n")).unwrap_or_default();
        return json!({ "type": "input_text", "text": heading + &text });
    }
    let mut written = Map::new();
    put(&mut written, "type", Some("input_file"));
    match &document.source {
        Source::Url(url) => put(&mut written, "file_url", Some(url.as_str())),
        source => {
            put(&mut written, "filename", Some(name.unwrap_or("document.pdf")));
            put(&mut written, "file_data", Some(source.to_url()));
        }
    }
    Value::Object(written)
}

//! The messages and system text of a Messages request.

use crate::dialect::Untranslatable;
use crate::dialect::fields::{At, Dropped};
use crate::dialect::model::{Cache, Document, Image, Message, Part, Role, Source, Text, Thought, ToolCall, ToolResult};
use crate::dialect::prepare::{is_instruction, merged};
use crate::dialect::shared::put;
use crate::json::{Map, Value, json};

/// `system`, if there is any, and the messages, with roles that alternate.
pub fn write(mut messages: Vec<Message>, dropped: &mut Dropped) -> Result<(Option<Value>, Vec<Value>), Untranslatable> {
    let speech = messages.iter().position(|message| !is_instruction(message.role)).unwrap_or(messages.len());
    let rest = messages.split_off(speech);
    let leading = messages.into_iter().flat_map(|message| message.parts).collect();
    let system = match blocks(sayable(leading, dropped), dropped)? {
        blocks if blocks.is_empty() => None,
        blocks if !blocks.iter().all(is_text) => {
            return Err(At::Root
                .name("messages")
                .untranslatable("has a system message with other than text; use a user message"));
        }
        blocks => Some(simplest(blocks)),
    };
    let mut spoken = Vec::with_capacity(rest.len());
    for mut message in rest {
        dropped.add_if(message.name.is_some(), "name");
        message.parts = sayable(message.parts, dropped);
        if !message.parts.is_empty() {
            spoken.push(in_place(message));
        }
    }
    let turns = merged(spoken, |one, other| one == other);
    let mut written: Vec<Value> = Vec::with_capacity(turns.len());
    let last_turn = turns.len().saturating_sub(1);
    for (index, turn) in turns.into_iter().enumerate() {
        let role = if turn.role == Role::Assistant { "assistant" } else { "user" };
        let mut parts = turn.parts;
        // Results of tools come first, and an assistant's thoughts.
        parts.sort_by_key(|part| !matches!(part, Part::ToolResult(_) | Part::Thinking(_) | Part::RedactedThinking(_)));
        if role == "assistant" && index == last_turn {
            trim_end(&mut parts);
        }
        written.push(json!({ "role": role, "content": simplest(blocks(parts, dropped)?) }));
    }
    if written.is_empty() {
        return Err(At::Root
            .name("messages")
            .untranslatable("has nothing said by a user, which the target's API demands; add it"));
    }
    Ok((system, written))
}

/// Instructions in mid-conversation stay in their place, where only a user can speak, marked as what they are.
fn in_place(mut message: Message) -> Message {
    message.name = None;
    if is_instruction(message.role) {
        message.role = Role::User;
        for part in &mut message.parts {
            if let Part::Text(text) = part {
                text.text = format!("<system>\n{}\n</system>", text.text).into();
            }
        }
    }
    message
}

/// An answer that the model is to go on with may not end with white space.
fn trim_end(parts: &mut [Part]) {
    if let Some(Part::Text(text)) = parts.last_mut() {
        text.text = text.text.trim_end().into();
    }
}

/// A lone text as a string.
fn simplest(mut blocks: Vec<Value>) -> Value {
    match blocks.as_mut_slice() {
        [block] if is_text(block) && block.get("cache_control").is_none() => {
            block.get_mut("text").map(Value::take).unwrap_or_default()
        }
        _ => Value::Array(blocks),
    }
}

fn is_text(block: &Value) -> bool {
    block.get("type").is_some_and(|kind| kind == "text")
}

/// Without what the target would refuse and nobody misses: text of white space, thoughts that it did not sign.
fn sayable(mut parts: Vec<Part>, dropped: &mut Dropped) -> Vec<Part> {
    parts.retain(|part| match part {
        Part::Thinking(thought) => {
            dropped.add_if(thought.signature.is_none(), "thinking");
            thought.signature.is_some()
        }
        part => !is_blank(part),
    });
    parts
}

/// Whether it says nothing.
pub fn is_blank(part: &Part) -> bool {
    match part {
        Part::Text(Text { text, .. }) => text.is_blank(),
        Part::Refusal(text) => text.trim().is_empty(),
        _ => false,
    }
}

fn blocks(parts: Vec<Part>, dropped: &mut Dropped) -> Result<Vec<Value>, Untranslatable> {
    parts.into_iter().map(|part| block(part, dropped)).collect()
}

fn block(part: Part, dropped: &mut Dropped) -> Result<Value, Untranslatable> {
    let (mut written, cache) = match part {
        Part::Text(Text { text, cache }) => (json!({ "type": "text", "text": text }), cache),
        Part::Refusal(text) => (json!({ "type": "text", "text": text }), None),
        Part::Thinking(Thought { text, signature }) => {
            (json!({ "type": "thinking", "thinking": text, "signature": signature }), None)
        }
        Part::RedactedThinking(data) => (json!({ "type": "redacted_thinking", "data": data }), None),
        Part::Image(image) => write_image(image, dropped)?,
        Part::Document(document) => write_document(document)?,
        Part::ToolCall(call) => write_call(call),
        Part::ToolResult(result) => write_result(result, dropped)?,
    };
    if let (Some(map), Some(cache)) = (written.as_object_mut(), cache) {
        map.insert("cache_control", cache);
    }
    Ok(written)
}

type Written = (Value, Option<Cache>);

fn write_call(call: ToolCall) -> Written {
    let ToolCall { id, name, kind: _, arguments, cache } = call;
    (json!({ "type": "tool_use", "id": id, "name": name, "input": input(&arguments) }), cache)
}

/// Arguments as an object. What a model wrote that is none is kept as text: the call is history, and the model should
/// see what it did.
pub fn input(arguments: &str) -> Value {
    if arguments.trim().is_empty() {
        return json!({});
    }
    match crate::json::parse(arguments.as_bytes()) {
        Ok(Value::Object(map)) => Value::Object(map),
        _ => json!({ "malformed_arguments": arguments }),
    }
}

fn write_result(result: ToolResult, dropped: &mut Dropped) -> Result<Written, Untranslatable> {
    let ToolResult { id, content, is_error, cache } = result;
    let mut map = Map::new();
    put(&mut map, "type", Some("tool_result"));
    put(&mut map, "tool_use_id", Some(id));
    let blocks = blocks(sayable(content, dropped), dropped)?;
    put(&mut map, "content", Some(blocks).filter(|blocks| !blocks.is_empty()).map(simplest));
    put(&mut map, "is_error", Some(true).filter(|_| is_error));
    Ok((Value::Object(map), cache))
}

fn write_image(image: Image, dropped: &mut Dropped) -> Result<Written, Untranslatable> {
    let Image { source, detail, cache } = image;
    dropped.add_if(detail.is_some_and(|detail| detail != "auto"), "detail");
    let source = match source {
        Source::Base64 { media_type, data } => json!({ "type": "base64", "media_type": media_type, "data": data }),
        Source::Url(url) => json!({ "type": "url", "url": url }),
        Source::Text(_) => {
            return Err(At::Root.name("messages").untranslatable("has an image that is text; send a picture"));
        }
    };
    Ok((json!({ "type": "image", "source": source }), cache))
}

fn write_document(document: Document) -> Result<Written, Untranslatable> {
    let source = match (document.plain_text(), &document.source) {
        (Some(text), _) => json!({ "type": "text", "media_type": "text/plain", "data": text }),
        (None, Source::Url(url)) => json!({ "type": "url", "url": url }),
        (None, Source::Base64 { media_type, data }) if media_type == "application/pdf" => {
            json!({ "type": "base64", "media_type": media_type, "data": data })
        }
        (None, _) => {
            return Err(At::Root.name("messages").untranslatable(
                "has a file that is neither PDF nor plain text, which the target's API does not take",
            ));
        }
    };
    let mut map = Map::new();
    put(&mut map, "type", Some("document"));
    map.insert("source", source);
    put(&mut map, "title", document.name);
    Ok((Value::Object(map), document.cache))
}

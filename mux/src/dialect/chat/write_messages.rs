//! The messages of a Chat Completions request.

use crate::dialect::fields::{At, Dropped};
use crate::dialect::model::{Cache, Document, Message, Part, Role, Source, ToolCall, ToolResult};
use crate::dialect::prepare::{is_instruction, merged};
use crate::dialect::shared::put;
use crate::dialect::{Context, Untranslatable};
use crate::json::{Map, Value, json};

pub fn write(
    messages: Vec<Message>,
    context: &Context<'_>,
    dropped: &mut Dropped,
) -> Result<Vec<Value>, Untranslatable> {
    // One message per turn: chat templates of many models want roles to alternate, and calls to stand together.
    let same = |one, other| one == other || (is_instruction(one) && is_instruction(other));
    let mut written = Vec::with_capacity(messages.len());
    let mut writer = Writer { context, dropped };
    for message in merged(messages, same) {
        match message.role {
            Role::System | Role::Developer => written.extend(writer.speech("system", message)?),
            Role::User => writer.user(message, &mut written)?,
            Role::Assistant => written.extend(writer.assistant(message)?),
        }
    }
    Ok(written)
}

pub fn write_cache(written: &mut Value, cache: Option<&Cache>, context: &Context<'_>, dropped: &mut Dropped) {
    let Some(cache) = cache else { return };
    match written.as_object_mut() {
        Some(map) if context.extensions => put(map, "cache_control", Some(cache.clone())),
        _ => dropped.add("cache_control"),
    }
}

struct Writer<'a, 'c> {
    context: &'a Context<'c>,
    dropped: &'a mut Dropped,
}

impl Writer<'_, '_> {
    /// `None` if there is nothing to say.
    fn speech(&mut self, role: &str, message: Message) -> Result<Option<Value>, Untranslatable> {
        let Some(content) = self.content(message.parts)? else { return Ok(None) };
        let mut map = Map::new();
        put(&mut map, "role", Some(role));
        put(&mut map, "name", message.name);
        map.insert("content", content);
        Ok(Some(Value::Object(map)))
    }

    /// Results of tools become messages of their own, which must follow the calls at once; the user's words come after
    /// them, with the images of results, which only a user's message can hold.
    fn user(&mut self, message: Message, written: &mut Vec<Value>) -> Result<(), Untranslatable> {
        let (mut images, mut rest) = (Vec::new(), Vec::new());
        for part in message.parts {
            match part {
                Part::ToolResult(result) => written.push(self.result(result, &mut images)?),
                part => rest.push(part),
            }
        }
        images.extend(rest);
        written.extend(self.speech("user", Message { parts: images, ..message })?);
        Ok(())
    }

    fn result(&mut self, result: ToolResult, images: &mut Vec<Part>) -> Result<Value, Untranslatable> {
        let ToolResult { id, content, is_error, cache } = result;
        let (mut texts, mut others) = (Vec::new(), Vec::new());
        for part in content {
            match part {
                Part::Text(_) => texts.push(part),
                part => others.push(part),
            }
        }
        if !others.is_empty() {
            images.push(Part::text(format!("Content of the result of tool call {id}:")));
            images.append(&mut others);
            if texts.is_empty() {
                texts.push(Part::text("The result's content is in the next message."));
            }
        }
        if is_error {
            // There is no field for it, and the model must know.
            match texts.first_mut() {
                Some(Part::Text(text)) => text.text = format!("Error: {}", text.text).into(),
                _ => texts.push(Part::text("Error")),
            }
        }
        let content = self.content(texts)?.unwrap_or_else(|| json!(""));
        let mut written = json!({ "role": "tool", "tool_call_id": id, "content": content });
        write_cache(&mut written, cache.as_ref(), self.context, self.dropped);
        Ok(written)
    }

    fn assistant(&mut self, message: Message) -> Result<Option<Value>, Untranslatable> {
        let (mut said, mut calls, mut thoughts, mut refusals) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for part in message.parts {
            match part {
                Part::Thinking(thought) => thoughts.push(thought.text),
                Part::RedactedThinking(_) => self.dropped.add("redacted_thinking"),
                Part::Refusal(text) => refusals.push(text),
                Part::ToolCall(call) => calls.push(self.call(call)),
                part => said.push(part),
            }
        }
        let content = self.content(said)?;
        if content.is_none() && calls.is_empty() && refusals.is_empty() {
            return Ok(None);
        }
        let mut map = Map::new();
        put(&mut map, "role", Some("assistant"));
        put(&mut map, "name", message.name);
        map.insert("content", content.unwrap_or(Value::Null));
        put(&mut map, "refusal", Some(refusals.join("\n\n")).filter(|text| !text.is_empty()));
        put(&mut map, "tool_calls", Some(calls).filter(|calls| !calls.is_empty()));
        let thoughts = Some(thoughts.join("\n\n")).filter(|text| !text.is_empty());
        self.dropped.add_if(thoughts.is_some() && !self.context.extensions, "thinking");
        put(&mut map, "reasoning_content", thoughts.filter(|_| self.context.extensions));
        Ok(Some(Value::Object(map)))
    }

    fn call(&mut self, call: ToolCall) -> Value {
        let arguments = if call.arguments.is_empty() { "{}".to_owned() } else { call.arguments };
        let mut written =
            json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": arguments } });
        write_cache(&mut written, call.cache.as_ref(), self.context, self.dropped);
        written
    }

    /// A lone text as a string, which every server reads; else parts. `None` if there are none.
    fn content(&mut self, mut parts: Vec<Part>) -> Result<Option<Value>, Untranslatable> {
        if let [Part::Text(text)] = parts.as_mut_slice()
            && (text.cache.is_none() || !self.context.extensions)
        {
            self.dropped.add_if(text.cache.is_some(), "cache_control");
            return Ok(Some(Value::String(std::mem::take(&mut text.text))));
        }
        let parts = parts.into_iter().map(|part| self.part(part)).collect::<Result<Vec<_>, _>>()?;
        Ok(Some(Value::Array(parts)).filter(|parts| parts != &json!([])))
    }

    fn part(&mut self, mut part: Part) -> Result<Value, Untranslatable> {
        let cache = part.cache_mut().and_then(Option::take);
        let mut written = match part {
            Part::Text(text) => json!({ "type": "text", "text": text.text }),
            Part::Image(image) => {
                let mut fields = Map::new();
                put(&mut fields, "url", Some(image.source.to_url()));
                put(&mut fields, "detail", image.detail);
                json!({ "type": "image_url", "image_url": fields })
            }
            Part::Document(document) => write_document(&document)?,
            Part::Refusal(text) => json!({ "type": "text", "text": text }),
            Part::Thinking(_) | Part::RedactedThinking(_) | Part::ToolCall(_) | Part::ToolResult(_) => {
                return Err(At::Root.name("messages").untranslatable(
                    "has content where the target's API does not take it: tool calls and reasoning belong to the \
                     assistant, tool results to the user",
                ));
            }
        };
        write_cache(&mut written, cache.as_ref(), self.context, self.dropped);
        Ok(written)
    }
}

/// Plain text goes as text, which every model reads.
fn write_document(document: &Document) -> Result<Value, Untranslatable> {
    let name = document.name.as_deref();
    if let Some(text) = document.plain_text() {
        let heading = name.map(|name| format!("{name}\n\n")).unwrap_or_default();
        return Ok(json!({ "type": "text", "text": heading + &text }));
    }
    match &document.source {
        Source::Url(_) => Err(At::Root
            .name("messages")
            .untranslatable("has a document by its URL, which the target's API does not fetch; send its content")),
        source => {
            let filename = name.unwrap_or("document.pdf");
            Ok(json!({ "type": "file", "file": { "filename": filename, "file_data": source.to_url() } }))
        }
    }
}

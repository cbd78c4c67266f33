//! The events of Messages.

use super::{Gather, count, map_weight};
use crate::json::{self, Map, Value};

/// Content blocks of one answer. Past it there is no plain answer.
const BLOCKS_MAX: usize = 4_096;

/// Of a delta's weight, what is not kept: its names, and that it is a delta.
const DELTA_BYTES: usize = 2 * size_of::<Value>() + "type".len() + "text".len() + "text_delta".len();

#[derive(Debug, Default)]
pub struct Messages {
    message: Option<Map>,
    blocks: Vec<Block>,
    /// Bytes of what was put in.
    bytes: usize,
    is_over: bool,
}

#[derive(Debug, Default)]
struct Block {
    members: Map,
    /// Members whose pieces are one text.
    texts: Vec<(&'static str, String)>,
    /// The input of a tool, as JSON text.
    input: String,
    citations: Vec<Value>,
}

impl Gather for Messages {
    fn event(&mut self, name: &str, mut event: Map) -> Option<()> {
        let kind = event.get("type").and_then(Value::as_str).unwrap_or(name).to_owned();
        let index = count(&event, "index");
        let mut object = |name: &str| match event.get_mut(name).map(Value::take) {
            Some(Value::Object(object)) => Some(object),
            _ => None,
        };
        match kind.as_str() {
            "message_start" => self.message = Some(object("message")?),
            "content_block_start" => {
                if index != self.blocks.len() || index >= BLOCKS_MAX {
                    return None;
                }
                let members = object("content_block")?;
                self.bytes += map_weight(&members);
                self.blocks.push(Block { members, ..Block::default() });
            }
            "content_block_delta" => {
                let delta = object("delta")?;
                self.bytes += map_weight(&delta).saturating_sub(DELTA_BYTES);
                self.blocks.get_mut(index)?.add(delta)?;
            }
            "content_block_stop" | "ping" => {}
            "message_delta" => {
                let (delta, usage) = (object("delta"), object("usage"));
                let message = self.message.as_mut()?;
                message.extend(delta.unwrap_or_default());
                message.extend(event.into_iter().filter(|(name, _)| !matches!(&**name, "type" | "delta" | "usage")));
                if let Some(usage) = usage {
                    match message.get_mut("usage").and_then(Value::as_object_mut) {
                        Some(own) => own.extend(usage.into_iter().filter(|(_, value)| !value.is_null())),
                        None => message.insert("usage", Value::Object(usage)),
                    }
                }
            }
            "message_stop" => self.is_over = true,
            _ => return None,
        }
        Some(())
    }

    fn held_bytes(&self) -> usize {
        self.bytes
    }

    fn answer(self: Box<Self>) -> Option<Value> {
        let Self { message, blocks, bytes: _, is_over } = *self;
        let mut message = message.filter(|_| is_over)?;
        let content: Option<Vec<Value>> = blocks.into_iter().map(Block::answer).collect();
        message.insert("content", content?.into());
        Some(Value::Object(message))
    }
}

impl Block {
    fn add(&mut self, mut delta: Map) -> Option<()> {
        let kind = delta.get("type").and_then(Value::as_str)?.to_owned();
        let mut text = |name: &str| match delta.get_mut(name).map(Value::take) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        match kind.as_str() {
            "text_delta" => self.say("text", &text("text")?),
            "thinking_delta" => self.say("thinking", &text("thinking")?),
            "signature_delta" => self.say("signature", &text("signature")?),
            "compaction_delta" => self.say("content", &text("content")?),
            "input_json_delta" => self.input.push_str(&text("partial_json")?),
            "citations_delta" => self.citations.push(delta.get_mut("citation").map(Value::take)?),
            _ => return None,
        }
        Some(())
    }

    fn say(&mut self, field: &'static str, text: &str) {
        match self.texts.iter_mut().find(|(own, _)| *own == field) {
            Some((_, so_far)) => so_far.push_str(text),
            None => self.texts.push((field, text.to_owned())),
        }
    }

    fn answer(self) -> Option<Value> {
        let Self { mut members, texts, input, citations } = self;
        for (name, text) in texts {
            let begun = members.get(name).and_then(Value::as_str).unwrap_or_default();
            let text = [begun, &text].concat();
            members.insert(name, text.into());
        }
        if !input.is_empty() {
            members.insert("input", json::parse(input.as_bytes()).ok()?);
        }
        if !citations.is_empty() {
            members.insert("citations", citations.into());
        }
        Some(Value::Object(members))
    }
}

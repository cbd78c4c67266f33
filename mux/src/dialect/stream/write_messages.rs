//! The events of a Messages stream.

use super::order::{Kind, Step};
use super::{WriteSteps, frame};
use crate::dialect::{Asked, Dialect, messages, usage_value, write_error};
use crate::json::{Value, json};

#[derive(Debug, Default)]
pub struct Writer {
    is_started: bool,
    /// Of the open block, or of the next one.
    index: usize,
    /// `type` of the open block's deltas, and the field of their text.
    delta: (&'static str, &'static str),
    has_refusal: bool,
}

impl WriteSteps for Writer {
    fn step(&mut self, step: Step<'_>, asked: &Asked, out: &mut Vec<u8>) {
        match step {
            Step::Start { id, model, created: _, usage } => {
                self.is_started = true;
                let message = json!({
                    "id": id,
                    "type": "message",
                    "role": "assistant",
                    "model": asked.model_of(model),
                    "content": [],
                    "stop_reason": null,
                    "stop_sequence": null,
                    "usage": usage_value(Dialect::Messages, &usage.cloned().unwrap_or_default()),
                });
                frame::typed(&json!({ "type": "message_start", "message": message }), out);
            }
            Step::Open(kind) => self.open(kind, asked, out),
            Step::Add(text) => self.delta(self.delta, text, out),
            Step::Signature(signature) => self.delta(("signature_delta", "signature"), signature, out),
            Step::Close => self.close(out),
            Step::Redacted(data) => {
                self.start(&json!({ "type": "redacted_thinking", "data": data }), out);
                self.close(out);
            }
            Step::End { finish, usage } => {
                let (reason, sequence) = messages::stop_reason(finish, self.has_refusal);
                let usage = usage_value(Dialect::Messages, &usage.cloned().unwrap_or_default());
                let delta = json!({ "stop_reason": reason, "stop_sequence": sequence });
                frame::typed(&json!({ "type": "message_delta", "delta": delta, "usage": usage }), out);
                frame::typed(&json!({ "type": "message_stop" }), out);
            }
            Step::Error { error, usage: _ } => frame::typed(&write_error(Dialect::Messages, error), out),
        }
    }

    /// The dialect's own event, once that is in order.
    fn alive(&mut self, comment: &[u8], out: &mut Vec<u8>) {
        if self.is_started {
            frame::typed(&json!({ "type": "ping" }), out);
        } else {
            out.extend_from_slice(comment);
        }
    }
}

impl Writer {
    fn open(&mut self, kind: &Kind, asked: &Asked, out: &mut Vec<u8>) {
        let block = match kind {
            Kind::Text | Kind::Refusal => {
                self.has_refusal |= *kind == Kind::Refusal;
                self.delta = ("text_delta", "text");
                json!({ "type": "text", "text": "" })
            }
            Kind::Thinking => {
                self.delta = ("thinking_delta", "thinking");
                json!({ "type": "thinking", "thinking": "", "signature": "" })
            }
            Kind::Tool(call) => {
                let call = asked.raise(call);
                self.delta = ("input_json_delta", "partial_json");
                json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": {} })
            }
        };
        self.start(&block, out);
    }

    fn start(&self, block: &Value, out: &mut Vec<u8>) {
        frame::typed(&json!({ "type": "content_block_start", "index": self.index, "content_block": block }), out);
    }

    fn delta(&self, (kind, field): (&str, &str), text: &str, out: &mut Vec<u8>) {
        frame::named("content_block_delta", out);
        out.extend_from_slice(br#"{"type":"content_block_delta","index":"#);
        frame::number(self.index, out);
        out.extend_from_slice(br#","delta":{"type":"#);
        frame::string(kind, out);
        out.push(b',');
        frame::string(field, out);
        out.push(b':');
        frame::string(text, out);
        out.extend_from_slice(b"}}");
        frame::end(out);
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        frame::typed(&json!({ "type": "content_block_stop", "index": self.index }), out);
        self.index += 1;
    }
}

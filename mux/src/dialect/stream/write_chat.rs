//! The chunks of a Chat Completions stream.

use super::order::{Kind, Step};
use super::{WriteSteps, frame};
use crate::dialect::model::{ToolCall, ToolKind};
use crate::dialect::{Asked, Dialect, chat, custom_input, usage_value, write_error};
use crate::json::json;
use crate::usage::Usage;

#[derive(Debug, Default)]
pub struct Writer {
    /// A chunk up to its choices, which is the same in all of them.
    head: Vec<u8>,
    open: Open,
    calls: usize,
    has_thoughts: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Open {
    #[default]
    Nothing,
    /// Text of this field.
    Said(&'static str),
    Call {
        kind: ToolKind,
        has_arguments: bool,
    },
}

impl WriteSteps for Writer {
    fn step(&mut self, step: Step<'_>, asked: &Asked, out: &mut Vec<u8>) {
        match step {
            Step::Start { id, model, created, usage: _ } => {
                self.set_head(id, asked.model_of(model), created.unwrap_or(asked.now));
                self.chunk(out, |out| out.extend_from_slice(br#"{"role":"assistant","content":""}"#));
            }
            Step::Open(kind) => self.open(kind, asked, out),
            Step::Add(text) => self.add(text, asked, out),
            Step::Close => {
                if let Open::Call { kind: ToolKind::Function | ToolKind::LocalShell, has_arguments: false } = self.open
                {
                    self.add("{}", asked, out);
                }
                self.open = Open::Nothing;
            }
            // A proof to its own provider only, which this dialect has no field for.
            Step::Signature(_) | Step::Redacted(_) => {}
            Step::End { finish, usage } => {
                let word = match chat::finish_word(finish) {
                    "tool_calls" if asked.legacy_functions => "function_call",
                    word => word,
                };
                self.head(out);
                out.extend_from_slice(br#"[{"index":0,"delta":{},"logprobs":null,"finish_reason":"#);
                frame::string(word, out);
                out.extend_from_slice(b"}]}\n\n");
                if let Some(usage) = usage.filter(|_| asked.include_usage) {
                    self.usage(usage, out);
                }
                out.extend_from_slice(b"data: [DONE]\n\n");
            }
            Step::Error { error, usage: _ } => frame::data(&write_error(Dialect::Chat, error), out),
        }
    }
}

impl Writer {
    fn set_head(&mut self, id: &str, model: &str, created: u64) {
        let head = json!({ "id": id, "object": "chat.completion.chunk", "created": created, "model": model });
        self.head = head.to_string().into_bytes();
        self.head.pop();
        self.head.extend_from_slice(br#","choices":"#);
    }

    fn head(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(&self.head);
    }

    /// A chunk with the delta that `write` writes.
    fn chunk(&self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        self.head(out);
        out.extend_from_slice(br#"[{"index":0,"delta":"#);
        write(out);
        out.extend_from_slice(b",\"logprobs\":null,\"finish_reason\":null}]}\n\n");
    }

    fn said(&self, field: &str, text: &str, out: &mut Vec<u8>) {
        self.chunk(out, |out| {
            out.push(b'{');
            frame::string(field, out);
            out.push(b':');
            frame::string(text, out);
            out.push(b'}');
        });
    }

    fn open(&mut self, kind: &Kind, asked: &Asked, out: &mut Vec<u8>) {
        self.open = match kind {
            Kind::Text => Open::Said("content"),
            Kind::Refusal => Open::Said("refusal"),
            Kind::Thinking => {
                // One field for all of it.
                if std::mem::replace(&mut self.has_thoughts, true) {
                    self.said("reasoning_content", "\n\n", out);
                }
                Open::Said("reasoning_content")
            }
            Kind::Tool(call) => {
                let call = asked.raise(call);
                self.calls += 1;
                self.call_start(&call, asked, out);
                Open::Call { kind: call.kind, has_arguments: false }
            }
        };
    }

    fn call_start(&self, call: &ToolCall, asked: &Asked, out: &mut Vec<u8>) {
        let ToolCall { id, name, kind, .. } = call;
        let index = self.calls - 1;
        let delta = match kind {
            _ if asked.legacy_functions && index > 0 => return,
            _ if asked.legacy_functions => json!({ "function_call": { "name": name, "arguments": "" } }),
            ToolKind::Custom => {
                let custom = json!({ "name": name, "input": "" });
                json!({ "tool_calls": [{ "index": index, "id": id, "type": "custom", "custom": custom }] })
            }
            ToolKind::Function | ToolKind::LocalShell => {
                let function = json!({ "name": name, "arguments": "" });
                json!({ "tool_calls": [{ "index": index, "id": id, "type": "function", "function": function }] })
            }
        };
        self.chunk(out, |out| crate::json::write(&delta, out));
    }

    fn add(&mut self, text: &str, asked: &Asked, out: &mut Vec<u8>) {
        match &mut self.open {
            Open::Nothing => {}
            Open::Said(field) => {
                let field = *field;
                self.said(field, text, out);
            }
            Open::Call { kind, has_arguments } => {
                let kind = *kind;
                *has_arguments = true;
                self.call_fragment(kind, text, asked, out);
            }
        }
    }

    fn call_fragment(&self, kind: ToolKind, text: &str, asked: &Asked, out: &mut Vec<u8>) {
        let index = self.calls.saturating_sub(1);
        if asked.legacy_functions {
            // The dialect of old knows one call an answer.
            if index == 0 {
                self.chunk(out, |out| {
                    out.extend_from_slice(br#"{"function_call":{"arguments":"#);
                    frame::string(text, out);
                    out.extend_from_slice(b"}}");
                });
            }
            return;
        }
        self.chunk(out, |out| {
            out.extend_from_slice(br#"{"tool_calls":[{"index":"#);
            frame::number(index, out);
            if kind == ToolKind::Custom {
                out.extend_from_slice(br#","custom":{"input":"#);
                frame::string(&custom_input(text), out);
            } else {
                out.extend_from_slice(br#","function":{"arguments":"#);
                frame::string(text, out);
            }
            out.extend_from_slice(b"}}]}");
        });
    }

    fn usage(&self, usage: &Usage, out: &mut Vec<u8>) {
        self.head(out);
        out.extend_from_slice(br#"[],"usage":"#);
        crate::json::write(&usage_value(Dialect::Chat, usage), out);
        out.extend_from_slice(b"}\n\n");
    }
}

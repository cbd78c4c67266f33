//! The events of a Responses stream.

use super::order::{Kind, Step};
use super::response::{Head, set};
use super::{WriteSteps, frame};
use crate::dialect::model::{ToolCall, ToolKind};
use crate::dialect::tools::hash;
use crate::dialect::{Asked, responses};
use crate::json::{Value, json};

#[derive(Debug, Default)]
pub struct Writer {
    head: Option<Head>,
    /// Of the next event.
    sequence_number: usize,
    /// Items that are done: the end repeats them.
    items: Vec<Value>,
    item: Item,
    /// What the open part says so far: its end repeats it.
    text: String,
    /// Bytes of text in `items` and in the open message.
    items_bytes: usize,
}

/// The open item.
#[derive(Debug, Default)]
enum Item {
    #[default]
    None,
    /// Goes on from part to part, until another kind of item begins.
    Message {
        id: String,
        content: Vec<Value>,
        is_refusal: bool,
    },
    Reasoning {
        id: String,
    },
    /// As the provider calls the tool.
    Call {
        call: ToolCall,
        kind: ToolKind,
        id: String,
    },
}

impl WriteSteps for Writer {
    fn step(&mut self, step: Step<'_>, asked: &Asked, out: &mut Vec<u8>) {
        match step {
            Step::Start { id, model, created, usage: _ } => {
                let head = Head { id: id.to_owned(), model: model.to_owned(), created };
                self.start(head, asked, out);
            }
            Step::Open(kind) => self.open(kind, asked, out),
            Step::Add(text) => self.add(text, out),
            Step::Close => self.close(asked, out),
            // A proof to its own provider only, which this dialect has no field for.
            Step::Signature(_) | Step::Redacted(_) => {}
            Step::End { finish, usage } => {
                let (status, _) = responses::status(finish);
                self.end_message(status, out);
                let (head, items) = (self.head.take().unwrap_or_default(), std::mem::take(&mut self.items));
                let response = head.complete(finish, usage, items, asked);
                self.event(json!({ "type": format!("response.{status}"), "response": response }), out);
            }
            Step::Error { error, usage } => {
                if self.head.is_none() {
                    let id = format!("{:016x}", hash(&error.message));
                    self.start(Head { id, ..Head::default() }, asked, out);
                }
                let (head, items) = (self.head.take().unwrap_or_default(), std::mem::take(&mut self.items));
                let response = head.failed(error, usage, items, asked);
                self.event(json!({ "type": "response.failed", "response": response }), out);
            }
        }
    }

    fn held_bytes(&self) -> usize {
        self.items_bytes + self.text.len()
    }
}

impl Writer {
    fn start(&mut self, head: Head, asked: &Asked, out: &mut Vec<u8>) {
        let response = head.begun(asked);
        self.event(json!({ "type": "response.created", "response": &response }), out);
        self.event(json!({ "type": "response.in_progress", "response": response }), out);
        self.head = Some(head);
    }

    fn event(&mut self, mut event: Value, out: &mut Vec<u8>) {
        set(&mut event, "sequence_number", json!(self.sequence_number));
        self.sequence_number += 1;
        frame::typed(&event, out);
    }

    fn item_id(&self, kind: &str) -> String {
        responses::item_id(kind, self.head.as_ref().map_or("", |head| &head.id), self.items.len())
    }

    fn item_added(&mut self, item: &Value, out: &mut Vec<u8>) {
        let index = self.items.len();
        self.event(json!({ "type": "response.output_item.added", "output_index": index, "item": item }), out);
    }

    fn item_done(&mut self, item: Value, out: &mut Vec<u8>) {
        let index = self.items.len();
        self.event(json!({ "type": "response.output_item.done", "output_index": index, "item": &item }), out);
        self.items.push(item);
    }

    /// An event within the open item, with what they all have.
    fn within(&mut self, kind: &str, id: &str, fields: Value, out: &mut Vec<u8>) {
        let mut event = json!({ "type": format!("response.{kind}"), "item_id": id, "output_index": self.items.len() });
        if let (Some(event), Value::Object(fields)) = (event.as_object_mut(), fields) {
            event.extend(fields);
        }
        self.event(event, out);
    }

    fn open(&mut self, kind: &Kind, asked: &Asked, out: &mut Vec<u8>) {
        let is_message = matches!(kind, Kind::Text | Kind::Refusal);
        if !is_message {
            self.end_message("completed", out);
        }
        match kind {
            Kind::Text | Kind::Refusal => self.open_content(*kind == Kind::Refusal, out),
            Kind::Thinking => {
                let id = self.item_id("rs");
                self.item_added(&json!({ "id": &id, "type": "reasoning", "summary": [] }), out);
                let part = json!({ "type": "summary_text", "text": "" });
                self.within("reasoning_summary_part.added", &id, json!({ "summary_index": 0, "part": part }), out);
                self.item = Item::Reasoning { id };
            }
            Kind::Tool(call) => self.open_call(call, asked, out),
        }
    }

    fn open_content(&mut self, is_refusal: bool, out: &mut Vec<u8>) {
        let (id, content) = match std::mem::take(&mut self.item) {
            Item::Message { id, content, .. } => (id, content),
            _ => {
                let id = self.item_id("msg");
                let item = json!({ "id": &id, "type": "message", "status": "in_progress", "role": "assistant", "content": [] });
                self.item_added(&item, out);
                (id, Vec::new())
            }
        };
        let fields = json!({ "content_index": content.len(), "part": content_part(is_refusal, "") });
        self.within("content_part.added", &id, fields, out);
        self.item = Item::Message { id, content, is_refusal };
    }

    fn open_call(&mut self, call: &ToolCall, asked: &Asked, out: &mut Vec<u8>) {
        let mut item = self.call_item(call, asked);
        let kind = asked.tool(&call.name).map_or(call.kind, |tool| tool.kind);
        let id = item.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        // What a shell is to run is not streamed: it comes with the whole item.
        if kind != ToolKind::LocalShell {
            set(&mut item, "status", json!("in_progress"));
            set(&mut item, if kind == ToolKind::Custom { "input" } else { "arguments" }, json!(""));
            self.item_added(&item, out);
        }
        self.item = Item::Call { call: call.clone(), kind, id };
    }

    fn call_item(&self, call: &ToolCall, asked: &Asked) -> Value {
        responses::write_call(call, self.head.as_ref().map_or("", |head| &head.id), self.items.len(), asked)
    }

    fn add(&mut self, text: &str, out: &mut Vec<u8>) {
        self.text.push_str(text);
        let (kind, id, place) = match &self.item {
            Item::Message { id, content, is_refusal: false } => {
                ("output_text", id, Some(("content_index", content.len())))
            }
            Item::Message { id, content, is_refusal: true } => ("refusal", id, Some(("content_index", content.len()))),
            Item::Reasoning { id } => ("reasoning_summary_text", id, Some(("summary_index", 0))),
            Item::Call { kind: ToolKind::Function, id, .. } => ("function_call_arguments", id, None),
            // Only the whole arguments tell the text in them.
            Item::Call { .. } | Item::None => return,
        };
        let index = self.items.len();
        let name = ["response.", kind, ".delta"].concat();
        frame::named(&name, out);
        out.extend_from_slice(br#"{"type":"#);
        frame::string(&name, out);
        out.extend_from_slice(br#","item_id":"#);
        frame::string(id, out);
        for (name, number) in [Some(("output_index", index)), place].into_iter().flatten() {
            count(name, number, out);
        }
        out.extend_from_slice(br#","delta":"#);
        frame::string(text, out);
        if kind == "output_text" {
            out.extend_from_slice(br#","logprobs":[]"#);
        }
        count("sequence_number", self.sequence_number, out);
        out.push(b'}');
        frame::end(out);
        self.sequence_number += 1;
    }

    fn close(&mut self, asked: &Asked, out: &mut Vec<u8>) {
        let text = std::mem::take(&mut self.text);
        self.items_bytes += text.len();
        match std::mem::take(&mut self.item) {
            Item::None => {}
            Item::Message { id, mut content, is_refusal } => {
                let (kind, field) = if is_refusal { ("refusal.done", "refusal") } else { ("output_text.done", "text") };
                let mut fields = json!({ "content_index": content.len(), field: &text });
                if !is_refusal {
                    set(&mut fields, "logprobs", json!([]));
                }
                self.within(kind, &id, fields, out);
                let part = content_part(is_refusal, &text);
                let fields = json!({ "content_index": content.len(), "part": &part });
                self.within("content_part.done", &id, fields, out);
                content.push(part);
                self.item = Item::Message { id, content, is_refusal };
            }
            Item::Reasoning { id } => {
                self.within("reasoning_summary_text.done", &id, json!({ "summary_index": 0, "text": &text }), out);
                let part = json!({ "type": "summary_text", "text": text });
                self.within("reasoning_summary_part.done", &id, json!({ "summary_index": 0, "part": &part }), out);
                self.item_done(json!({ "id": id, "type": "reasoning", "summary": [part] }), out);
            }
            Item::Call { call, kind, id } => {
                self.close_call(&ToolCall { arguments: text, ..call }, kind, &id, asked, out)
            }
        }
    }

    fn close_call(&mut self, call: &ToolCall, kind: ToolKind, id: &str, asked: &Asked, out: &mut Vec<u8>) {
        let item = self.call_item(call, asked);
        let said = |name: &str| item.get(name).cloned().unwrap_or_default();
        match kind {
            ToolKind::Function => {
                if call.arguments.is_empty() {
                    self.within("function_call_arguments.delta", id, json!({ "delta": said("arguments") }), out);
                }
                let fields = json!({ "name": said("name"), "arguments": said("arguments") });
                self.within("function_call_arguments.done", id, fields, out);
            }
            ToolKind::Custom => {
                self.within("custom_tool_call_input.delta", id, json!({ "delta": said("input") }), out);
                self.within("custom_tool_call_input.done", id, json!({ "input": said("input") }), out);
            }
            ToolKind::LocalShell => {
                let mut begun = item.clone();
                set(&mut begun, "status", json!("in_progress"));
                self.item_added(&begun, out);
            }
        }
        self.item_done(item, out);
    }

    /// The open message, if any, says no more.
    fn end_message(&mut self, status: &str, out: &mut Vec<u8>) {
        if let Item::Message { id, content, .. } = std::mem::take(&mut self.item) {
            let item = json!({
                "id": id,
                "type": "message",
                "status": status,
                "role": "assistant",
                "content": content,
            });
            self.item_done(item, out);
        }
    }
}

fn content_part(is_refusal: bool, text: &str) -> Value {
    if is_refusal {
        json!({ "type": "refusal", "refusal": text })
    } else {
        json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
    }
}

/// A further field that is a number.
fn count(name: &str, number: usize, out: &mut Vec<u8>) {
    out.push(b',');
    frame::string(name, out);
    out.push(b':');
    frame::number(number, out);
}

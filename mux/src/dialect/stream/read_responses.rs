//! The events of a Responses stream, of OpenAI and of servers that leave out some events or some of their fields.

use std::borrow::Cow;

use super::ReadEvents;
use crate::dialect::model::{Delta, ErrorKind, ProviderError, ToolKind};
use crate::dialect::{Dialect, read_error, responses};
use crate::usage::Fields;

/// Items of one answer. Past it the stream ends with an error.
const ITEMS_MAX: usize = 4_096;

/// What the local shell is called by those who don't know it.
const LOCAL_SHELL: &str = "local_shell";

#[derive(Debug, Default)]
pub struct Reader {
    items: Vec<Item>,
    calls: usize,
}

#[derive(Debug)]
struct Item {
    id: String,
    kind: Kind,
    /// The deltas that said something of it: what a `done` event says again is known.
    said: Said,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Message,
    Reasoning,
    Call {
        index: usize,
        arguments: &'static str,
    },
    /// What tools of the provider's own do: the text around tells what came of it.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Said {
    Nothing,
    /// Text, arguments, or a summary of the reasoning.
    This,
    /// The reasoning itself: its summary says no more.
    Reasoning,
}

impl ReadEvents for Reader {
    fn event(&mut self, name: &str, event: &Fields<'_>, data: &[u8], deltas: &mut Vec<Delta>) {
        let kind = event.string("type");
        let kind = kind.as_deref().unwrap_or(name);
        if kind == "error" {
            return deltas.push(Delta::Error(read_error(Dialect::Responses, 200, data)));
        }
        let Some(kind) = kind.strip_prefix("response.") else { return };
        match kind {
            "created" | "in_progress" => start(&event.object("response").unwrap_or_default(), deltas),
            "output_item.added" | "output_item.done" => {
                let item = event.object("item").unwrap_or_default();
                let index = self.item(&item, deltas);
                if kind == "output_item.done" {
                    self.item_done(index, &item, deltas);
                }
            }
            "completed" | "incomplete" => self.end(&event.object("response").unwrap_or_default(), deltas),
            "failed" | "cancelled" => {
                let response = event.text("response").unwrap_or(data);
                deltas.push(Delta::Error(read_error(Dialect::Responses, 200, response)));
            }
            _ => self.part(kind, event, deltas),
        }
        if self.items.len() > ITEMS_MAX {
            let message = format!("The provider's answer has more than {ITEMS_MAX} items; ask for less at once");
            deltas.push(Delta::Error(ProviderError { kind: ErrorKind::Server, message, code: None, param: None }));
        }
    }
}

fn start(response: &Fields<'_>, deltas: &mut Vec<Delta>) {
    let text = |name| response.string(name).unwrap_or_default().into_owned();
    deltas.push(Delta::Start { id: text("id"), model: text("model"), created: response.count("created_at") });
}

impl Reader {
    /// The item's place among all; it is begun if it was not yet.
    fn item(&mut self, item: &Fields<'_>, deltas: &mut Vec<Delta>) -> usize {
        let text = |name| item.string(name).unwrap_or_default().into_owned();
        let id = text("id");
        if let Some(known) = self.items.iter().rposition(|item| item.id == id && !id.is_empty()) {
            return known;
        }
        let namespace = item.string("namespace");
        let name = || responses::joined_name(namespace.as_deref(), &text("name"));
        let (kind, arguments) = match text("type").as_str() {
            "message" => (Kind::Message, None),
            "reasoning" => (Kind::Reasoning, None),
            "function_call" => (Kind::Other, Some((ToolKind::Function, "arguments", name()))),
            "custom_tool_call" => (Kind::Other, Some((ToolKind::Custom, "input", name()))),
            "local_shell_call" => (Kind::Other, Some((ToolKind::LocalShell, "action", LOCAL_SHELL.to_owned()))),
            _ => (Kind::Other, None),
        };
        let kind = match arguments {
            None => kind,
            Some((kind, arguments, name)) => {
                let index = self.calls;
                self.calls += 1;
                deltas.push(Delta::ToolStart { index, id: text("call_id"), name, kind });
                Kind::Call { index, arguments }
            }
        };
        self.items.push(Item { id, kind, said: Said::Nothing });
        self.items.len() - 1
    }

    /// What the whole item says beyond what was streamed of it.
    fn item_done(&mut self, index: usize, whole: &Fields<'_>, deltas: &mut Vec<Delta>) {
        let Some(item) = self.items.get_mut(index) else { return };
        let is_new = item.said == Said::Nothing;
        match item.kind {
            Kind::Call { index, arguments } => {
                let fragment = match whole.string(arguments) {
                    Some(text) => text.into_owned(),
                    None => String::from_utf8_lossy(whole.text(arguments).unwrap_or_default()).into_owned(),
                };
                if is_new {
                    deltas.push(Delta::ToolArguments { index, fragment });
                }
                deltas.push(Delta::ToolEnd { index });
            }
            Kind::Message if is_new => {
                for part in whole.objects("content") {
                    let text = |name| part.string(name).map(Cow::into_owned);
                    deltas.extend(text("text").map(Delta::Text).or_else(|| text("refusal").map(Delta::Refusal)));
                    deltas.push(Delta::PartEnd);
                }
            }
            Kind::Reasoning if is_new => {
                let texts = [texts(&whole.objects("content")), texts(&whole.objects("summary"))];
                deltas.extend(texts.into_iter().find(|text| !text.is_empty()).map(Delta::Thinking));
                deltas.push(Delta::PartEnd);
            }
            Kind::Message | Kind::Reasoning | Kind::Other => deltas.push(Delta::PartEnd),
        }
        item.said = Said::This;
    }

    /// Events within an item. Some servers leave out its id: then it is the last one.
    fn part(&mut self, kind: &str, event: &Fields<'_>, deltas: &mut Vec<Delta>) {
        let id = event.string("item_id").unwrap_or_default();
        let known = self.items.iter_mut().rev().find(|item| id.is_empty() || item.id == id);
        let text = |name| event.string(name).unwrap_or_default().into_owned();
        let Some(item) = known else {
            // Nothing is known of the item but that it says this.
            deltas.extend((kind == "output_text.delta").then(|| Delta::Text(text("delta"))));
            return;
        };
        let before = item.said;
        let is_new = before == Said::Nothing;
        item.said = match (kind, item.kind) {
            ("output_text.delta", _) => {
                deltas.push(Delta::Text(text("delta")));
                Said::This
            }
            ("output_text.done", _) if is_new => {
                deltas.push(Delta::Text(text("text")));
                Said::This
            }
            ("refusal.delta", _) => {
                deltas.push(Delta::Refusal(text("delta")));
                Said::This
            }
            ("reasoning_text.delta", _) if before != Said::This => {
                deltas.push(Delta::Thinking(text("delta")));
                Said::Reasoning
            }
            ("reasoning_summary_text.delta", _) if before != Said::Reasoning => {
                deltas.push(Delta::Thinking(text("delta")));
                Said::This
            }
            ("reasoning_summary_part.added", _) if before == Said::This => {
                deltas.push(Delta::Thinking("\n\n".to_owned()));
                before
            }
            ("content_part.done", Kind::Message) => {
                deltas.push(Delta::PartEnd);
                before
            }
            ("function_call_arguments.delta" | "custom_tool_call_input.delta", Kind::Call { index, .. }) => {
                deltas.push(Delta::ToolArguments { index, fragment: text("delta") });
                Said::This
            }
            _ => before,
        };
    }

    fn end(&mut self, response: &Fields<'_>, deltas: &mut Vec<Delta>) {
        start(response, deltas);
        if self.items.is_empty() {
            for item in response.objects("output") {
                let index = self.item(&item, deltas);
                self.item_done(index, &item, deltas);
            }
        }
        let details = response.object("incomplete_details").unwrap_or_default();
        let status = response.string("status").unwrap_or_default();
        deltas.push(Delta::Finish(responses::finish(&status, details.string("reason").as_deref(), self.calls > 0)));
        deltas.push(Delta::End);
    }
}

fn texts(parts: &[Fields<'_>]) -> String {
    let texts: Vec<_> = parts.iter().filter_map(|part| part.string("text")).collect();
    texts.join("\n\n")
}

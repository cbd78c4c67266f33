//! The chunks of a Chat Completions stream.

use std::borrow::Cow;

use super::ReadEvents;
use super::braces::Braces;
use crate::dialect::model::{Delta, ErrorKind, ProviderError, ToolKind};
use crate::dialect::{Dialect, chat, read_error};
use crate::usage::Fields;

/// Tool calls of one answer. Calls past it are not told apart from the last one.
const CALLS_MAX: usize = 4_096;

/// Names that servers give the text of their reasoning. Some send it under both.
const REASONING: [&str; 2] = ["reasoning_content", "reasoning"];

#[derive(Debug, Default)]
pub struct Reader {
    is_started: bool,
    is_finished: bool,
    calls: Vec<Call>,
}

/// A call that was begun.
#[derive(Debug)]
struct Call {
    /// The provider's count.
    index: u64,
    id: String,
    braces: Braces,
}

impl ReadEvents for Reader {
    fn event(&mut self, name: &str, event: &Fields<'_>, data: &[u8], deltas: &mut Vec<Delta>) {
        let choices = event.objects("choices");
        self.start(event, !choices.is_empty(), deltas);
        // Others than the first were not asked for.
        for choice in choices.iter().filter(|choice| choice.count("index").unwrap_or(0) == 0) {
            // Some servers put all they have to say into one chunk, spelled like a plain answer.
            if let Some(delta) = choice.object("delta").or_else(|| choice.object("message")) {
                self.delta(&delta, deltas);
            }
            if let Some(word) = choice.string("finish_reason").filter(|word| !word.is_empty()) {
                self.is_finished = true;
                deltas.push(Delta::Finish(chat::finish(&word, !self.calls.is_empty())));
                if word == "error" && event.text("error").is_none() {
                    deltas.push(Delta::Error(unsaid_error()));
                }
            }
        }
        if event.text("error").is_some() || name == "error" {
            deltas.push(Delta::Error(read_error(Dialect::Chat, 200, data)));
        }
    }

    fn done(&mut self, deltas: &mut Vec<Delta>) {
        deltas.push(Delta::End);
    }

    /// `[DONE]` says nothing that the finish reason has not said, and some servers leave it out.
    fn is_complete(&self) -> bool {
        self.is_finished
    }
}

impl Reader {
    /// A chunk ahead of the answer (Azure's about the prompt) tells neither id nor model.
    fn start(&mut self, event: &Fields<'_>, has_choices: bool, deltas: &mut Vec<Delta>) {
        if self.is_started {
            return;
        }
        let id = event.string("id").unwrap_or_default();
        if id.is_empty() && !has_choices {
            return;
        }
        self.is_started = true;
        let model = event.string("model").unwrap_or_default().into_owned();
        deltas.push(Delta::Start { id: id.into_owned(), model, created: event.count("created") });
    }

    fn delta(&mut self, delta: &Fields<'_>, deltas: &mut Vec<Delta>) {
        let filled = |name| delta.string(name).filter(|text| !text.is_empty()).map(Cow::into_owned);
        deltas.extend(REASONING.into_iter().find_map(filled).map(Delta::Thinking));
        match filled("content") {
            Some(text) => deltas.push(Delta::Text(text)),
            None => content_parts(&delta.objects("content"), deltas),
        }
        deltas.extend(filled("refusal").map(Delta::Refusal));
        for (position, entry) in delta.objects("tool_calls").iter().enumerate() {
            self.tool_call(entry, position as u64, deltas);
        }
        if let Some(function) = delta.object("function_call") {
            self.call_fragment(0, "", ToolKind::Function, &function, "arguments", deltas);
        }
    }

    fn tool_call(&mut self, entry: &Fields<'_>, position: u64, deltas: &mut Vec<Delta>) {
        let index = entry.count("index").unwrap_or(position);
        let id = entry.string("id").unwrap_or_default();
        match entry.object("custom") {
            Some(custom) => self.call_fragment(index, &id, ToolKind::Custom, &custom, "input", deltas),
            None => {
                let function = entry.object("function").unwrap_or_default();
                self.call_fragment(index, &id, ToolKind::Function, &function, "arguments", deltas);
            }
        }
    }

    fn call_fragment(
        &mut self,
        index: u64,
        id: &str,
        kind: ToolKind,
        call: &Fields<'_>,
        arguments: &str,
        deltas: &mut Vec<Delta>,
    ) {
        let name = call.string("name").unwrap_or_default();
        let begun = self.calls.iter().rposition(|call| call.index == index);
        let begun = begun.filter(|at| self.calls.get(*at).is_some_and(|call| !call.is_another(id, &name)));
        let at = match begun {
            Some(at) => at,
            None if self.calls.len() < CALLS_MAX => {
                let at = self.calls.len();
                self.calls.push(Call { index, id: id.to_owned(), braces: Braces::default() });
                deltas.push(Delta::ToolStart { index: at, id: id.to_owned(), name: name.into_owned(), kind });
                at
            }
            None => return,
        };
        let fragment = match call.string(arguments) {
            Some(text) => text.into_owned(),
            // Some servers forget to make it a string.
            None => call.text(arguments).map(|value| String::from_utf8_lossy(value).into_owned()).unwrap_or_default(),
        };
        if !fragment.is_empty() {
            if let Some(call) = self.calls.get_mut(at) {
                call.braces.feed(&fragment);
            }
            deltas.push(Delta::ToolArguments { index: at, fragment });
        }
    }
}

impl Call {
    /// Whether a fragment begins another call, though of the same index: some servers count every call as 0.
    fn is_another(&self, id: &str, name: &str) -> bool {
        let is_renamed = !id.is_empty() && !self.id.is_empty() && id != self.id;
        let is_repeated = id.is_empty() && self.id.is_empty() && self.braces.has_ended();
        !name.is_empty() && (is_renamed || is_repeated)
    }
}

/// Content in parts, as Mistral's models stream it.
fn content_parts(parts: &[Fields<'_>], deltas: &mut Vec<Delta>) {
    for part in parts {
        let thoughts = part.objects("thinking");
        deltas.extend(
            thoughts.iter().filter_map(|thought| thought.string("text")).map(Cow::into_owned).map(Delta::Thinking),
        );
        deltas.extend(part.string("text").map(Cow::into_owned).map(Delta::Text));
    }
}

fn unsaid_error() -> ProviderError {
    let message = "The provider ended its answer with an error and did not say which; try again".to_owned();
    ProviderError { kind: ErrorKind::Server, message, code: None, param: None }
}

//! The events of a Messages stream.

use std::borrow::Cow;

use super::ReadEvents;
use crate::dialect::model::{Delta, ErrorKind, ProviderError, ToolKind};
use crate::dialect::{Dialect, messages, read_error};
use crate::usage::Fields;

/// Content blocks that are open at a time. Past it the stream ends with an error.
const BLOCKS_MAX: usize = 1_024;

#[derive(Debug, Default)]
pub struct Reader {
    open: Vec<Block>,
    calls: usize,
}

#[derive(Debug)]
struct Block {
    /// The provider's count.
    index: u64,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Text or reasoning.
    Said,
    /// `input` is what the block began with; fragments that follow replace it.
    Tool { index: usize, input: Option<String> },
    /// What tools of the provider's own do: the text around tells what came of it.
    Ignored,
}

impl ReadEvents for Reader {
    fn event(&mut self, name: &str, event: &Fields<'_>, data: &[u8], deltas: &mut Vec<Delta>) {
        let index = event.count("index").unwrap_or(0);
        let kind = event.string("type");
        match kind.as_deref().unwrap_or(name) {
            "message_start" => {
                let message = event.object("message").unwrap_or_default();
                let text = |name| message.string(name).unwrap_or_default().into_owned();
                deltas.push(Delta::Start { id: text("id"), model: text("model"), created: None });
            }
            "content_block_start" => {
                self.block_start(index, &event.object("content_block").unwrap_or_default(), deltas);
            }
            "content_block_delta" => self.block_delta(index, &event.object("delta").unwrap_or_default(), deltas),
            "content_block_stop" => self.block_stop(index, deltas),
            "message_delta" => {
                let delta = event.object("delta").unwrap_or_default();
                if let Some(word) = delta.string("stop_reason") {
                    let sequence = delta.string("stop_sequence").map(Cow::into_owned);
                    deltas.push(Delta::Finish(messages::finish(&word, sequence)));
                }
            }
            "message_stop" => deltas.push(Delta::End),
            "ping" => deltas.push(Delta::Ping),
            "error" => deltas.push(Delta::Error(read_error(Dialect::Messages, 200, data))),
            _ => {}
        }
    }
}

impl Reader {
    fn block_start(&mut self, index: u64, block: &Fields<'_>, deltas: &mut Vec<Delta>) {
        let text = |name| block.string(name).unwrap_or_default().into_owned();
        let kind = match text("type").as_str() {
            "text" => {
                deltas.push(Delta::Text(text("text")));
                Kind::Said
            }
            "compaction" => {
                deltas.push(Delta::Text(text("content")));
                Kind::Said
            }
            "thinking" => {
                deltas.push(Delta::Thinking(text("thinking")));
                deltas.extend(signature(block));
                Kind::Said
            }
            "redacted_thinking" => {
                deltas.push(Delta::RedactedThinking(text("data")));
                Kind::Ignored
            }
            "tool_use" => {
                let call = self.calls;
                self.calls += 1;
                deltas.push(Delta::ToolStart {
                    index: call,
                    id: text("id"),
                    name: text("name"),
                    kind: ToolKind::Function,
                });
                let input = block.text("input").map(|input| String::from_utf8_lossy(input).into_owned());
                Kind::Tool { index: call, input }
            }
            _ => Kind::Ignored,
        };
        self.open.push(Block { index, kind });
        if self.open.len() > BLOCKS_MAX {
            let message = format!("The provider opened more than {BLOCKS_MAX} content blocks at once; ask for less");
            deltas.push(Delta::Error(ProviderError { kind: ErrorKind::Server, message, code: None, param: None }));
        }
    }

    fn block_delta(&mut self, index: u64, delta: &Fields<'_>, deltas: &mut Vec<Delta>) {
        let mut unknown = Kind::Said;
        let open = self.open.iter_mut().rev().find(|block| block.index == index);
        let kind = open.map_or(&mut unknown, |block| &mut block.kind);
        let text = |name| delta.string(name).unwrap_or_default().into_owned();
        let delta = match (delta.string("type").as_deref().unwrap_or_default(), kind) {
            (_, Kind::Ignored) => return,
            ("input_json_delta", Kind::Tool { index, input }) => {
                let fragment = text("partial_json");
                if !fragment.is_empty() {
                    *input = None;
                }
                Delta::ToolArguments { index: *index, fragment }
            }
            ("text_delta", _) => Delta::Text(text("text")),
            ("compaction_delta", _) => Delta::Text(text("content")),
            ("thinking_delta", _) => Delta::Thinking(text("thinking")),
            ("signature_delta", _) => return deltas.extend(signature(delta)),
            _ => return,
        };
        deltas.push(delta);
    }

    fn block_stop(&mut self, index: u64, deltas: &mut Vec<Delta>) {
        let Some(at) = self.open.iter().rposition(|block| block.index == index) else { return };
        match self.open.remove(at).kind {
            Kind::Said => deltas.push(Delta::PartEnd),
            Kind::Tool { index, input } => {
                deltas.extend(input.map(|fragment| Delta::ToolArguments { index, fragment }));
                deltas.push(Delta::ToolEnd { index });
            }
            Kind::Ignored => {}
        }
    }
}

fn signature(fields: &Fields<'_>) -> Option<Delta> {
    let signature = fields.string("signature").filter(|signature| !signature.is_empty())?;
    Some(Delta::Signature(signature.into_owned()))
}

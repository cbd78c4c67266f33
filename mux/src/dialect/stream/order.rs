//! From a reader's deltas to the one sequence that every writer can rely on.
//!
//! Whatever the provider's order, steps come as: `Start`; each part as `Open`, `Add`s and `Close`, one after the other;
//! `End` or `Error`. Parts that the provider interleaves wait for the one before them. Finish and usage, which providers
//! say at many places and more than once, come with `End`.

use std::collections::VecDeque;

use super::braces::Braces;
use crate::dialect::Asked;
use crate::dialect::model::{Delta, ErrorKind, FinishReason, ProviderError, ToolCall, ToolKind};
use crate::dialect::tools::{hash, made_id};
use crate::usage::Usage;

/// Parts of an answer that may wait for the one before them. Past it the stream ends with an error.
pub const PARTS_MAX: usize = 1_024;

/// What a writer is told.
#[derive(Debug)]
pub enum Step<'a> {
    /// `usage` is what is known of it so early.
    Start {
        id: &'a str,
        model: &'a str,
        created: Option<u64>,
        usage: Option<&'a Usage>,
    },
    Open(&'a Kind),
    /// More of the open part; never empty. Arguments of a tool that the client knows as free text come as a whole.
    Add(&'a str),
    /// Of the open reasoning, after its text.
    Signature(&'a str),
    Close,
    /// A part of its own, between others.
    Redacted(&'a str),
    End {
        finish: &'a FinishReason,
        usage: Option<&'a Usage>,
    },
    Error {
        error: &'a ProviderError,
        usage: Option<&'a Usage>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Text,
    Refusal,
    Thinking,
    /// As the provider calls the tool; the arguments are added.
    Tool(ToolCall),
}

type Write<'a> = &'a mut dyn FnMut(Step<'_>);

#[derive(Debug, Default)]
pub struct Order {
    phase: Phase,
    id: String,
    /// The first one is being written, the others wait.
    parts: VecDeque<Part>,
    /// Bytes that wait in `parts`.
    held_bytes: usize,
    has_calls: bool,
    finish: Option<FinishReason>,
    usage: Option<Usage>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Phase {
    #[default]
    Waiting,
    Started,
    Over,
}

#[derive(Debug)]
struct Part {
    body: Body,
    /// What was not written yet.
    text: String,
    is_open: bool,
    is_ended: bool,
}

#[derive(Debug)]
enum Body {
    Said { kind: Kind, signature: Option<String> },
    Redacted,
    Call { index: usize, kind: Kind, braces: Braces, is_whole: bool },
}

impl Order {
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    pub fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// `seed` is what an answer without an id gets one of.
    pub fn delta(&mut self, delta: Delta, seed: &[u8], asked: &Asked, write: Write<'_>) {
        if self.is_over() {
            return;
        }
        match delta {
            Delta::Start { id, model, created } => self.start(id, &model, created, seed, write),
            Delta::Finish(finish) => self.finish = Some(finish),
            Delta::Usage(usage) => self.usage = Some(usage),
            Delta::Error(error) => self.fail(&error, write),
            Delta::End if self.phase == Phase::Waiting => self.fail(&nothing_said(), write),
            Delta::End => self.end(write),
            part => {
                if self.phase == Phase::Waiting {
                    self.start(String::new(), "", None, seed, write);
                }
                self.part(part, asked);
                self.advance(write);
                if self.parts.len() > PARTS_MAX {
                    self.fail(&too_many_parts(), write);
                }
            }
        }
    }

    fn start(&mut self, id: String, model: &str, created: Option<u64>, seed: &[u8], write: Write<'_>) {
        if self.phase != Phase::Waiting {
            return;
        }
        self.phase = Phase::Started;
        self.id = if id.is_empty() { format!("{:016x}", hash(seed)) } else { id };
        write(Step::Start { id: &self.id, model, created, usage: self.usage.as_ref() });
    }

    fn part(&mut self, delta: Delta, asked: &Asked) {
        match delta {
            Delta::Text(text) => self.say(Kind::Text, text),
            Delta::Refusal(text) => self.say(Kind::Refusal, text),
            Delta::Thinking(text) => self.say(Kind::Thinking, text),
            Delta::Signature(signed) => self.sign(signed),
            Delta::RedactedThinking(data) => self.push(Body::Redacted, data, true),
            Delta::PartEnd => {
                if let Some(part) = self.parts.back_mut().filter(|part| matches!(part.body, Body::Said { .. })) {
                    part.is_ended = true;
                }
            }
            Delta::ToolStart { index, id, name, kind } => self.call(index, id, name, kind, asked),
            Delta::ToolArguments { index, fragment } => self.arguments(index, fragment),
            Delta::ToolEnd { index } => {
                if let Some(part) = self.call_mut(index) {
                    part.is_ended = true;
                }
            }
            Delta::Start { .. } | Delta::Ping | Delta::Finish(_) | Delta::Usage(_) | Delta::Error(_) | Delta::End => {}
        }
    }

    fn say(&mut self, said: Kind, text: String) {
        if text.is_empty() {
            return;
        }
        match self.parts.back_mut() {
            Some(part) if part.goes_on_as(&said) => {
                self.held_bytes += text.len();
                part.add(text);
            }
            _ => self.push(Body::Said { kind: said, signature: None }, text, false),
        }
    }

    fn sign(&mut self, signed: String) {
        let is_open = self.parts.back().is_some_and(|part| part.goes_on_as(&Kind::Thinking));
        if !is_open {
            self.push(Body::Said { kind: Kind::Thinking, signature: None }, String::new(), false);
        }
        let Some(part) = self.parts.back_mut() else { return };
        part.is_ended = true;
        if let Body::Said { signature, .. } = &mut part.body {
            self.held_bytes += signed.len();
            *signature = Some(signed);
        }
    }

    fn call(&mut self, index: usize, id: String, name: String, kind: ToolKind, asked: &Asked) {
        self.has_calls = true;
        let id = if id.is_empty() { made_id(&self.id, index) } else { id };
        // Free text lies escaped in the arguments.
        let is_whole = asked.tool(&name).is_some_and(|tool| tool.kind == ToolKind::Custom);
        self.held_bytes += id.len() + name.len();
        let kind = Kind::Tool(ToolCall { id, name, kind, arguments: String::new(), cache: None });
        self.push(Body::Call { index, kind, braces: Braces::default(), is_whole }, String::new(), false);
    }

    /// What comes after a call's end is no argument of it.
    fn arguments(&mut self, index: usize, fragment: String) {
        let length = fragment.len();
        let Some(part) = self.call_mut(index).filter(|part| !part.is_ended) else { return };
        if let Body::Call { braces, .. } = &mut part.body {
            braces.feed(&fragment);
        }
        part.add(fragment);
        self.held_bytes += length;
    }

    fn call_mut(&mut self, index: usize) -> Option<&mut Part> {
        let is_it = |part: &&mut Part| matches!(part.body, Body::Call { index: own, .. } if own == index);
        self.parts.iter_mut().rev().find(is_it)
    }

    fn push(&mut self, body: Body, text: String, is_ended: bool) {
        self.held_bytes += text.len();
        self.parts.push_back(Part { body, text, is_open: false, is_ended });
    }

    /// Writes what can be written of the waiting parts.
    fn advance(&mut self, write: Write<'_>) {
        loop {
            let has_next = self.parts.len() > 1;
            let Some(part) = self.parts.front_mut() else { break };
            self.held_bytes = self.held_bytes.saturating_sub(part.write(has_next, write));
            if !part.has_ended(has_next) {
                break;
            }
            self.parts.pop_front();
        }
    }

    fn end(&mut self, write: Write<'_>) {
        self.parts.iter_mut().for_each(|part| part.is_ended = true);
        self.advance(write);
        self.phase = Phase::Over;
        let unsaid = if self.has_calls { FinishReason::ToolCalls } else { FinishReason::Stop };
        write(Step::End { finish: self.finish.as_ref().unwrap_or(&unsaid), usage: self.usage.as_ref() });
    }

    fn fail(&mut self, error: &ProviderError, write: Write<'_>) {
        self.phase = Phase::Over;
        self.parts.clear();
        self.held_bytes = 0;
        write(Step::Error { error, usage: self.usage.as_ref() });
    }
}

impl Part {
    fn goes_on_as(&self, said: &Kind) -> bool {
        !self.is_ended && matches!(&self.body, Body::Said { kind, .. } if kind == said)
    }

    fn add(&mut self, text: String) {
        if self.text.is_empty() {
            self.text = text;
        } else {
            self.text.push_str(&text);
        }
    }

    /// Whether nothing can follow in this part. Providers don't say when a call ends, but by beginning the next part:
    /// then a call whose arguments are whole has ended, and any other may go on.
    fn has_ended(&self, has_next: bool) -> bool {
        self.is_ended
            || has_next
                && match &self.body {
                    Body::Said { .. } | Body::Redacted => true,
                    Body::Call { braces, .. } => braces.has_ended(),
                }
    }

    /// Writes this part, which is the first one, as far as it goes. Returns how many bytes are no longer held.
    fn write(&mut self, has_next: bool, write: Write<'_>) -> usize {
        let has_ended = self.has_ended(has_next);
        let mut released = 0;
        let (kind, is_whole) = match &self.body {
            Body::Redacted => {
                write(Step::Redacted(&self.text));
                return self.text.len();
            }
            Body::Said { kind, .. } => (kind, false),
            Body::Call { kind, is_whole, .. } => (kind, *is_whole),
        };
        if !std::mem::replace(&mut self.is_open, true) {
            write(Step::Open(kind));
            if let Kind::Tool(call) = kind {
                released += call.id.len() + call.name.len();
            }
        }
        if !self.text.is_empty() && (has_ended || !is_whole) {
            write(Step::Add(&self.text));
            released += self.text.len();
            self.text.clear();
        }
        if has_ended {
            if let Body::Said { signature: Some(signature), .. } = &self.body {
                write(Step::Signature(signature));
                released += signature.len();
            }
            write(Step::Close);
        }
        released
    }
}

fn server_error(message: String) -> ProviderError {
    ProviderError { kind: ErrorKind::Server, message, code: None, param: None }
}

fn nothing_said() -> ProviderError {
    server_error("The provider's answer ended before it began; try again".to_owned())
}

fn too_many_parts() -> ProviderError {
    server_error(format!(
        "The provider began more than {PARTS_MAX} parts of its answer at once; ask for fewer tool calls at once"
    ))
}

//! A provider's event stream in the client's dialect, event by event.
//!
//! A reader per dialect turns events into the neutral [`Delta`]s, [`Order`] puts these into the one sequence of
//! [`Step`]s that every writer can rely on, and a writer per dialect turns each step into events. No code knows two
//! dialects. A stream that the provider did not complete is never completed here: it ends with an error.

mod braces;
pub(crate) mod frame;
mod order;
mod read_chat;
mod read_messages;
mod read_responses;
mod response;
mod write_chat;
mod write_messages;
mod write_responses;

use std::fmt::Debug;

use super::model::{Delta, ErrorKind, ProviderError};
use super::{Asked, Dialect, read_error};
use crate::sse::{Event, Piece, SSE_EVENT_BYTES_MAX, Splitter};
use crate::usage::{self, Fields};

pub use order::PARTS_MAX;
use order::{Order, Step};

/// Bytes of an answer that are held until they can be written: tool calls that wait for the one before them and, for a
/// client of Responses, all that was said, which that dialect repeats at the end. Past it the stream ends with an error.
/// A million tokens fit.
pub const HELD_BYTES_MAX: usize = 4 << 20;

/// What passes for a comment where the provider's dialect has an event of its own that only says it is still there.
const PING: &[u8] = b": ping\n\n";

/// From a provider's events to deltas. Holds what an event leaves to be said by a later one.
trait ReadEvents: Debug {
    /// `event` is the data as an object, `data` the same as it came, `name` what the stream calls it.
    fn event(&mut self, name: &str, event: &Fields<'_>, data: &[u8], deltas: &mut Vec<Delta>);

    /// The provider sent `[DONE]`.
    fn done(&mut self, _deltas: &mut Vec<Delta>) {}

    /// Whether the answer is complete although the provider did not say [`Delta::End`].
    fn is_complete(&self) -> bool {
        false
    }
}

/// From steps to a client's events.
trait WriteSteps: Debug {
    fn step(&mut self, step: Step<'_>, asked: &Asked, out: &mut Vec<u8>);

    /// The provider is still there: what it said to that end, as a comment.
    fn alive(&mut self, comment: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(comment);
    }

    fn held_bytes(&self) -> usize {
        0
    }
}

/// Fed with a provider's bytes, however they are split; gives the client's bytes as soon as they can be written.
#[derive(Debug)]
pub struct StreamTranslator {
    splitter: Splitter,
    translation: Translation,
}

impl StreamTranslator {
    pub fn new(from: Dialect, to: Dialect, asked: &Asked) -> Self {
        let reader: Box<dyn ReadEvents> = match from {
            Dialect::Messages => Box::<read_messages::Reader>::default(),
            Dialect::Responses => Box::<read_responses::Reader>::default(),
            Dialect::Chat | Dialect::Completions | Dialect::Embeddings => Box::<read_chat::Reader>::default(),
        };
        let writer: Box<dyn WriteSteps> = match to {
            Dialect::Messages => Box::<write_messages::Writer>::default(),
            Dialect::Responses => Box::<write_responses::Writer>::default(),
            Dialect::Chat | Dialect::Completions | Dialect::Embeddings => Box::<write_chat::Writer>::default(),
        };
        let translation = Translation {
            from,
            asked: asked.clone(),
            reader,
            order: Order::default(),
            writer,
            usage: usage::Stream::new(from),
            deltas: Vec::new(),
        };
        Self { splitter: Splitter::new(), translation }
    }

    /// Takes the provider's next bytes; appends to `out` what can be written now.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let translation = &mut self.translation;
        self.splitter.push(bytes, |piece| match piece {
            Piece::Event(event) => translation.event(&event, out),
            Piece::Overlong(_) => translation.fail(
                ErrorKind::Server,
                &format!("The provider sent an event of more than {SSE_EVENT_BYTES_MAX} bytes; ask for less at once"),
                out,
            ),
            Piece::Opaque(_) => {}
        });
    }

    /// What the provider's own events told of usage so far.
    pub fn usage(&self) -> &usage::Stream {
        &self.translation.usage
    }

    /// The provider's stream ended, in order or not: appends what must still be written. A stream that was cut off ends
    /// with an error in the client's dialect.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let is_cut = self.splitter.finish().is_some_and(|rest| self.translation.rest(&rest, out));
        self.translation.end(is_cut, out);
    }
}

/// All but the splitting.
#[derive(Debug)]
struct Translation {
    from: Dialect,
    asked: Asked,
    reader: Box<dyn ReadEvents>,
    order: Order,
    writer: Box<dyn WriteSteps>,
    usage: usage::Stream,
    /// Empty between events.
    deltas: Vec<Delta>,
}

impl Translation {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        let tells_usage = self.usage.event(&event.data);
        if self.order.is_over() {
            return;
        }
        let data = event.data.trim_ascii();
        let name = event.name.and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
        if data.is_empty() {
            let comments = frame::comments(event.raw);
            if !comments.is_empty() {
                self.writer.alive(&comments, out);
            }
        } else if data == b"[DONE]" {
            self.reader.done(&mut self.deltas);
        } else if let Some(fields) = Fields::parse(data) {
            // Ahead of the event's own deltas: it may also end the stream.
            self.deltas.extend(tells_usage.then(|| self.usage.usage()).flatten().map(Delta::Usage));
            self.reader.event(name, &fields, data, &mut self.deltas);
        } else {
            // What some servers say when they fail.
            self.deltas.push(Delta::Error(read_error(self.from, 200, data)));
        }
        self.deliver(data, out);
    }

    /// What no blank line ended. Returns whether it is the beginning of something lost.
    fn rest(&mut self, rest: &Event<'_>, out: &mut Vec<u8>) -> bool {
        let data = rest.data.trim_ascii();
        if data == b"[DONE]" || Fields::parse(data).is_some() {
            self.event(rest, out);
            return false;
        }
        !rest.raw.trim_ascii().is_empty() && !rest.raw.starts_with(b":")
    }

    fn end(&mut self, is_cut: bool, out: &mut Vec<u8>) {
        if self.order.is_over() {
            return;
        }
        if self.reader.is_complete() && !is_cut {
            self.deltas.push(Delta::End);
            return self.deliver(&[], out);
        }
        self.fail(ErrorKind::Server, "The provider's answer broke off before it was complete; try again", out);
    }

    /// `data` is the event that the deltas came of.
    fn deliver(&mut self, data: &[u8], out: &mut Vec<u8>) {
        let Self { asked, order, writer, deltas, .. } = self;
        for delta in deltas.drain(..) {
            if delta == Delta::Ping {
                writer.alive(PING, out);
                continue;
            }
            order.delta(delta, data, asked, &mut |step| writer.step(step, asked, out));
        }
        if order.held_bytes() + writer.held_bytes() > HELD_BYTES_MAX {
            let message = format!("The answer is longer than {HELD_BYTES_MAX} bytes can hold; ask for less at once");
            self.fail(ErrorKind::Server, &message, out);
        }
    }

    fn fail(&mut self, kind: ErrorKind, message: &str, out: &mut Vec<u8>) {
        let Self { asked, order, writer, .. } = self;
        let error = ProviderError { kind, message: message.to_owned(), code: None, param: None };
        order.delta(Delta::Error(error), &[], asked, &mut |step| writer.step(step, asked, out));
    }
}

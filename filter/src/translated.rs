//! A provider's answer in another dialect than the client's, on its way to become the client's own.
//!
//! A plain answer is held until it is whole; a stream goes on event by event.

use mux::dialect::stream::StreamTranslator;
use mux::dialect::{self, Dialect};
use mux::refusal::{Code, Refusal};
use mux::route::Translation;
use mux::sse::{Piece, Splitter};
use mux::usage::{self, Stream, Usage};

use crate::exchange::TryOutcome;

#[derive(Debug)]
pub struct Translated {
    /// What the provider speaks.
    provider: Dialect,
    translation: Translation,
    body: Body,
}

#[derive(Debug)]
enum Body {
    /// Whole, or an error of this status.
    Held {
        status: u16,
        outcome: TryOutcome,
    },
    Events(Box<Events>),
}

#[derive(Debug)]
struct Events {
    translator: StreamTranslator,
    /// The provider's own events, for usage.
    splitter: Splitter,
    stream: Stream,
    complete: bool,
}

/// A whole answer in the client's dialect.
pub struct Whole {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Translated {
    pub fn new(provider: Dialect, translation: Translation, status: u16, is_stream: bool) -> Self {
        let body = if is_stream {
            let translator = StreamTranslator::new(provider, translation.client, &translation.asked);
            let (splitter, stream) = (Splitter::new(), Stream::new(provider));
            Body::Events(Box::new(Events { translator, splitter, stream, complete: false }))
        } else {
            Body::Held { status, outcome: TryOutcome::Unanswered }
        };
        Self { provider, translation, body }
    }

    /// Whether it is held back until it is whole.
    pub fn is_held(&self) -> bool {
        matches!(self.body, Body::Held { .. })
    }

    /// The next piece of a stream, and whether it is the last. Returns what goes on instead of it.
    pub fn piece(&mut self, piece: &[u8], is_last: bool) -> Vec<u8> {
        let mut out = Vec::new();
        let Body::Events(events) = &mut self.body else { return out };
        let Events { translator, splitter, stream, complete } = &mut **events;
        splitter.push(piece, |piece| {
            if let Piece::Event(event) = &piece {
                stream.event(&event.data);
            }
        });
        translator.push(piece, &mut out);
        if is_last {
            if let Some(event) = splitter.finish() {
                stream.event(&event.data);
            }
            *complete = true;
            translator.finish(&mut out);
        }
        out
    }

    /// The whole of an answer that was held back.
    pub fn whole(&mut self, body: &[u8]) -> Whole {
        let Body::Held { status, outcome } = &mut self.body else { return Whole { status: 502, body: Vec::new() } };
        let (from, to) = (self.provider, self.translation.client);
        if !(200..300).contains(status) {
            *outcome = TryOutcome::Silent;
            return Whole { status: *status, body: dialect::translate_error(from, to, *status, body) };
        }
        *outcome = usage::from_json(from, body).map_or(TryOutcome::Silent, TryOutcome::Said);
        match dialect::translate_answer(from, to, body, &self.translation.asked) {
            Ok(body) => Whole { status: *status, body },
            Err(error) => {
                let refusal = Refusal::new(Code::BadAnswer, format!("The answer cannot be translated: {error}."));
                Whole { status: refusal.code.status(), body: refusal.body(to) }
            }
        }
    }

    /// What is known when the try has ended; asked once.
    pub fn outcome(&mut self, request_bytes: u64) -> TryOutcome {
        match &mut self.body {
            Body::Held { outcome: TryOutcome::Unanswered, .. } => {
                let input_tokens = request_bytes.div_ceil(usage::BYTES_PER_TOKEN);
                TryOutcome::Cut(Usage { input_tokens, ..Usage::default() })
            }
            Body::Held { outcome, .. } => std::mem::take(outcome),
            Body::Events(events) if events.complete || events.stream.is_complete() => {
                events.stream.usage().map_or(TryOutcome::Silent, TryOutcome::Said)
            }
            Body::Events(events) => TryOutcome::Cut(events.stream.estimate(request_bytes)),
        }
    }
}

//! A provider's answer in another dialect than the client's, on its way to become the client's own.
//!
//! A plain answer is held until it is whole; a stream goes on event by event.

use mux::dialect::{self, Dialect, StreamTranslator};
use mux::refusal::{Code, Refusal};
use mux::route::Translation;
use mux::usage::{self, Usage};

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
            Body::Events(Box::new(Events { translator, complete: false }))
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
        // Most events grow a little.
        let mut out = Vec::with_capacity(piece.len() * 2);
        let Body::Events(events) = &mut self.body else { return out };
        events.translator.push(piece, &mut out);
        if is_last {
            events.complete = true;
            events.translator.finish(&mut out);
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
            Body::Events(events) => {
                let usage = events.translator.usage();
                if events.complete || usage.is_complete() {
                    return usage.usage().map_or(TryOutcome::Silent, TryOutcome::Said);
                }
                TryOutcome::Cut(usage.estimate(request_bytes))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use mux::dialect::{Asked, Dialect};
    use mux::route::Translation;

    use super::{Translated, Whole};
    use crate::exchange::TryOutcome;

    const MESSAGE: &[u8] = br#"{"id":"msg_1","type":"message","role":"assistant","model":"m",
        "content":[{"type":"text","text":"Hello."}],"stop_reason":"end_turn","usage":{"input_tokens":7,"output_tokens":2}}"#;

    fn answer(status: u16, is_stream: bool) -> Translated {
        let translation = Translation { client: Dialect::Chat, asked: Asked::default(), dropped: Vec::new() };
        Translated::new(Dialect::Messages, translation, status, is_stream)
    }

    #[test]
    fn a_plain_answer_is_held_until_it_is_whole() {
        let mut answer = answer(200, false);
        assert!(answer.is_held());
        let Whole { status, body } = answer.whole(MESSAGE);
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((status, &body["choices"][0]["message"]["content"]), (200, &"Hello.".into()));
        let TryOutcome::Said(usage) = answer.outcome(40) else { panic!() };
        assert_eq!((usage.input_tokens, usage.output_tokens), (7, 2));
    }

    #[test]
    fn errors_and_what_is_no_answer_become_the_clients_errors() {
        for (given, body, status) in [
            (529, &br#"{"type":"error","error":{"type":"overloaded_error","message":"Busy"}}"#[..], 529),
            (500, b"<html>", 500),
            (200, b"<html>", 502),
            (200, b"", 502),
        ] {
            let mut answer = answer(given, false);
            let whole = answer.whole(body);
            let error: serde_json::Value = serde_json::from_slice(&whole.body).unwrap();
            assert_eq!(whole.status, status);
            assert!(error["error"]["message"].is_string(), "{error}");
            assert!(matches!(answer.outcome(40), TryOutcome::Silent));
        }
    }

    #[test]
    fn a_stream_goes_on_event_by_event_and_tells_its_usage() {
        let mut answer = answer(200, true);
        assert!(!answer.is_held());
        let start = br#"{"type":"message_start","message":{"id":"m","role":"assistant","content":[],"model":"m","usage":{"input_tokens":7,"output_tokens":1}}}"#;
        let block = br#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
        let text = br#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#;
        let event = |data: &[u8]| [b"data: ", data, b"\n\n"].concat();
        answer.piece(&event(start), false);
        answer.piece(&event(block), false);
        let said = String::from_utf8(answer.piece(&event(text), false)).unwrap();
        assert!(said.contains("chat.completion.chunk") && said.contains("Hi"), "{said}");
        let TryOutcome::Cut(usage) = answer.outcome(40) else { panic!("it is not over") };
        assert_eq!(usage.input_tokens, 7);
    }
}

//! A provider's answer on its way to the client: looked at for usage, and left alone but for a usage chunk that only
//! the gateway asked for.

use mux::dialect::Dialect;
use mux::route::{Translation, UsageChunk};
use mux::sse::{Event, Piece, Splitter};
use mux::usage::{self, Stream, Usage};

use crate::exchange::TryOutcome;
use crate::translated::Translated;

/// Bytes of a plain answer that are kept to read its usage; of a larger one the usage is not known.
pub const PLAIN_BYTES_MAX: usize = 16 << 20;

#[derive(Debug)]
pub enum Answer {
    /// An error, or in no format that holds usage.
    Opaque {
        complete: bool,
    },
    Plain {
        dialect: Dialect,
        kept: Vec<u8>,
        complete: bool,
    },
    Events(Box<Events>),
    /// In another dialect than the client's.
    Translated(Box<Translated>),
}

#[derive(Debug)]
pub struct Events {
    splitter: Splitter,
    stream: Stream,
    usage_chunk: UsageChunk,
    complete: bool,
}

impl Answer {
    /// By status, content type and content encoding.
    pub fn new(
        dialect: Dialect,
        status: u16,
        kind: Option<&str>,
        encoding: Option<&str>,
        usage_chunk: UsageChunk,
    ) -> Self {
        let readable = (200..300).contains(&status) && encoding.is_none_or(|encoding| encoding == "identity");
        if readable && is_event_stream(kind) {
            let (splitter, stream) = (Splitter::new(), Stream::new(dialect));
            return Self::Events(Box::new(Events { splitter, stream, usage_chunk, complete: false }));
        }
        if readable && media_type(kind).to_ascii_lowercase().ends_with("json") {
            return Self::Plain { dialect, kept: Vec::new(), complete: false };
        }
        Self::Opaque { complete: false }
    }

    /// An answer in another dialect than the client's.
    pub fn translated(dialect: Dialect, status: u16, kind: Option<&str>, translation: Translation) -> Self {
        let is_stream = (200..300).contains(&status) && is_event_stream(kind);
        Self::Translated(Box::new(Translated::new(dialect, translation, status, is_stream)))
    }

    /// Whether it is held back until it is whole.
    pub fn is_held(&self) -> bool {
        matches!(self, Self::Translated(translated) if translated.is_held())
    }

    /// Whether the client gets a stream of events.
    pub fn is_stream(&self) -> bool {
        match self {
            Self::Opaque { .. } | Self::Plain { .. } => false,
            Self::Events(_) => true,
            Self::Translated(translated) => !translated.is_held(),
        }
    }

    /// Whether the length of the answer will differ from what the provider announced.
    pub fn changes_length(&self) -> bool {
        match self {
            Self::Opaque { .. } | Self::Plain { .. } => false,
            Self::Events(events) => events.usage_chunk == UsageChunk::TakeOut,
            Self::Translated(_) => true,
        }
    }

    /// Whether the bytes of chunks matter at all.
    pub fn looks(&self) -> bool {
        !matches!(self, Self::Opaque { .. })
    }

    /// The next chunk, and whether it is the last. Returns what goes on instead of it, if that differs.
    pub fn chunk(&mut self, chunk: &[u8], is_last: bool) -> Option<Vec<u8>> {
        match self {
            Self::Opaque { complete } => {
                *complete |= is_last;
                None
            }
            Self::Plain { kept, complete, .. } => {
                *complete |= is_last;
                if kept.len() + chunk.len() > PLAIN_BYTES_MAX {
                    *self = Self::Opaque { complete: is_last };
                } else {
                    kept.extend_from_slice(chunk);
                }
                None
            }
            Self::Events(events) => events.chunk(chunk, is_last),
            Self::Translated(translated) => Some(translated.piece(chunk, is_last)),
        }
    }

    /// The answer has no body. Returns the status with which it goes on: what should have been an answer is none.
    pub fn end_empty(&mut self, status: u16) -> u16 {
        match self {
            Self::Translated(translated) if translated.is_held() => translated.whole(b"").status,
            _ => {
                self.chunk(b"", true);
                status
            }
        }
    }

    /// What is known when the try has ended.
    pub fn outcome(&mut self, request_bytes: u64) -> TryOutcome {
        match self {
            Self::Translated(translated) => translated.outcome(request_bytes),
            Self::Opaque { complete: true } => TryOutcome::Silent,
            Self::Plain { dialect, kept, complete: true } => {
                usage::from_json(*dialect, kept).map_or(TryOutcome::Silent, TryOutcome::Said)
            }
            Self::Opaque { .. } | Self::Plain { .. } => TryOutcome::Cut(guess(request_bytes)),
            Self::Events(events) if events.complete || events.stream.is_complete() => {
                events.stream.usage().map_or(TryOutcome::Silent, TryOutcome::Said)
            }
            Self::Events(events) => TryOutcome::Cut(events.stream.estimate(request_bytes)),
        }
    }
}

fn media_type(kind: Option<&str>) -> &str {
    kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim()
}

fn is_event_stream(kind: Option<&str>) -> bool {
    media_type(kind).eq_ignore_ascii_case("text/event-stream")
}

fn guess(request_bytes: u64) -> Usage {
    Usage { input_tokens: request_bytes.div_ceil(usage::BYTES_PER_TOKEN), ..Usage::default() }
}

impl Events {
    fn chunk(&mut self, chunk: &[u8], is_last: bool) -> Option<Vec<u8>> {
        let Self { splitter, stream, usage_chunk, complete } = self;
        *complete |= is_last;
        let mut kept = Vec::new();
        let mut took_out = false;
        let held_before = splitter.held_bytes();
        let mut look = |event: &Event, kept: &mut Vec<u8>| {
            stream.event(&event.data);
            if *usage_chunk == UsageChunk::TakeOut && stream.is_usage_only_chunk(&event.data) {
                took_out = true;
            } else {
                kept.extend_from_slice(event.raw);
            }
        };
        splitter.push(chunk, |piece| match &piece {
            Piece::Event(event) => look(event, &mut kept),
            other => kept.extend_from_slice(other.raw()),
        });
        if is_last && let Some(event) = splitter.finish() {
            look(&event, &mut kept);
        }
        // As it came, unless an event was taken out, or part of one was or is held back.
        let holds = !is_last && splitter.held_bytes() > 0;
        (*usage_chunk == UsageChunk::TakeOut && (took_out || holds || held_before > 0)).then_some(kept)
    }
}

#[cfg(test)]
mod tests {
    use mux::dialect::{Asked, Dialect};
    use mux::route::{Translation, UsageChunk};

    use super::Answer;
    use crate::exchange::TryOutcome;

    const STREAM: &[u8] = b"data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\n: comment\n\n\
        data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n";

    fn events(usage_chunk: UsageChunk) -> Answer {
        Answer::new(Dialect::Chat, 200, Some("text/event-stream; charset=utf-8"), None, usage_chunk)
    }

    /// What the client gets when the stream is cut at `cut`.
    fn pass(answer: &mut Answer, cut: usize) -> Vec<u8> {
        let (first, second) = STREAM.split_at(cut);
        let mut got = answer.chunk(first, false).unwrap_or_else(|| first.to_vec());
        got.extend(answer.chunk(second, false).unwrap_or_else(|| second.to_vec()));
        got.extend(answer.chunk(b"", true).unwrap_or_default());
        got
    }

    #[test]
    fn a_stream_passes_as_it_came_or_without_its_usage_chunk() {
        let taken_out = String::from_utf8_lossy(STREAM)
            .replace("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\n", "");
        for cut in 0..STREAM.len() {
            for (usage_chunk, expected) in [(UsageChunk::Keep, STREAM), (UsageChunk::TakeOut, taken_out.as_bytes())] {
                let mut answer = events(usage_chunk);
                assert_eq!(pass(&mut answer, cut), expected, "{cut} {usage_chunk:?}");
                let TryOutcome::Said(usage) = answer.outcome(100) else { panic!("{cut}") };
                assert_eq!((usage.input_tokens, usage.output_tokens), (5, 2));
            }
        }
    }

    #[test]
    fn a_cut_stream_is_estimated() {
        let mut answer = events(UsageChunk::Keep);
        answer.chunk(&STREAM[..60], false);
        let TryOutcome::Cut(usage) = answer.outcome(100) else { panic!() };
        assert_eq!((usage.input_tokens, usage.output_tokens), (25, 1));
    }

    #[test]
    fn a_plain_answer_states_usage_or_not() {
        let plain = || Answer::new(Dialect::Chat, 200, Some("application/json"), None, UsageChunk::Keep);
        let mut answer = plain();
        answer.chunk(br#"{"usage":{"prompt_tokens":7,"#, false);
        assert!(matches!(answer.outcome(8), TryOutcome::Cut(_)));
        answer.chunk(br#""completion_tokens":1}}"#, true);
        assert!(matches!(answer.outcome(8), TryOutcome::Said(usage) if usage.input_tokens == 7));
        let mut silent = plain();
        silent.chunk(b"{}", true);
        assert!(matches!(silent.outcome(8), TryOutcome::Silent));
        let mut error = Answer::new(Dialect::Chat, 429, Some("application/json"), None, UsageChunk::Keep);
        error.chunk(br#"{"usage":{"prompt_tokens":7}}"#, true);
        assert!(matches!(error.outcome(8), TryOutcome::Silent));
    }

    #[test]
    fn an_empty_answer_that_was_to_be_translated_is_an_error_without_usage() {
        for (status, passed_on) in [(401, 401), (529, 529), (200, 502)] {
            let translation = Translation { client: Dialect::Chat, asked: Asked::default(), dropped: Vec::new() };
            let mut answer = Answer::translated(Dialect::Messages, status, Some("application/json"), translation);
            assert_eq!(answer.end_empty(status), passed_on);
            assert!(matches!(answer.outcome(100), TryOutcome::Silent), "{status}");
        }
    }
}

//! What a fake provider answers.

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};

use super::Seen;

pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    /// Pieces of the body, each sent after its delay. One piece without a delay is sent with a content length.
    pub pieces: Vec<(Duration, Bytes)>,
    pub end: End,
    /// Before anything is sent.
    pub delay: Duration,
}

/// What follows the last piece.
pub enum End {
    Complete,
    /// Nothing more comes and the connection stays open.
    Never,
    /// The connection breaks.
    Broken,
}

impl Answer {
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, pieces: vec![(Duration::ZERO, body.into())], end: End::Complete, delay: Duration::ZERO }
    }

    /// Server-sent events, piece by piece; a piece need not be a whole event.
    pub fn sse<Piece: Into<Bytes>>(pieces: impl IntoIterator<Item = (Duration, Piece)>) -> Self {
        let headers = vec![("content-type", "text/event-stream".to_owned())];
        let pieces = pieces.into_iter().map(|(delay, piece)| (delay, piece.into())).collect();
        Self { status: 200, headers, pieces, end: End::Complete, delay: Duration::ZERO }
    }

    /// An error in OpenAI's shape.
    pub fn error(status: u16, message: &str) -> Self {
        Self::json(status, json!({"error": {"message": message, "type": "server_error", "code": null}}).to_string())
    }

    /// The connection stays open after the last piece and nothing more comes.
    pub fn never_ending(mut self) -> Self {
        self.end = End::Never;
        self
    }

    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The connection breaks after the last piece.
    pub fn broken_off(mut self) -> Self {
        self.end = End::Broken;
        self
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn into_response(self) -> Response {
        let Self { status, headers, mut pieces, end, delay: _ } = self;
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(name, value);
        }
        let body = match (pieces.len(), end) {
            (1, End::Complete) if pieces[0].0.is_zero() => Body::from(pieces.remove(0).1),
            (_, end) => Body::from_stream(stream::unfold((pieces.into_iter(), end), next_piece)),
        };
        response.body(body).expect("the script's status and headers are valid")
    }
}

type Rest = (std::vec::IntoIter<(Duration, Bytes)>, End);

async fn next_piece((mut pieces, end): Rest) -> Option<(io::Result<Bytes>, Rest)> {
    let Some((delay, piece)) = pieces.next() else {
        return match end {
            End::Complete => None,
            End::Never => std::future::pending().await,
            End::Broken => {
                // What went before is to arrive.
                tokio::time::sleep(Duration::from_millis(50)).await;
                Some((Err(io::ErrorKind::ConnectionReset.into()), (pieces, End::Complete)))
            }
        };
    };
    tokio::time::sleep(delay).await;
    Some((Ok(piece), (pieces, end)))
}

/// Tokens that [`honest`] says it used for a request: they follow from what reached it, and differ between requests.
pub fn tokens(seen: &Seen) -> (u64, u64) {
    let input = 1 + seen.body.len() as u64 % 977;
    let output = 1 + seen.body.iter().map(|byte| u64::from(*byte)).sum::<u64>() % 199;
    (input, output)
}

pub fn usage(seen: &Seen) -> Value {
    let (input, output) = tokens(seen);
    json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output})
}

/// Plain or streamed as it was asked, with exact usage; in a stream only where `include_usage` was asked for.
/// At `/messages` it is a plain Anthropic message.
pub fn honest(seen: &Seen) -> Answer {
    if seen.path.split('?').next().is_some_and(|path| path.ends_with("/messages")) {
        let (input, output) = tokens(seen);
        let body = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": seen.model(),
            "content": [{"type": "text", "text": "Hello."}], "stop_reason": "end_turn",
            "usage": {"input_tokens": input, "output_tokens": output}});
        return Answer::json(200, body.to_string());
    }
    if !seen.wants_stream() {
        let message =
            json!({"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"});
        let body = json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": seen.model(),
            "choices": [message], "usage": usage(seen)});
        return Answer::json(200, body.to_string());
    }
    let mut events = vec![text_event(&seen.model(), "Hel"), text_event(&seen.model(), "lo.")];
    if seen.wants_usage() {
        events.push(usage_event(seen));
    }
    events.push("data: [DONE]\n\n".to_owned());
    Answer::sse(events.into_iter().map(|event| (Duration::ZERO, event)))
}

/// One piece of a streamed answer, as an event.
pub fn text_event(model: &str, text: &str) -> String {
    let chunk = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model,
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]});
    format!("data: {chunk}\n\n")
}

/// The event that `include_usage` asks for.
pub fn usage_event(seen: &Seen) -> String {
    let chunk = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": seen.model(),
        "choices": [], "usage": usage(seen)});
    format!("data: {chunk}\n\n")
}

pub(super) fn models() -> Answer {
    Answer::json(200, r#"{"object":"list","data":[{"id":"mini","object":"model"},{"id":"large","object":"model"}]}"#)
}

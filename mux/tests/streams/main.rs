//! Event streams of every dialect, as clients of the others get them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod check;
mod errors;
mod events;
mod heard;
mod kept;
mod order;
mod random;
#[cfg(not(target_arch = "wasm32"))]
mod recorded;
mod rows;

use events::events;
use mux::dialect::{Asked, Dialect, StreamTranslator};
use serde_json::Value;

const CHATLIKE: [Dialect; 3] = [Dialect::Chat, Dialect::Messages, Dialect::Responses];

fn asked() -> Asked {
    Asked { include_usage: true, now: 7, ..Asked::default() }
}

/// The provider's bytes in pieces of at most `piece_bytes`, then its end.
fn translate_split(from: Dialect, to: Dialect, asked: &Asked, bytes: &[u8], piece_bytes: usize) -> String {
    let (mut translator, mut out) = (StreamTranslator::new(from, to, asked), Vec::new());
    bytes.chunks(piece_bytes).for_each(|piece| translator.push(piece, &mut out));
    translator.finish(&mut out);
    String::from_utf8(out).unwrap()
}

fn translate(from: Dialect, to: Dialect, bytes: &[u8]) -> String {
    translate_split(from, to, &asked(), bytes, usize::MAX)
}

/// A stream of chat chunks with these deltas or chunks, framed as OpenAI does.
fn chat(chunks: &[&str]) -> String {
    let framed = chunks.iter().map(|chunk| match chunk.strip_prefix('+') {
        None => format!("data: {chunk}\n\n"),
        Some(delta) => format!(
            "data: {{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"m1\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":null}}]}}\n\n"
        ),
    });
    framed.collect()
}

/// Events whose names are their types, as Anthropic and OpenAI send them.
fn typed(events: &[&str]) -> String {
    let framed = events.iter().map(|data| {
        let value: Value = serde_json::from_str(data).unwrap();
        format!("event: {}\ndata: {data}\n\n", value["type"].as_str().unwrap())
    });
    framed.collect()
}

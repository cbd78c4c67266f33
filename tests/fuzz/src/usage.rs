//! Token counts in answers and streams.

use arbitrary::Unstructured;
use mux::dialect::Dialect;
use mux::json::{self, Cursor};
use mux::usage::{BYTES_PER_TOKEN, Stream, USAGE_RAW_BYTES_MAX, Usage, from_json};

use crate::{input, sse, with_grammar};

const DIALECTS: [Dialect; 5] =
    [Dialect::Chat, Dialect::Messages, Dialect::Responses, Dialect::Completions, Dialect::Embeddings];

pub fn check(input: &[u8]) {
    let rule = if input.len().is_multiple_of(2) { "body" } else { "stream" };
    let (text, mut choices) = with_grammar(Dialect::Completions, |grammar| input::text(grammar, rule, input));
    for dialect in DIALECTS {
        if let Some(usage) = from_json(dialect, &text) {
            adds_up(&usage);
        }
        follow(dialect, &text, &mut choices);
    }
}

/// Parts are no larger than what they are parts of.
fn adds_up(usage: &Usage) {
    let Usage { input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, raw } = usage;
    assert!(cached_input_tokens.saturating_add(*cache_write_tokens) <= *input_tokens, "{usage:?}");
    assert!(reasoning_tokens <= output_tokens, "{usage:?}");
    assert!(raw.len() <= USAGE_RAW_BYTES_MAX);
    let mut cursor = Cursor::new(raw.as_bytes());
    let is_object =
        cursor.object::<json::Error>(|cursor, _| cursor.skip().map(|_| ())).is_ok() && cursor.finish().is_ok();
    assert!(raw.is_empty() || is_object, "{raw}");
}

fn follow(dialect: Dialect, text: &[u8], choices: &mut Unstructured) {
    let mut stream = Stream::new(dialect);
    for (data, _) in sse::events(text) {
        let before = (stream.usage(), stream.text_bytes());
        stream.event(&data);
        assert!(stream.text_bytes() >= before.1 && stream.text_bytes() - before.1 <= data.len() as u64);
        assert!(stream.usage().is_some() || before.0.is_none(), "what was said is not forgotten");
        if stream.is_usage_only_chunk(&data) {
            assert!(matches!(dialect, Dialect::Chat | Dialect::Completions));
        }
    }
    if let Some(usage) = stream.usage() {
        adds_up(&usage);
    }
    let request_bytes = choices.arbitrary().unwrap_or(1);
    let guessed = stream.estimate(request_bytes);
    assert!(request_bytes == 0 || guessed.input_tokens > 0);
    assert!(guessed.output_tokens >= stream.text_bytes() / BYTES_PER_TOKEN);
}

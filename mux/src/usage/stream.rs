//! Usage of a streamed answer, event by event.

use memchr::memmem::Finder;

use crate::dialect::Dialect;

use super::fields::Fields;
use super::text::text_bytes;
use super::{BYTES_PER_TOKEN, Usage, normal};

/// Follows one stream. Only events that can say usage are parsed.
#[derive(Debug)]
pub struct Stream {
    dialect: Dialect,
    usage_key: Finder<'static>,
    /// Key before the value that holds an event's text.
    text_key: Finder<'static>,
    usage: Option<Usage>,
    /// Messages: what the stream has said so far, which its next part overlays.
    said: Fields<'static>,
    text_bytes: u64,
    is_complete: bool,
}

impl Stream {
    pub fn new(dialect: Dialect) -> Self {
        let text_key = match dialect {
            Dialect::Completions => r#""text""#,
            Dialect::Chat | Dialect::Messages | Dialect::Responses | Dialect::Embeddings => r#""delta""#,
        };
        Self {
            dialect,
            usage_key: Finder::new(r#""usage""#),
            text_key: Finder::new(text_key),
            usage: None,
            said: Fields::default(),
            text_bytes: 0,
            is_complete: false,
        }
    }

    /// Looks at the next event: its data, as the SSE splitter yields it. Returns whether it may have told usage.
    pub fn event(&mut self, data: &[u8]) -> bool {
        let tells_usage = self.tells_usage(data);
        if tells_usage {
            if let Some(event) = Fields::parse(data) {
                self.usage_event(&event);
            }
        } else if data.trim_ascii() == b"[DONE]" {
            self.is_complete = true;
        }
        let mut rest = data;
        while let Some(after) = self.text_key.find(rest).and_then(|at| rest.get(at + self.text_key.needle().len()..)) {
            self.text_bytes = self.text_bytes.saturating_add(text_bytes(after));
            rest = after;
        }
        tells_usage
    }

    fn tells_usage(&self, data: &[u8]) -> bool {
        // OpenAI puts an empty one into every chunk.
        let is_null =
            |at| data.get(at + self.usage_key.needle().len()..).is_some_and(|rest| rest.starts_with(b":null"));
        !self.usage_key.find_iter(data).all(is_null)
    }

    /// What the provider has said so far. Each word replaces the one before: numbers in a stream are totals.
    pub fn usage(&self) -> Option<Usage> {
        self.usage.clone()
    }

    /// Whether the provider has said its last word: the usage, or that there is none, stands, whatever happens to the
    /// connection from here on.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Bytes of text, reasoning and tool-call arguments that were streamed.
    pub fn text_bytes(&self) -> u64 {
        self.text_bytes
    }

    /// The usage of a stream that was cut before its last word: the provider's numbers as far as they go, guessed from
    /// the sizes of prompt and text where it said none or a placeholder.
    pub fn estimate(&self, request_bytes: u64) -> Usage {
        let mut usage = self.usage.clone().unwrap_or_default();
        if usage.input_tokens == 0 {
            usage.input_tokens = request_bytes.div_ceil(BYTES_PER_TOKEN);
        }
        usage.output_tokens = usage.output_tokens.max(self.text_bytes.div_ceil(BYTES_PER_TOKEN));
        usage
    }

    /// Whether this is the chunk that a provider adds for `stream_options.include_usage`: no choices, only usage.
    pub fn is_usage_only_chunk(&self, data: &[u8]) -> bool {
        matches!(self.dialect, Dialect::Chat | Dialect::Completions)
            && self.usage_key.find(data).is_some()
            && Fields::parse(data).is_some_and(|event| is_usage_only(&event))
    }

    fn usage_event(&mut self, event: &Fields<'_>) {
        match self.dialect {
            Dialect::Messages => {
                let (started, ended) = (event.object("message"), event.object("usage"));
                let Some(part) = started.as_ref().and_then(|message| message.object("usage")).or(ended) else { return };
                self.said.overlay(&part);
                self.is_complete = started.is_none();
                self.set(normal::usage(self.dialect, &self.said));
            }
            Dialect::Responses => {
                let response = event.object("response");
                let Some(part) = response.as_ref().and_then(|response| response.object("usage")) else { return };
                self.is_complete = true;
                self.set(normal::usage(self.dialect, &part));
            }
            Dialect::Chat | Dialect::Completions | Dialect::Embeddings => {
                let groq = event.object("x_groq");
                let of_groq = || groq.as_ref().and_then(|groq| groq.object("usage"));
                let Some(part) = event.object("usage").or_else(of_groq) else { return };
                self.is_complete |= is_usage_only(event);
                self.set(normal::usage(self.dialect, &part));
            }
        }
    }

    fn set(&mut self, usage: Option<Usage>) {
        if usage.is_some() {
            self.usage = usage;
        }
    }
}

fn is_usage_only(chunk: &Fields<'_>) -> bool {
    chunk.is_empty_array("choices") && chunk.object("usage").is_some()
}

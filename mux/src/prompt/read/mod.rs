//! From bytes to a [`Prompt`], in one walk over the body: OpenAI's `POST /v1/chat/completions`, `/v1/completions`,
//! `/v1/embeddings` and `/v1/responses`, Anthropic's `POST /v1/messages` and `/v1/messages/count_tokens` (their API
//! references). Nothing is checked beyond what the gateway itself reads.

mod completions;
mod fields;
mod messages;
mod parts;
mod slot;
#[cfg(test)]
pub(super) mod tests;
mod thinking;

pub use fields::StreamOptions;
pub use slot::Slot;

use super::conversation::{Conversation, Message, Piece, Prompt, Role, What};
use super::turns::Turns;
use super::{Needs, turns};
use crate::config::RequestKind;
use crate::dialect::Dialect;
use crate::endpoint::Endpoint;
use crate::json::{self, Cursor, Kind, Span};

/// Why a body is not a request of its endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Json(#[from] json::Error),
    #[error("`{0}` is given twice")]
    Repeated(&'static str),
    #[error("`{field}` must be {expected}")]
    WrongType { field: &'static str, expected: &'static str },
    #[error("`{0}` is missing")]
    Missing(&'static str),
}

impl ReadError {
    /// The field that is at fault, if one is.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Json(_) => None,
            Self::Repeated(field) | Self::Missing(field) | Self::WrongType { field, .. } => Some(field),
        }
    }
}

/// Reads a request; messages only if `needs` says so.
pub fn read(endpoint: Endpoint, body: &[u8], needs: Needs) -> Result<Prompt<'_>, ReadError> {
    let mut cursor = if needs.texts() { Cursor::noting_fences(body) } else { Cursor::new(body) };
    if cursor.kind()? != Kind::Object {
        // Checked to its end first: broken JSON is named as such.
        cursor.skip()?;
        cursor.finish()?;
        return Err(ReadError::WrongType { field: "body", expected: "an object" });
    }
    let mut reader = Reader::new(endpoint.dialect(), needs);
    let object = cursor.object(|cursor, key| reader.member(cursor, key))?;
    let fences = cursor.finish()?;
    reader.check()?;
    let kind = reader.kind();
    let system = reader.system(&object);
    let Reader { model, stream, stream_options, has_tools, thinking, conversation, .. } = reader;
    let stream = stream.unwrap_or_default();
    let turns = Turns::default();
    let mut prompt = Prompt {
        body,
        object,
        kind,
        model,
        stream,
        stream_options,
        system,
        has_tools,
        thinking,
        needs,
        conversation,
        fences,
        turns,
    };
    if needs.turns {
        prompt.turns = turns::find(&prompt);
    }
    Ok(prompt)
}

struct Reader {
    dialect: Dialect,
    needs: Needs,
    /// The first complaint about a field; the walk goes on, since broken JSON further on matters more.
    error: Option<ReadError>,
    model: Option<Span>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    has_tools: bool,
    thinking: bool,
    /// The field that holds what the model is to answer was seen.
    has_content: bool,
    is_fim: bool,
    /// A member for instructions was seen, whatever its value.
    has_system: bool,
    system: Option<Slot>,
    conversation: Conversation,
}

impl Reader {
    fn new(dialect: Dialect, needs: Needs) -> Self {
        Self {
            dialect,
            needs,
            error: None,
            model: None,
            stream: None,
            stream_options: None,
            has_tools: false,
            thinking: false,
            has_content: false,
            is_fim: false,
            has_system: false,
            system: None,
            conversation: Conversation::default(),
        }
    }

    fn member(&mut self, cursor: &mut Cursor, key: &[u8]) -> Result<(), ReadError> {
        match key {
            b"model" => self.model(cursor)?,
            b"stream" => self.stream(cursor)?,
            b"stream_options" => self.stream_options(cursor)?,
            b"tools" | b"functions" => self.tools(cursor)?,
            b"reasoning_effort" | b"reasoning" | b"thinking" | b"enable_thinking" => {
                self.thinking |= thinking::asked(cursor, self.dialect, key)?;
            }
            b"suffix" if self.dialect == Dialect::Completions => self.suffix(cursor)?,
            b"system" if self.dialect == Dialect::Messages => self.system_member(cursor)?,
            b"instructions" if self.dialect == Dialect::Responses => self.system_member(cursor)?,
            _ if key == self.content_field().as_bytes() => self.content(cursor)?,
            _ => {
                cursor.skip()?;
            }
        }
        Ok(())
    }

    /// The field without which there is nothing to answer.
    fn content_field(&self) -> &'static str {
        match self.dialect {
            Dialect::Chat | Dialect::Messages => "messages",
            Dialect::Responses | Dialect::Embeddings => "input",
            Dialect::Completions => "prompt",
        }
    }

    fn content(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
        if std::mem::replace(&mut self.has_content, true) {
            self.complain(ReadError::Repeated(self.content_field()));
        }
        match self.dialect {
            Dialect::Chat | Dialect::Messages => self.messages(cursor),
            Dialect::Responses => self.input(cursor),
            Dialect::Completions => self.prompt(cursor),
            Dialect::Embeddings => self.text_or_list(cursor),
        }
    }

    fn complain(&mut self, error: ReadError) {
        self.error.get_or_insert(error);
    }

    fn check(&mut self) -> Result<(), ReadError> {
        match self.error.take() {
            Some(error) => Err(error),
            None if self.has_content => Ok(()),
            None => Err(ReadError::Missing(self.content_field())),
        }
    }

    fn kind(&self) -> RequestKind {
        match self.dialect {
            Dialect::Chat => RequestKind::Chat,
            Dialect::Messages => RequestKind::Messages,
            Dialect::Responses => RequestKind::Responses,
            Dialect::Embeddings => RequestKind::Embedding,
            Dialect::Completions if self.is_fim => RequestKind::Fim,
            Dialect::Completions => RequestKind::Completion,
        }
    }

    fn push(&mut self, what: What, span: Span) {
        if self.needs.messages() {
            self.conversation.pieces.push(Piece { what, span });
        }
    }

    /// Ends a message that began when there were `first` pieces.
    fn close(&mut self, role: Role, first: usize, end: usize, has_attachment: bool) {
        if self.needs.messages() {
            let (pieces, data_bytes) = (first..self.conversation.pieces.len(), self.conversation.data_bytes);
            self.conversation.messages.push(Message { role, pieces, end, data_bytes, has_attachment });
        }
    }
}

//! Requests of one text: completions, fill-in-the-middle, embeddings, and responses with a plain `input`.

use memchr::memmem;

use super::{ReadError, Reader, Role, What};
use crate::dialect::Dialect;
use crate::json::{self, Cursor, Kind, Span};

/// Marks between which models that fill in the middle expect prefix and suffix, as their tokenizers spell them.
const FIM_MARKS: [&[u8]; 11] = [
    b"<fim_prefix>",
    b"<fim_suffix>",
    b"<fim-prefix>",
    b"<|fim_prefix|>",
    b"<|fim_suffix|>",
    b"<|fim_begin|>",
    b"<|fim_hole|>",
    "fim\u{2581}begin".as_bytes(),
    b"fim\\u2581begin",
    b"<PRE>",
    b"[SUFFIX]",
];

impl Reader {
    /// `prompt` of the completions dialect.
    pub(super) fn prompt(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
        let first = self.conversation.pieces.len();
        let end = match cursor.kind()? {
            Kind::String => self.prompt_text(cursor)?.end,
            Kind::Array => {
                cursor
                    .array(|cursor| match cursor.kind()? {
                        Kind::String => self.prompt_text(cursor).map(|_| ()),
                        _ => cursor.skip().map(|_| ()),
                    })?
                    .end
            }
            _ => self.wrong_text(cursor)?.end,
        };
        self.close(Role::User, first, end, false);
        Ok(())
    }

    fn prompt_text(&mut self, cursor: &mut Cursor) -> Result<Span, json::Error> {
        let span = cursor.string()?;
        let raw = cursor.raw(&span);
        self.is_fim = self.is_fim || FIM_MARKS.iter().any(|mark| memmem::find(raw, mark).is_some());
        self.push(What::Text, span.clone());
        Ok(span)
    }

    pub(super) fn suffix(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
        let is_string = cursor.kind()? == Kind::String;
        let span = cursor.skip()?;
        self.is_fim |= is_string && span.len() > 2;
        Ok(())
    }

    /// `input` as one text, or as a list that is not looked into.
    pub(super) fn text_or_list(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
        let first = self.conversation.pieces.len();
        let end = match cursor.kind()? {
            // What is embedded is no conversation: it names no files.
            Kind::String if self.dialect == Dialect::Responses => {
                let span = cursor.string()?;
                self.push(What::Text, span.clone());
                span.end
            }
            Kind::String | Kind::Array => cursor.skip()?.end,
            _ => self.wrong_text(cursor)?.end,
        };
        self.close(Role::User, first, end, false);
        Ok(())
    }

    fn wrong_text(&mut self, cursor: &mut Cursor) -> Result<Span, json::Error> {
        self.complain(ReadError::WrongType { field: self.content_field(), expected: "a string or an array" });
        cursor.skip()
    }
}

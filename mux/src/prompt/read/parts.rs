//! The parts of a message's content: texts, images, attached files, tool calls and their outcomes.

use super::{Reader, What};
use crate::json::{self, Cursor, Kind, Span};

/// Levels of parts within parts that are looked into.
const DEPTH_MAX: usize = 4;

/// What a message wants to know of one of its parts.
#[derive(Default)]
pub(super) struct Part {
    pub text: Option<Span>,
    /// An image or a document, and not the outcome of a tool call.
    pub is_attachment: bool,
}

/// What is noted of a part until all of it was seen.
#[derive(Default)]
struct Members {
    kind: Option<Span>,
    text: Option<Span>,
    name: Option<Span>,
    data_bytes: usize,
}

impl Reader {
    pub(super) fn part(&mut self, cursor: &mut Cursor, depth: usize) -> Result<Part, json::Error> {
        if cursor.kind()? != Kind::Object || depth > DEPTH_MAX {
            return cursor.skip().map(|_| Part::default());
        }
        let first = self.conversation.pieces.len();
        let mut members = Members::default();
        cursor.object(|cursor, key| {
            match (key, cursor.kind()?) {
                (b"type", Kind::String) => members.kind = Some(cursor.string()?),
                (b"text", Kind::String) => {
                    let text = cursor.string()?;
                    self.push(What::Text, text.clone());
                    members.text = Some(text);
                }
                (b"content", Kind::String) => self.keep_string(cursor, What::Result)?,
                (b"content", Kind::Array) => {
                    cursor.array(|cursor| self.part(cursor, depth + 1).map(|_| ()))?;
                }
                (b"input", Kind::Object) => self.keep_value(cursor)?,
                (b"source" | b"file" | b"image_url" | b"input_audio", Kind::Object) => members.object(cursor)?,
                (key, Kind::String) => members.string(cursor, key)?,
                _ => {
                    cursor.skip()?;
                }
            }
            Ok::<_, json::Error>(())
        })?;
        self.conversation.data_bytes += members.data_bytes;
        let kind = members.kind.as_ref().map(|span| cursor.raw(span)).unwrap_or_default();
        Ok(self.judge(kind, first, members))
    }

    /// Once its type is known: what the pieces of a part, those from `first` on, are.
    fn judge(&mut self, kind: &[u8], first: usize, members: Members) -> Part {
        if kind.ends_with(b"result") {
            self.outcomes_from(first);
            return Part::default();
        }
        let is_image = matches!(kind, b"image_url" | b"image" | b"input_image" | b"computer_screenshot");
        let is_document = matches!(kind, b"document" | b"file" | b"input_file");
        // Messages are counted only if they are kept; then the one that is being read comes next.
        let message = self.conversation.messages.len();
        if is_image && self.needs.messages() && self.conversation.images.last() != Some(&message) {
            self.conversation.images.push(message);
        }
        if let (true, Some(name)) = (is_document, members.name) {
            self.push(What::Name, name);
        }
        Part { text: members.text, is_attachment: is_image || is_document }
    }

    /// The outcome of a tool call, as parts.
    pub(super) fn outcome(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
        let first = self.conversation.pieces.len();
        match cursor.kind()? {
            Kind::Array => {
                cursor.array(|cursor| self.part(cursor, 1).map(|_| ()))?;
            }
            _ => {
                self.part(cursor, 1)?;
            }
        }
        self.outcomes_from(first);
        Ok(())
    }

    fn outcomes_from(&mut self, first: usize) {
        let texts = self.conversation.pieces.iter_mut().skip(first).filter(|piece| piece.what == What::Text);
        texts.for_each(|piece| piece.what = What::Result);
    }
}

impl Members {
    /// A member that may hold data in base64 or name a file.
    fn string(&mut self, cursor: &mut Cursor, key: &[u8]) -> Result<(), json::Error> {
        let span = cursor.string()?;
        match key {
            b"data" | b"file_data" => self.data_bytes += span.len(),
            b"url" | b"image_url" | b"file_url" if cursor.raw(&span).starts_with(b"data:") => {
                self.data_bytes += span.len();
            }
            b"filename" | b"title" => self.name = Some(span),
            _ => {}
        }
        Ok(())
    }

    /// `{"type":"base64","data":…}`, `{"url":"data:…"}`, `{"filename":…,"file_data":…}`. The source of a document may
    /// also be plain text.
    fn object(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
        let before = self.data_bytes;
        let mut is_text = false;
        cursor.object(|cursor, key| match (key, cursor.kind()?) {
            (b"type", Kind::String) => {
                let span = cursor.string()?;
                is_text = cursor.raw(&span) == b"text";
                Ok(())
            }
            (key, Kind::String) => self.string(cursor, key),
            _ => cursor.skip().map(|_| ()),
        })?;
        if is_text {
            self.data_bytes = before;
        }
        Ok(())
    }
}

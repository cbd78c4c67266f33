//! Messages, and the items that stand among them in the responses dialect. One reader serves all dialects: their
//! members have different names, and clients mix them.

use super::slot::{List, Slot};
use super::{ReadError, Reader, Role, What};
use crate::dialect::Dialect;
use crate::json::{self, Cursor, Kind, Span};

impl Reader {
    /// `messages` of the chat and the messages dialect.
    pub(super) fn messages(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
        const WRONG: ReadError = ReadError::WrongType { field: "messages", expected: "an array of objects" };
        if cursor.kind()? != Kind::Array {
            self.complain(WRONG);
            return cursor.skip().map(|_| ());
        }
        let mut is_empty = true;
        let list = cursor.array(|cursor| {
            is_empty = false;
            if cursor.kind()? != Kind::Object {
                self.complain(WRONG);
                return cursor.skip().map(|_| ());
            }
            let seeks_slot = self.dialect == Dialect::Chat && self.system.is_none();
            if seeks_slot || self.needs.messages() { self.item(cursor) } else { cursor.skip().map(|_| ()) }
        })?;
        if self.dialect == Dialect::Chat && self.system.is_none() {
            let after = if is_empty { "\"}" } else { "\"}," };
            self.system = Some(Slot::insert(list.start + 1, "{\"role\":\"system\",\"content\":\"", after));
        }
        Ok(())
    }

    /// `input` of the responses dialect: one text, or items.
    pub(super) fn input(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
        if !self.needs.messages() || cursor.kind()? != Kind::Array {
            return self.text_or_list(cursor);
        }
        cursor.array(|cursor| self.item(cursor))?;
        Ok(())
    }

    fn item(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
        let first = self.conversation.pieces.len();
        if cursor.kind()? != Kind::Object {
            let span = cursor.skip()?;
            self.close(Role::Unknown, first, span.end, false);
            return Ok(());
        }
        let mut item = Item::default();
        let span = cursor.object(|cursor, key| {
            match (key, cursor.kind()?) {
                (b"role", Kind::String) => item.role = Some(cursor.string()?),
                (b"type", Kind::String) => item.kind = Some(cursor.string()?),
                (b"content", kind) => self.message_content(cursor, kind, &mut item)?,
                (b"tool_calls", Kind::Array) => {
                    cursor.array(|cursor| self.tool_call(cursor))?;
                }
                (b"function_call", Kind::Object) => self.callee(cursor)?,
                (b"arguments", Kind::String) => self.keep_string(cursor, What::Arguments)?,
                (b"input", Kind::String) => self.keep_string(cursor, What::Free)?,
                (b"action" | b"operation", Kind::Object) => self.keep_value(cursor)?,
                (b"output", Kind::String) => self.keep_string(cursor, What::Result)?,
                (b"output", Kind::Array | Kind::Object) => self.outcome(cursor)?,
                _ => {
                    cursor.skip()?;
                }
            }
            Ok::<_, json::Error>(())
        })?;
        let text = |span: &Option<Span>| span.as_ref().map(|span| cursor.raw(span));
        let role = Role::of(text(&item.role), text(&item.kind).unwrap_or_default());
        if role == Role::Instructions && self.dialect == Dialect::Chat && self.system.is_none() {
            let without_content = || Slot::insert(span.start + 1, "\"content\":\"", "\",");
            self.system = item.slot.or_else(|| (!item.has_content).then(without_content));
        }
        self.close(role, first, span.end, item.has_attachment);
        Ok(())
    }

    fn message_content(&mut self, cursor: &mut Cursor, kind: Kind, item: &mut Item) -> Result<(), json::Error> {
        item.has_content = true;
        item.slot = match kind {
            Kind::String => {
                let text = cursor.string()?;
                self.push(What::Text, text.clone());
                Some(Slot::inside(&text))
            }
            Kind::Null => Some(Slot::instead(cursor.skip()?)),
            Kind::Array => {
                let mut list = List { is_empty: true, ..List::default() };
                list.span = cursor.array(|cursor| {
                    list.is_empty = false;
                    let part = self.part(cursor, 0)?;
                    item.has_attachment |= part.is_attachment;
                    list.first_text = list.first_text.take().or(part.text);
                    Ok::<_, json::Error>(())
                })?;
                Some(list.slot())
            }
            _ => cursor.skip().map(|_| None)?,
        };
        Ok(())
    }

    /// `{"id":…,"type":"function","function":{"name":…,"arguments":"…"}}`, or `custom` with free text as its `input`.
    fn tool_call(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
        if cursor.kind()? != Kind::Object {
            return cursor.skip().map(|_| ());
        }
        cursor.object(|cursor, key| match (key, cursor.kind()?) {
            (b"function" | b"custom", Kind::Object) => self.callee(cursor),
            _ => cursor.skip().map(|_| ()),
        })?;
        Ok(())
    }

    fn callee(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
        cursor.object(|cursor, key| match (key, cursor.kind()?) {
            (b"arguments", Kind::String) => self.keep_string(cursor, What::Arguments),
            (b"input", Kind::String) => self.keep_string(cursor, What::Free),
            _ => cursor.skip().map(|_| ()),
        })?;
        Ok(())
    }

    pub(super) fn keep_string(&mut self, cursor: &mut Cursor, what: What) -> Result<(), json::Error> {
        let span = cursor.string()?;
        self.push(what, span);
        Ok(())
    }

    pub(super) fn keep_value(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
        let span = cursor.skip()?;
        self.push(What::Input, span);
        Ok(())
    }
}

/// What is noted of an item until all of it was seen: members come in any order.
#[derive(Default)]
struct Item {
    role: Option<Span>,
    kind: Option<Span>,
    slot: Option<Slot>,
    has_content: bool,
    has_attachment: bool,
}

impl Role {
    /// By the role that a message gives, or by the type of an item without one.
    fn of(role: Option<&[u8]>, kind: &[u8]) -> Self {
        match role {
            Some(b"system" | b"developer") => Self::Instructions,
            Some(b"user") => Self::User,
            Some(b"assistant") => Self::Assistant,
            Some(b"tool" | b"function") => Self::Tool,
            Some(_) => Self::Unknown,
            None if kind.ends_with(b"_output") => Self::Tool,
            None if kind.ends_with(b"_call") || kind == b"reasoning" => Self::Assistant,
            None => Self::Unknown,
        }
    }
}

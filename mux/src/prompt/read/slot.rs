//! Where instructions go in front of a request's own system prompt.

use super::Reader;
use crate::dialect::Dialect;
use crate::json::{self, Cursor, Kind, Span};

/// A place for text: `span` gives way to `before`, the text as the inside of a JSON string, and `after`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    pub span: Span,
    pub before: &'static str,
    pub after: &'static str,
    /// Text of the client's own follows: to be set apart by a blank line.
    pub is_followed: bool,
}

impl Slot {
    /// In front of a string's own text.
    pub(super) fn inside(text: &Span) -> Self {
        Self { is_followed: !text.is_empty(), ..Self::insert(text.start, "", "") }
    }

    /// Instead of a value.
    pub(super) fn instead(value: Span) -> Self {
        Self { span: value, before: "\"", after: "\"", is_followed: false }
    }

    /// Between bytes.
    pub(super) fn insert(at: usize, before: &'static str, after: &'static str) -> Self {
        Self { span: at..at, before, after, is_followed: false }
    }
}

/// A list of content parts, as far as a slot wants to know it.
#[derive(Default)]
pub(super) struct List {
    pub span: Span,
    pub first_text: Option<Span>,
    pub is_empty: bool,
}

impl List {
    /// In its first text, or as a text of its own.
    pub fn slot(&self) -> Slot {
        let part = |after| Slot::insert(self.span.start + 1, "{\"type\":\"text\",\"text\":\"", after);
        match &self.first_text {
            Some(text) => Slot::inside(text),
            None if self.is_empty => part("\"}"),
            None => part("\"},"),
        }
    }
}

impl Reader {
    /// `system` of the messages dialect, `instructions` of responses.
    pub(super) fn system_member(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
        self.has_system = true;
        self.system = match cursor.kind()? {
            Kind::String => Some(Slot::inside(&cursor.string()?)),
            Kind::Null => Some(Slot::instead(cursor.skip()?)),
            Kind::Array => {
                let list = text_list(cursor)?;
                Some(if list.is_empty { Slot::instead(list.span) } else { list.slot() })
            }
            // The provider will refuse it; there is no place for text.
            _ => cursor.skip().map(|_| None)?,
        };
        Ok(())
    }

    /// The request's place for instructions, once all of it was read.
    pub(super) fn system(&mut self, object: &Span) -> Option<Slot> {
        let behind_brace = |before| Some(Slot::insert(object.start + 1, before, "\","));
        match self.dialect {
            Dialect::Messages if !self.has_system => behind_brace("\"system\":\""),
            Dialect::Responses if !self.has_system => behind_brace("\"instructions\":\""),
            _ => self.system.take(),
        }
    }
}

/// Passes over a list of blocks; notes the first that is a text.
fn text_list(cursor: &mut Cursor) -> Result<List, json::Error> {
    let mut list = List { is_empty: true, ..List::default() };
    list.span = cursor.array(|cursor| {
        list.is_empty = false;
        if cursor.kind()? != Kind::Object {
            return cursor.skip().map(|_| ());
        }
        cursor.object::<json::Error>(|cursor, key| {
            if key == b"text" && cursor.kind()? == Kind::String {
                let text = cursor.string()?;
                list.first_text.get_or_insert(text);
                return Ok(());
            }
            cursor.skip().map(|_| ())
        })?;
        Ok::<_, json::Error>(())
    })?;
    Ok(list)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::Slot;
    use crate::endpoint::Endpoint::{self, ChatCompletions, Completions, CountTokens, Embeddings, Messages, Responses};
    use crate::prompt::{Needs, read};

    /// The body with a mark put into the slot, set apart where own text follows.
    fn filled(body: &str, slot: &Slot) -> String {
        let blank = if slot.is_followed { "|" } else { "" };
        [&body[..slot.span.start], slot.before, "^", blank, slot.after, &body[slot.span.end..]].concat()
    }

    fn check(endpoint: Endpoint, rows: &[(&str, &str)]) {
        for (body, expected) in rows {
            for needs in [Needs::default(), Needs::ALL] {
                let slot = read(endpoint, body.as_bytes(), needs).unwrap().system.unwrap();
                assert_eq!(filled(body, &slot), *expected);
            }
        }
    }

    #[test]
    fn in_the_first_system_message_of_a_chat() {
        let rows = [
            (
                r#"{"role":"user"},{"role":"system","content":"x"}"#,
                r#"{"role":"user"},{"role":"system","content":"^|x"}"#,
            ),
            (
                r#"{"role":"system","content":"x"},{"role":"system","content":"y"}"#,
                r#"{"role":"system","content":"^|x"},{"role":"system","content":"y"}"#,
            ),
            (r#"{"content":"x","role":"developer"}"#, r#"{"content":"^|x","role":"developer"}"#),
            (r#"{"role":"system","content":""}"#, r#"{"role":"system","content":"^"}"#),
            (r#"{"role":"system","content":null}"#, r#"{"role":"system","content":"^"}"#),
            (r#"{"role":"system"}"#, r#"{"content":"^","role":"system"}"#),
            (
                r#"{"role":"system","content":[{"type":"x"},{"type":"text","text":"y"}]}"#,
                r#"{"role":"system","content":[{"type":"x"},{"type":"text","text":"^|y"}]}"#,
            ),
            (
                r#"{"role":"system","content":[{"type":"x"}]}"#,
                r#"{"role":"system","content":[{"type":"text","text":"^"},{"type":"x"}]}"#,
            ),
            (r#"{"role":"system","content":[]}"#, r#"{"role":"system","content":[{"type":"text","text":"^"}]}"#),
            (r#"{"role":"user"}"#, r#"{"role":"system","content":"^"},{"role":"user"}"#),
            (r#"{"role":"system","content":1}"#, r#"{"role":"system","content":"^"},{"role":"system","content":1}"#),
            ("", r#"{"role":"system","content":"^"}"#),
        ];
        for (before, after) in rows {
            let body = |messages| format!("{{\"messages\":[{messages}]}}");
            check(ChatCompletions, &[(&body(before), &body(after))]);
        }
    }

    #[test]
    fn in_a_member_of_its_own() {
        let messages = [
            (r#"{"system":"x","messages":[{"role":"system"}]}"#, r#"{"system":"^|x","messages":[{"role":"system"}]}"#),
            (
                r#"{"messages":[],"system":[{"type":"text","text":"x","cache_control":{}}]}"#,
                r#"{"messages":[],"system":[{"type":"text","text":"^|x","cache_control":{}}]}"#,
            ),
            (
                r#"{"messages":[],"system":[{"type":"x"}]}"#,
                r#"{"messages":[],"system":[{"type":"text","text":"^"},{"type":"x"}]}"#,
            ),
            (r#"{"messages":[],"system":[]}"#, r#"{"messages":[],"system":"^"}"#),
            (r#"{"messages":[],"system":null}"#, r#"{"messages":[],"system":"^"}"#),
            (r#"{"messages":[]}"#, r#"{"system":"^","messages":[]}"#),
        ];
        check(Messages, &messages);
        check(CountTokens, &messages);
        check(
            Responses,
            &[
                (r#"{"input":"x"}"#, r#"{"instructions":"^","input":"x"}"#),
                (r#"{"input":[],"instructions":null}"#, r#"{"input":[],"instructions":"^"}"#),
                (r#"{"input":"x","instructions":"y"}"#, r#"{"input":"x","instructions":"^|y"}"#),
            ],
        );
    }

    #[test]
    fn some_requests_have_none() {
        for (endpoint, body) in [
            (Completions, r#"{"prompt":"x","system":"y"}"#),
            (Embeddings, r#"{"input":"x","instructions":"y"}"#),
            (Messages, r#"{"messages":[],"system":1}"#),
        ] {
            assert_eq!(read(endpoint, body.as_bytes(), Needs::ALL).unwrap().system, None);
        }
    }
}

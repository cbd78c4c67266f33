//! The `chat` dialect: requests to OpenAI's `POST /v1/chat/completions` (API reference, "Create chat completion").

use std::ops::Range;

pub use needs::Needs;
mod needs {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Needs {
        Nothing,
        Files,
    }
}
use crate::json::{self, Cursor, Kind, Span};

/// A request, read in place: all spans point into its body.
#[derive(Debug)]
pub struct Chat<'a> {
    pub body: &'a [u8],
    /// The outermost object.
    pub object: Span,
    /// The value of `model`, quotes included; none if the client sent none.
    pub model: Option<Span>,
    pub stream: bool,
    pub stream_options: Option<StreamOptions>,
    pub(super) messages: Vec<Message>,
    pub(super) texts: Vec<Span>,
    pub(super) arguments: Vec<Span>,
    pub(super) fences: Vec<u32>,
}

/// Where `stream_options` stands and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamOptions {
    pub object: Span,
    /// Its members; the object is empty without.
    pub has_members: bool,
    /// The value of `include_usage` and whether it is `true`.
    pub include_usage: Option<(Span, bool)>,
}

/// One message: which of the texts and tool-call arguments are its own.
#[derive(Debug)]
pub(super) struct Message {
    pub role: Role,
    pub texts: Range<usize>,
    pub arguments: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// System and developer: the client's own words, not the conversation's.
    Instructions,
    User,
    Assistant,
    /// The outcome of a tool call.
    Tool,
    Unknown,
}

/// Why a body is not a chat request.
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

/// Reads a request; texts and tool calls only if `needs` says so.
pub fn read(body: &[u8], needs: Needs) -> Result<Chat<'_>, ReadError> {
    let mut cursor = match needs {
        Needs::Nothing => Cursor::new(body),
        Needs::Files => Cursor::noting_fences(body),
    };
    if cursor.kind()? != Kind::Object {
        // Checked to its end first: broken JSON is named as such.
        cursor.skip()?;
        cursor.finish()?;
        return Err(ReadError::WrongType { field: "body", expected: "an object" });
    }
    let mut reader = Reader { needs, ..Reader::default() };
    let object = cursor.object(|cursor, key| reader.member(cursor, key))?;
    let fences = cursor.finish()?;
    if let Some(error) = reader.error {
        return Err(error);
    }
    if !reader.has_messages {
        return Err(ReadError::Missing("messages"));
    }
    let Reader { model, stream, stream_options, messages, texts, arguments, .. } = reader;
    let stream = stream.unwrap_or_default();
    Ok(Chat { body, object, model, stream, stream_options, messages, texts, arguments, fences })
}

struct Reader {
    needs: Needs,
    /// The first complaint about a field; the walk goes on, since broken JSON further on matters more.
    error: Option<ReadError>,
    model: Option<Span>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    has_messages: bool,
    messages: Vec<Message>,
    texts: Vec<Span>,
    arguments: Vec<Span>,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            needs: Needs::Nothing,
            error: None,
            model: None,
            stream: None,
            stream_options: None,
            has_messages: false,
            messages: Vec::new(),
            texts: Vec::new(),
            arguments: Vec::new(),
        }
    }
}

impl Reader {
    fn member(&mut self, cursor: &mut Cursor, key: &[u8]) -> Result<(), ReadError> {
        match key {
            b"model" => self.model(cursor)?,
            b"messages" => self.messages(cursor)?,
            b"stream" => self.stream(cursor)?,
            b"stream_options" => self.stream_options(cursor)?,
            _ => {
                cursor.skip()?;
            }
        }
        Ok(())
    }

    fn complain(&mut self, error: ReadError) {
        self.error.get_or_insert(error);
    }

    fn model(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
        let kind = cursor.kind()?;
        let span = cursor.skip()?;
        if self.model.replace(span).is_some() {
            self.complain(ReadError::Repeated("model"));
        } else if !matches!(kind, Kind::String | Kind::Null) {
            self.complain(ReadError::WrongType { field: "model", expected: "a string" });
        }
        Ok(())
    }

    fn stream(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
        let kind = cursor.kind()?;
        cursor.skip()?;
        if self.stream.replace(kind == Kind::True).is_some() {
            self.complain(ReadError::Repeated("stream"));
        } else if !matches!(kind, Kind::True | Kind::False | Kind::Null) {
            self.complain(ReadError::WrongType { field: "stream", expected: "true or false" });
        }
        Ok(())
    }

    fn stream_options(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
        let kind = cursor.kind()?;
        let mut has_members = false;
        let mut include_usage = None;
        let object = match kind {
            Kind::Object => cursor.object::<json::Error>(|cursor, key| {
                has_members = true;
                let is_true = cursor.kind()? == Kind::True;
                let span = cursor.skip()?;
                if key == b"include_usage" {
                    include_usage = Some((span, is_true));
                }
                Ok(())
            })?,
            _ => cursor.skip()?,
        };
        let options = StreamOptions { object, has_members, include_usage };
        if self.stream_options.replace(options).is_some() {
            self.complain(ReadError::Repeated("stream_options"));
        } else if !matches!(kind, Kind::Object | Kind::Null) {
            self.complain(ReadError::WrongType { field: "stream_options", expected: "an object" });
        }
        Ok(())
    }

    fn messages(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
        if std::mem::replace(&mut self.has_messages, true) {
            self.complain(ReadError::Repeated("messages"));
        }
        if cursor.kind()? != Kind::Array {
            self.complain(ReadError::WrongType { field: "messages", expected: "an array of objects" });
            return cursor.skip().map(|_| ());
        }
        cursor.array(|cursor| {
            if cursor.kind()? != Kind::Object {
                self.complain(ReadError::WrongType { field: "messages", expected: "an array of objects" });
                return cursor.skip().map(|_| ());
            }
            match self.needs {
                Needs::Nothing => cursor.skip().map(|_| ()),
                Needs::Files => self.message(cursor),
            }
        })?;
        Ok(())
    }

    fn message(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
        let (texts, arguments) = (self.texts.len(), self.arguments.len());
        let mut role = Role::Unknown;
        cursor.object(|cursor, key| {
            match (key, cursor.kind()?) {
                (b"role", Kind::String) => {
                    let span = cursor.string()?;
                    role = Role::of(&json::unescape(cursor.raw(&span)));
                }
                (b"content", Kind::String) => self.texts.push(cursor.string()?),
                (b"content", Kind::Array) => {
                    cursor.array(|cursor| self.part(cursor))?;
                }
                (b"tool_calls", Kind::Array) => {
                    cursor.array(|cursor| self.tool_call(cursor))?;
                }
                (b"function_call", Kind::Object) => self.function(cursor)?,
                _ => {
                    cursor.skip()?;
                }
            }
            Ok::<_, json::Error>(())
        })?;
        let (texts, arguments) = (texts..self.texts.len(), arguments..self.arguments.len());
        self.messages.push(Message { role, texts, arguments });
        Ok(())
    }

    /// One part of a content list: `{"type":"text","text":…}`, an image, a refusal.
    fn part(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
        self.strings_of(cursor, b"text", |reader, span| reader.texts.push(span))
    }

    /// `{"id":…,"type":"function","function":{"name":…,"arguments":"…"}}`
    fn tool_call(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
        if cursor.kind()? != Kind::Object {
            return cursor.skip().map(|_| ());
        }
        cursor.object(|cursor, key| match key {
            b"function" => self.function(cursor),
            _ => cursor.skip().map(|_| ()),
        })?;
        Ok(())
    }

    fn function(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
        self.strings_of(cursor, b"arguments", |reader, span| reader.arguments.push(span))
    }

    /// Passes over any value; of an object, gives the string that is its member `wanted`.
    fn strings_of(
        &mut self,
        cursor: &mut Cursor,
        wanted: &[u8],
        mut found: impl FnMut(&mut Self, Span),
    ) -> Result<(), json::Error> {
        if cursor.kind()? != Kind::Object {
            return cursor.skip().map(|_| ());
        }
        cursor.object(|cursor, key| {
            if key == wanted && cursor.kind()? == Kind::String {
                let span = cursor.string()?;
                found(self, span);
                return Ok(());
            }
            cursor.skip().map(|_| ())
        })?;
        Ok(())
    }
}

impl Role {
    fn of(text: &[u8]) -> Self {
        match text {
            b"system" | b"developer" => Self::Instructions,
            b"user" => Self::User,
            b"assistant" => Self::Assistant,
            b"tool" | b"function" => Self::Tool,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{ReadError, read};
    use crate::json;
    use crate::prompt::Needs;

    fn error(body: &str) -> ReadError {
        let errors = [Needs::Nothing, Needs::Files].map(|needs| read(body.as_bytes(), needs).unwrap_err());
        assert_eq!(errors[0], errors[1], "what is looked at must not change what is refused");
        errors[0].clone()
    }

    #[test]
    fn finds_the_fields_that_route() {
        let body = r#" {"stream" : true, "mod\u0065l": "a b", "x": [1], "messages": [], "stream_options": {"include_usage": false}}"#;
        let chat = read(body.as_bytes(), Needs::Nothing).unwrap();
        assert_eq!(&body[chat.model.clone().unwrap()], "\"a b\"");
        assert!(chat.stream);
        let options = chat.stream_options.unwrap();
        assert_eq!(&body[options.object.clone()], "{\"include_usage\": false}");
        let (span, on) = options.include_usage.unwrap();
        assert_eq!((&body[span], on), ("false", false));
    }

    #[test]
    fn model_may_be_missing_or_null() {
        assert_eq!(read(br#"{"messages":[]}"#, Needs::Files).unwrap().model, None);
        assert!(read(br#"{"model":null,"messages":[]}"#, Needs::Files).unwrap().model.is_some());
    }

    #[test]
    fn refuses_what_is_not_a_chat_request() {
        assert_eq!(error(""), ReadError::Json(json::Error::Empty));
        assert_eq!(error("{}"), ReadError::Missing("messages"));
        assert_eq!(error("[]"), ReadError::WrongType { field: "body", expected: "an object" });
        assert_eq!(
            error(r#"{"model":1,"messages":[]}"#),
            ReadError::WrongType { field: "model", expected: "a string" }
        );
        assert_eq!(
            error(r#"{"messages":{}}"#),
            ReadError::WrongType { field: "messages", expected: "an array of objects" }
        );
        assert_eq!(
            error(r#"{"messages":["x"]}"#),
            ReadError::WrongType { field: "messages", expected: "an array of objects" }
        );
        assert_eq!(error(r#"{"model":"a","messages":[],"model":"a"}"#), ReadError::Repeated("model"));
        assert_eq!(error(r#"{"model":"a","messages":[],"mode\u006c":"b"}"#), ReadError::Repeated("model"));
        assert_eq!(error(r#"{"messages":[],"messages":[]}"#), ReadError::Repeated("messages"));
        assert_eq!(
            error(r#"{"stream":"yes","messages":[]}"#),
            ReadError::WrongType { field: "stream", expected: "true or false" }
        );
    }

    #[test]
    fn broken_json_matters_more_than_a_wrong_field() {
        assert!(matches!(error(r#"{"model":1,"messages":[}"#), ReadError::Json(_)));
        assert!(matches!(error(r#"[1"#), ReadError::Json(_)));
    }
}

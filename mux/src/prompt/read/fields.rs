//! The fields that route: the same in every dialect.

use super::{ReadError, Reader};
use crate::json::{self, Cursor, Kind, Span};

/// Where `stream_options` stands and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamOptions {
    pub object: Span,
    /// Its members; the object is empty without.
    pub has_members: bool,
    /// The value of `include_usage` and whether it is `true`.
    pub include_usage: Option<(Span, bool)>,
}

impl Reader {
    pub(super) fn model(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
        let kind = cursor.kind()?;
        let span = cursor.skip()?;
        if self.model.replace(span).is_some() {
            self.complain(ReadError::Repeated("model"));
        } else if !matches!(kind, Kind::String | Kind::Null) {
            self.complain(ReadError::WrongType { field: "model", expected: "a string" });
        }
        Ok(())
    }

    pub(super) fn stream(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
        let kind = cursor.kind()?;
        cursor.skip()?;
        if self.stream.replace(kind == Kind::True).is_some() {
            self.complain(ReadError::Repeated("stream"));
        } else if !matches!(kind, Kind::True | Kind::False | Kind::Null) {
            self.complain(ReadError::WrongType { field: "stream", expected: "true or false" });
        }
        Ok(())
    }

    pub(super) fn stream_options(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
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

    /// Offered are tools only if the list holds any.
    pub(super) fn tools(&mut self, cursor: &mut Cursor) -> Result<(), json::Error> {
        let kind = cursor.kind()?;
        let span = cursor.skip()?;
        let inside = cursor.raw(&span).get(1..).unwrap_or_default();
        let first = inside.iter().find(|byte| !byte.is_ascii_whitespace());
        self.has_tools |= kind == Kind::Array && first != Some(&b']');
        Ok(())
    }
}

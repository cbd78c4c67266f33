//! Whether a plain answer is one that others may have.

use crate::dialect::Dialect;
use crate::json::{self, Cursor, Edit, Error, Value, splice};

/// Whether it is complete and no error. Refusals, calls of tools and answers that a limit cut are answers.
pub fn is_whole(dialect: Dialect, body: &[u8]) -> bool {
    json::parse(body).is_ok_and(|answer| is_complete(dialect, &answer))
}

pub(super) fn is_complete(dialect: Dialect, answer: &Value) -> bool {
    let text = |name| answer.get(name).and_then(Value::as_str);
    let list = |name| answer.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if answer.get("error").is_some_and(|error| !error.is_null()) {
        return false;
    }
    match dialect {
        Dialect::Chat | Dialect::Completions => {
            let ended = |choice: &Value| {
                choice
                    .get("finish_reason")
                    .and_then(Value::as_str)
                    .is_some_and(|word| !word.is_empty() && word != "error")
            };
            !list("choices").is_empty() && list("choices").iter().all(ended)
        }
        Dialect::Messages => text("type") == Some("message") && text("stop_reason").is_some(),
        Dialect::Responses => matches!(text("status"), Some("completed" | "incomplete")) && !list("output").is_empty(),
        Dialect::Embeddings => !list("data").is_empty(),
    }
}

/// Members in which OpenAI repeats what a request said of who asks.
const IDENTITY: [(&[u8], &[u8]); 4] =
    [(b"metadata", b"{}"), (b"user", b"null"), (b"safety_identifier", b"null"), (b"prompt_cache_key", b"null")];

/// An answer without what it repeats of who asked for it.
pub fn without_identity(dialect: Dialect, body: Vec<u8>) -> Vec<u8> {
    if dialect != Dialect::Responses {
        return body;
    }
    let (mut cursor, mut edits) = (Cursor::new(&body), Vec::new());
    let read = cursor.object::<Error>(|cursor, name| {
        let span = cursor.skip()?;
        if let Some((_, with)) = IDENTITY.iter().find(|(own, _)| *own == name) {
            edits.push(Edit { span, with: with.to_vec() });
        }
        Ok(())
    });
    if read.is_err() || edits.is_empty() { body } else { splice(&body, edits).on(&body) }
}

//! Whether a request asks the model to think first.

use crate::dialect::Dialect;
use crate::json::{Cursor, Error, Kind};

/// Passes over the value of one of the fields that say so: `thinking` of Anthropic (and of those who took it over for
/// chat), `reasoning` of OpenAI's Responses API and of OpenRouter, `reasoning_effort` of OpenAI's chat,
/// `enable_thinking` of Qwen's servers.
pub fn asked(cursor: &mut Cursor, dialect: Dialect, key: &[u8]) -> Result<bool, Error> {
    let kind = cursor.kind()?;
    match (dialect, key, kind) {
        (Dialect::Messages | Dialect::Chat, b"thinking", Kind::Object) => {
            let mut asked = false;
            members(cursor, |key, value| {
                asked |= key == b"type" && (value == b"\"enabled\"" || value == b"\"adaptive\"")
            })?;
            Ok(asked)
        }
        (Dialect::Responses | Dialect::Chat, b"reasoning", Kind::Object) => {
            let mut declined = false;
            members(cursor, |key, value| {
                declined |= key == b"effort" && value == b"\"none\"" || key == b"enabled" && value == b"false";
            })?;
            Ok(!declined)
        }
        (Dialect::Chat, b"reasoning_effort", Kind::String) => {
            let span = cursor.string()?;
            Ok(cursor.raw(&span) != b"none")
        }
        (Dialect::Chat, b"enable_thinking", _) => cursor.skip().map(|_| kind == Kind::True),
        _ => cursor.skip().map(|_| false),
    }
}

fn members(cursor: &mut Cursor, mut seen: impl FnMut(&[u8], &[u8])) -> Result<(), Error> {
    cursor.object::<Error>(|cursor, key| {
        let span = cursor.skip()?;
        seen(key, cursor.raw(&span));
        Ok(())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use crate::endpoint::Endpoint::{self, ChatCompletions, Messages, Responses};
    use crate::prompt::{Needs, read};

    #[test]
    fn each_dialect_asks_in_its_own_words() {
        let rows: [(Endpoint, &str, bool); 18] = [
            (Messages, r#""thinking":{"type":"enabled","budget_tokens":1024}"#, true),
            (Messages, r#""thinking":{"type":"adaptive"}"#, true),
            (Messages, r#""thinking":{"type":"disabled"}"#, false),
            (Messages, r#""reasoning":{"effort":"high"}"#, false),
            (ChatCompletions, r#""reasoning_effort":"low""#, true),
            (ChatCompletions, r#""reasoning_effort":"none""#, false),
            (ChatCompletions, r#""reasoning_effort":null"#, false),
            (ChatCompletions, r#""reasoning":{"max_tokens":100}"#, true),
            (ChatCompletions, r#""reasoning":{"enabled":false}"#, false),
            (ChatCompletions, r#""reasoning":{"effort":"none"}"#, false),
            (ChatCompletions, r#""thinking":{"type":"enabled"}"#, true),
            (ChatCompletions, r#""enable_thinking":true"#, true),
            (ChatCompletions, r#""enable_thinking":false"#, false),
            (ChatCompletions, r#""temperature":1"#, false),
            (Responses, r#""reasoning":{"summary":"auto"}"#, true),
            (Responses, r#""reasoning":{"effort":"none"}"#, false),
            (Responses, r#""reasoning":null"#, false),
            (Responses, r#""reasoning_effort":"high""#, false),
        ];
        for (endpoint, field, thinking) in rows {
            let body = format!("{{{field},\"messages\":[],\"input\":[]}}");
            assert_eq!(read(endpoint, body.as_bytes(), Needs::default()).unwrap().thinking, thinking, "{field}");
        }
    }
}

//! What holds for every pair of dialects.

mod answers;
mod random;
mod round_trips;

use serde_json::Value;

use super::{Asked, Context, Dialect, Translated, Untranslatable, translate_answer, translate_request};

pub const CHATLIKE: [Dialect; 3] = [Dialect::Chat, Dialect::Messages, Dialect::Responses];

pub const CONTEXT: Context<'_> = Context { model: "a-model", max_tokens_default: 4_096, extensions: false };

pub fn translate(from: Dialect, to: Dialect, body: &Value) -> Result<(Value, Translated), Untranslatable> {
    translate_for(&CONTEXT, from, to, body)
}

pub fn translate_for(
    context: &Context<'_>,
    from: Dialect,
    to: Dialect,
    body: &Value,
) -> Result<(Value, Translated), Untranslatable> {
    let translated = translate_request(from, to, body.to_string().as_bytes(), context)?;
    Ok((serde_json::from_slice(&translated.body).unwrap(), translated))
}

pub fn answer(from: Dialect, to: Dialect, body: &Value, asked: &Asked) -> Value {
    serde_json::from_slice(&translate_answer(from, to, body.to_string().as_bytes(), asked).unwrap()).unwrap()
}

/// Asserts that a request with `change` added to the dialect's smallest one is translated to have `expected`, field by
/// field, and which fields it drops.
pub fn assert_request(from: Dialect, to: Dialect, change: &Value, expected: &Value, dropped: &[&str]) {
    let (written, translated) =
        translate(from, to, &request(from, change)).unwrap_or_else(|error| panic!("{change}: {error}"));
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&written[name], value, "{name} of {change}");
    }
    assert_eq!(translated.dropped, dropped, "{change}");
}

/// Asserts that such a request is refused, naming `field`.
pub fn assert_refused(from: Dialect, to: Dialect, change: &Value, field: &str) {
    let error = translate(from, to, &request(from, change)).map(|(written, _)| written).expect_err(&change.to_string());
    assert_eq!(error.field, field, "{change}: {error}");
    assert!(error.message.len() > 10, "{error}");
}

fn request(dialect: Dialect, change: &Value) -> Value {
    let messages = serde_json::json!([{ "role": "user", "content": "hi" }]);
    let mut body = match dialect {
        Dialect::Responses => serde_json::json!({ "model": "m", "input": "hi" }),
        Dialect::Messages => serde_json::json!({ "model": "m", "max_tokens": 9000, "messages": messages }),
        _ => serde_json::json!({ "model": "m", "messages": messages }),
    };
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    body
}

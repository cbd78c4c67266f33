//! Errors of providers, of any shape, in the client's dialect.
//!
//! Sources: Anthropic's "Errors" page, OpenAI's "Error codes" page, and what servers that imitate them answer (a bare
//! string under `error`, FastAPI's `detail`, numbers for codes, no JSON at all).

use super::Dialect;
use super::model::{ErrorKind, ProviderError};
use crate::json::{Value, json};

/// Bytes of a message that are passed on; a provider that answers with a page of its own is cut off here.
const MESSAGE_BYTES_MAX: usize = 4 << 10;

/// What OpenAI calls a prompt that is too long, and how Anthropic's message for it begins. Coding agents shorten their
/// conversation when they see theirs.
const TOO_LONG_CODE: &str = "context_length_exceeded";
const TOO_LONG_MESSAGE: &str = "prompt is too long";

/// A kind of error, its HTTP status, and its `type` at Anthropic and at OpenAI.
const KINDS: [(ErrorKind, u16, &str, &str); 10] = [
    (ErrorKind::InvalidRequest, 400, "invalid_request_error", "invalid_request_error"),
    (ErrorKind::Authentication, 401, "authentication_error", "authentication_error"),
    (ErrorKind::Billing, 402, "billing_error", "insufficient_quota"),
    (ErrorKind::Permission, 403, "permission_error", "permission_error"),
    (ErrorKind::NotFound, 404, "not_found_error", "not_found_error"),
    (ErrorKind::TooLarge, 413, "request_too_large", "request_too_large"),
    (ErrorKind::RateLimit, 429, "rate_limit_error", "rate_limit_error"),
    (ErrorKind::Timeout, 504, "timeout_error", "timeout_error"),
    (ErrorKind::Overloaded, 529, "overloaded_error", "overloaded_error"),
    (ErrorKind::Server, 500, "api_error", "server_error"),
];

/// An error answer of a provider, as the client's dialect has it. The status stays as it is.
pub fn translate_error(from: Dialect, to: Dialect, status: u16, body: &[u8]) -> Vec<u8> {
    write_error(to, &read_error(from, status, body)).to_string().into_bytes()
}

/// What a provider's error says. `status` is that of the answer; below 400 (an error in mid-stream) the error's own
/// words decide its kind.
pub fn read_error(_from: Dialect, status: u16, body: &[u8]) -> ProviderError {
    let value: Value = crate::json::parse(body).unwrap_or_default();
    let error = value.get("error").filter(|error| !error.is_null()).unwrap_or(&value);
    let text = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
    let kind_name = text("type").filter(|name| name != "error").unwrap_or_default();
    let code = match error.get("code") {
        Some(Value::String(code)) => Some(code.to_string()),
        Some(Value::Number(code)) => Some(code.to_string()),
        _ => None,
    };
    let message = message(&value, error, body);
    let is_too_long = kind_name == "exceed_context_size_error" || message.starts_with(TOO_LONG_MESSAGE);
    ProviderError {
        kind: kind(status, &kind_name, code.as_deref()),
        message: message.unwrap_or_silence(status),
        code: if is_too_long { Some(TOO_LONG_CODE.to_owned()) } else { code },
        param: text("param"),
    }
}

/// A provider's text, which may be empty.
struct Message(String);

impl Message {
    fn starts_with(&self, start: &str) -> bool {
        self.0.starts_with(start)
    }

    fn unwrap_or_silence(self, status: u16) -> String {
        if self.0.is_empty() { format!("The provider answered {status} and did not say why") } else { self.0 }
    }
}

fn message(value: &Value, error: &Value, body: &[u8]) -> Message {
    let of_error = error.as_str().or_else(|| error.get("message").and_then(Value::as_str));
    let named = of_error.or_else(|| value.get("message").and_then(Value::as_str));
    let mut text = match (named, value.get("detail")) {
        (Some(text), _) if !text.is_empty() => text.to_owned(),
        (_, Some(Value::String(text))) => text.to_string(),
        (_, Some(detail)) => detail.to_string(),
        // A page for people says nothing to a program.
        _ if value.is_null() && !body.trim_ascii_start().starts_with(b"<") => {
            String::from_utf8_lossy(body.get(..MESSAGE_BYTES_MAX).unwrap_or(body)).trim().to_owned()
        }
        _ => String::new(),
    };
    // OpenRouter says only there what the provider behind it said.
    if let Some(raw) = error.get("metadata").and_then(|data| data.get("raw")).and_then(Value::as_str) {
        text = format!("{text}: {raw}");
    }
    text.truncate(text.floor_char_boundary(MESSAGE_BYTES_MAX));
    Message(text)
}

fn kind(status: u16, name: &str, code: Option<&str>) -> ErrorKind {
    // Said with any status.
    if ["insufficient_quota", "billing_error"].contains(&name) || code == Some("insufficient_quota") {
        return ErrorKind::Billing;
    }
    let from_code = code.and_then(|code| code.parse().ok()).filter(|code: &u16| *code >= 400);
    let of_name = KINDS.iter().find(|(.., anthropic, openai)| name == *anthropic || name == *openai).map(|row| row.0);
    match if status >= 400 { Some(status) } else { from_code } {
        None => match code {
            Some("rate_limit_exceeded") => ErrorKind::RateLimit,
            Some(TOO_LONG_CODE) => ErrorKind::InvalidRequest,
            _ => of_name.unwrap_or(ErrorKind::Server),
        },
        Some(503) => ErrorKind::Overloaded,
        Some(408) => ErrorKind::Timeout,
        Some(status) => match KINDS.iter().find(|(_, known, ..)| *known == status) {
            Some((kind, ..)) => *kind,
            None if status < 500 => ErrorKind::InvalidRequest,
            None => ErrorKind::Server,
        },
    }
}

/// The error object of the dialect, as a whole answer or as the data of an error event.
pub fn write_error(to: Dialect, error: &ProviderError) -> Value {
    let ProviderError { kind, message, code, param } = error;
    let row = KINDS.iter().find(|(known, ..)| known == kind);
    let (anthropic, openai) =
        row.map_or(("api_error", "server_error"), |(.., anthropic, openai)| (*anthropic, *openai));
    let is_too_long = code.as_deref() == Some(TOO_LONG_CODE);
    if to == Dialect::Messages {
        let message = match message {
            message if is_too_long && !message.starts_with(TOO_LONG_MESSAGE) => {
                format!("{TOO_LONG_MESSAGE}: {message}")
            }
            message => message.clone(),
        };
        return json!({ "type": "error", "error": { "type": anthropic, "message": message } });
    }
    let code = code.as_deref().or(match kind {
        ErrorKind::Authentication => Some("invalid_api_key"),
        ErrorKind::Billing => Some("insufficient_quota"),
        ErrorKind::RateLimit => Some("rate_limit_exceeded"),
        ErrorKind::Overloaded => Some("server_is_overloaded"),
        _ => None,
    });
    json!({ "error": { "message": message, "type": openai, "param": param, "code": code } })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{Dialect, MESSAGE_BYTES_MAX, translate_error};

    fn translated(from: Dialect, to: Dialect, status: u16, body: &str) -> Value {
        serde_json::from_slice(&translate_error(from, to, status, body.as_bytes())).unwrap()
    }

    #[test]
    fn errors_of_chat_providers_reach_messages_clients() {
        let rows = [
            (
                401,
                r#"{"error":{"message":"no","type":"invalid_request_error","code":"invalid_api_key"}}"#,
                "authentication_error",
                "no",
            ),
            (
                429,
                r#"{"error":{"message":"no","type":"insufficient_quota","code":"insufficient_quota"}}"#,
                "billing_error",
                "no",
            ),
            (429, r#"{"error":{"message":"no","type":"tokens"}}"#, "rate_limit_error", "no"),
            (
                503,
                r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#,
                "overloaded_error",
                "Loading model",
            ),
            (404, r#"{"error":"model 'x' not found"}"#, "not_found_error", "model 'x' not found"),
            (422, r#"{"detail":[{"loc":["body"]}]}"#, "invalid_request_error", r#"[{"loc":["body"]}]"#),
            (500, r#"{"message":"boom"}"#, "api_error", "boom"),
            (502, "<html>Bad gateway</html>", "api_error", "The provider answered 502 and did not say why"),
            (500, "plain words\n", "api_error", "plain words"),
            (500, "", "api_error", "The provider answered 500 and did not say why"),
            (
                400,
                r#"{"error":{"code":"context_length_exceeded","message":"8 > 4"}}"#,
                "invalid_request_error",
                "prompt is too long: 8 > 4",
            ),
            (200, r#"{"error":{"code":502,"message":"gone"}}"#, "api_error", "gone"),
            (200, r#"{"error":{"type":"rate_limit_error","message":"slow"}}"#, "rate_limit_error", "slow"),
        ];
        for (status, body, kind, message) in rows {
            let expected = json!({ "type": "error", "error": { "type": kind, "message": message } });
            assert_eq!(translated(Dialect::Chat, Dialect::Messages, status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn errors_of_messages_providers_reach_openai_clients() {
        let rows = [
            (401, "authentication_error", "no", "authentication_error", json!("invalid_api_key")),
            (429, "rate_limit_error", "no", "rate_limit_error", json!("rate_limit_exceeded")),
            (529, "overloaded_error", "no", "overloaded_error", json!("server_is_overloaded")),
            (429, "billing_error", "no", "insufficient_quota", json!("insufficient_quota")),
            (
                400,
                "invalid_request_error",
                "prompt is too long: 9 > 8",
                "invalid_request_error",
                json!("context_length_exceeded"),
            ),
            (400, "invalid_request_error", "no", "invalid_request_error", json!(null)),
        ];
        for (status, kind, message, expected, code) in rows {
            let body = json!({ "type": "error", "error": { "type": kind, "message": message } }).to_string();
            let error = json!({ "error": { "message": message, "type": expected, "param": null, "code": code } });
            for to in [Dialect::Chat, Dialect::Responses] {
                assert_eq!(translated(Dialect::Messages, to, status, &body), error, "{kind}");
            }
        }
    }

    #[test]
    fn a_long_page_is_cut_off() {
        let page = "é".repeat(MESSAGE_BYTES_MAX);
        let error = translated(Dialect::Chat, Dialect::Chat, 500, &page);
        assert!(error["error"]["message"].as_str().unwrap().len() <= MESSAGE_BYTES_MAX + 3);
    }
}

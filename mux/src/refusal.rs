//! What the gateway itself answers instead of a provider: an error in the caller's own dialect.

use std::borrow::Cow;

use serde_json::json;

use crate::dialect::Dialect;

/// Why a request is not sent on. The text of each code is part of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    InvalidJson,
    InvalidRequest,
    InvalidApiKey,
    NotAllowed,
    ModelNotFound,
    NoMatchingRule,
    UnknownEndpoint,
    UnknownWorkspace,
    UnknownSession,
    MethodNotAllowed,
    RequestTooLarge,
    UnsupportedEncoding,
    Untranslatable,
    RateLimited,
    NotReady,
    Overloaded,
    BadAnswer,
    Internal,
}

impl Code {
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        self.row().1
    }

    fn row(self) -> (&'static str, u16) {
        match self {
            Self::InvalidJson => ("invalid_json", 400),
            Self::InvalidRequest => ("invalid_request", 400),
            Self::InvalidApiKey => ("invalid_api_key", 401),
            Self::NotAllowed => ("not_allowed", 403),
            Self::ModelNotFound => ("model_not_found", 404),
            Self::NoMatchingRule => ("no_matching_rule", 404),
            Self::UnknownEndpoint => ("unknown_endpoint", 404),
            Self::UnknownWorkspace => ("unknown_workspace", 404),
            Self::UnknownSession => ("unknown_session", 404),
            Self::MethodNotAllowed => ("method_not_allowed", 405),
            Self::RequestTooLarge => ("request_too_large", 413),
            Self::UnsupportedEncoding => ("unsupported_encoding", 415),
            Self::Untranslatable => ("untranslatable", 422),
            Self::RateLimited => ("rate_limited", 429),
            Self::BadAnswer => ("bad_provider_answer", 502),
            Self::Overloaded => ("overloaded", 503),
            Self::NotReady => ("not_ready", 503),
            Self::Internal => ("internal_error", 500),
        }
    }
}

/// An answer that ends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: Code,
    /// What is wrong and what to do about it.
    pub message: String,
    /// The field at fault.
    pub param: Option<Cow<'static, str>>,
}

impl Refusal {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), param: None }
    }

    /// The error object of OpenAI's API ("Error codes") or of Anthropic's ("Errors").
    pub fn body(&self, dialect: Dialect) -> Vec<u8> {
        let Self { code, message, param } = self;
        let value = match dialect {
            Dialect::Messages => {
                json!({ "type": "error", "error": { "type": anthropic_type(*code), "message": message } })
            }
            Dialect::Chat | Dialect::Responses | Dialect::Completions | Dialect::Embeddings => {
                let kind = if code.status() < 500 { "invalid_request_error" } else { "server_error" };
                json!({ "error": { "message": message, "type": kind, "param": param, "code": code.as_str() } })
            }
        };
        value.to_string().into_bytes()
    }
}

fn anthropic_type(code: Code) -> &'static str {
    match code.status() {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{Code, Refusal};
    use crate::dialect::Dialect;

    #[test]
    fn speaks_the_callers_dialect() {
        let refusal = Refusal { param: Some("model".into()), ..Refusal::new(Code::ModelNotFound, "no \"x\"") };
        let body = |dialect| serde_json::from_slice::<Value>(&refusal.body(dialect)).unwrap();
        assert_eq!(
            body(Dialect::Chat),
            json!({ "error": { "message": "no \"x\"", "type": "invalid_request_error", "param": "model", "code": "model_not_found" } })
        );
        assert_eq!(
            body(Dialect::Messages),
            json!({ "type": "error", "error": { "type": "not_found_error", "message": "no \"x\"" } })
        );
    }
}

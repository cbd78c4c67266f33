//! The built-in provider: a small OpenAI-compatible server that answers without a model, so that the first prompt works
//! without a key or a network.

use std::convert::Infallible;

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures::stream;
use serde::Deserialize;
use serde_json::{Value, json};

pub const PROVIDER: &str = "echo";
pub const MODEL: &str = "echo";
/// Where it is mounted; the endpoint of the provider ends with this.
pub const BASE_PATH: &str = "/echo/v1";

/// Bytes of one request: what the gateway lets through.
const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Rough size of a token of English text.
const BYTES_PER_TOKEN: usize = 4;
const ID: &str = "chatcmpl-echo";

pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route(&format!("{BASE_PATH}/chat/completions"), post(chat))
        .route(&format!("{BASE_PATH}/models"), get(models))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

#[derive(Deserialize)]
struct ChatRequest {
    #[serde(default)]
    model: String,
    #[serde(default)]
    messages: Vec<Value>,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

async fn models() -> Json<Value> {
    Json(json!({"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "muxspace"}]}))
}

async fn chat(body: Bytes) -> Response {
    let request: ChatRequest = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => {
            let error = json!({"error": {"message": error.to_string(), "type": "invalid_request_error",
                "code": "invalid_request", "param": null}});
            return (StatusCode::BAD_REQUEST, Json(error)).into_response();
        }
    };
    let ChatRequest { model, messages, stream, stream_options } = request;
    let text = answer(&model, messages.len(), body.len());
    let usage = usage(body.len(), &text);
    if stream {
        let include_usage = stream_options.is_some_and(|options| options.include_usage);
        return streamed(&model, &text, include_usage.then_some(usage));
    }
    let message = json!({"role": "assistant", "content": text});
    let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
    let answer = json!({"id": ID, "object": "chat.completion", "created": 0, "model": model, "choices": [choice],
        "usage": usage});
    Json(answer).into_response()
}

fn answer(model: &str, messages: usize, bytes: usize) -> String {
    format!(
        "Hello from Muxspace. Your prompt of {messages} message(s) and {bytes} bytes went to provider `{PROVIDER}`, model \
         `{model}`, which only echoes. Add a real provider and a rule, and the next prompt goes there."
    )
}

fn usage(request_bytes: usize, text: &str) -> Value {
    let prompt_tokens = request_bytes.div_ceil(BYTES_PER_TOKEN);
    let completion_tokens = text.len().div_ceil(BYTES_PER_TOKEN);
    json!({"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens})
}

/// One word per event, as a model would.
fn streamed(model: &str, text: &str, usage: Option<Value>) -> Response {
    let with_usage = usage.is_some();
    let chunk = |choices: Value, usage: Option<Value>| {
        let mut chunk = json!({"id": ID, "object": "chat.completion.chunk", "created": 0, "model": model,
            "choices": choices});
        if with_usage && let Some(fields) = chunk.as_object_mut() {
            // With include_usage every chunk has the field, null until the last.
            fields.insert("usage".to_owned(), usage.unwrap_or_default());
        }
        chunk.to_string()
    };
    let delta = |delta: Value, finish_reason: Value| {
        chunk(json!([{"index": 0, "delta": delta, "finish_reason": finish_reason}]), None)
    };
    let mut events = vec![delta(json!({"role": "assistant", "content": ""}), Value::Null)];
    events.extend(text.split_inclusive(' ').map(|word| delta(json!({"content": word}), Value::Null)));
    events.push(delta(json!({}), json!("stop")));
    if usage.is_some() {
        events.push(chunk(json!([]), usage));
    }
    events.push("[DONE]".to_owned());
    let events = events.into_iter().map(|data| Ok::<_, Infallible>(Event::default().data(data)));
    Sse::new(stream::iter(events)).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn ask(body: &str) -> (StatusCode, String) {
        let request = Request::post("/echo/v1/chat/completions").body(Body::from(body.to_owned())).unwrap();
        let response = router::<()>().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn an_answer_names_provider_model_and_size() {
        let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
        let (status, text) = ask(body).await;
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(status, StatusCode::OK);
        let content = answer["choices"][0]["message"]["content"].as_str().unwrap();
        for part in ["`echo`", "`m`", &format!("{} bytes", body.len())] {
            assert!(content.contains(part), "{content}");
        }
        assert_eq!(answer["usage"]["prompt_tokens"], body.len().div_ceil(BYTES_PER_TOKEN));
    }

    #[tokio::test]
    async fn a_stream_ends_with_usage_only_if_asked() {
        for (options, expected) in [("", false), (r#","stream_options":{"include_usage":true}"#, true)] {
            let (_, text) = ask(&format!(r#"{{"model":"m","messages":[],"stream":true{options}}}"#)).await;
            assert!(text.ends_with("data: [DONE]\n\n"));
            assert_eq!(text.contains("prompt_tokens"), expected, "{text}");
        }
    }

    #[tokio::test]
    async fn what_is_no_chat_request_is_refused() {
        assert_eq!(ask("{").await.0, StatusCode::BAD_REQUEST);
    }
}

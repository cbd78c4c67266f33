//! The API in process, on a temporary SQLite file, and providers that answer as they are told.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode, Uri, header};
use axum::routing;
use http_body_util::BodyExt;
use muxspace::cache::{AnswerCache, CACHE_BYTES};
use muxspace::domain::audit::Actor;
use muxspace::domain::provider::LinkLocal;
use muxspace::outbound::{Lookup, ModelClient};
use muxspace::publisher::Publisher;
use muxspace::rest::{AppState, FilterModule, router};
use muxspace::store::{MasterKey, Store};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

pub const TOKEN: &str = "test-admin-token";
pub const FILTER: &[u8] = b"\0asm-not-really";

pub struct Api {
    router: Router,
    pub store: Store,
    pub publisher: Arc<Publisher>,
    pub cache: AnswerCache,
    _folder: TempDir,
}

/// An answer, with its body read as JSON where it is.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Bytes,
    pub json: Value,
}

impl Api {
    pub async fn start() -> Self {
        Self::start_with(LinkLocal::Refused, lookup(|_| Vec::new())).await
    }

    pub async fn start_with(link_local: LinkLocal, lookup: Lookup) -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        let store = Store::open(&url, MasterKey::generate()).await.unwrap();
        let publisher = Publisher::start(store.clone()).await.unwrap();
        let models = ModelClient::new(link_local, lookup).unwrap();
        let filter = FilterModule { bytes: Bytes::from_static(FILTER), sha256: Arc::from("0".repeat(64)) };
        let cache = AnswerCache::new(CACHE_BYTES);
        let app = AppState {
            store: store.acting_as(Actor::Admin),
            publisher: Arc::clone(&publisher),
            cache: cache.clone(),
            models,
            admin_token: TOKEN.into(),
            filter,
        };
        Self { router: router(app).unwrap(), store, publisher, cache, _folder: folder }
    }

    /// Waits until a revision is what nodes would be sent.
    pub async fn published(&self, revision: u64) {
        self.publisher.newer_than(revision - 1).await;
    }

    /// With a provider `p` that refuses connections.
    pub async fn with_provider() -> Self {
        let api = Self::start().await;
        let body = json!({"name": "p", "type": "openai", "endpoint": "http://127.0.0.1:9/v1"});
        api.post("/api/v1/providers", body).await.expect(201);
        api
    }

    /// An answer whose body is not read yet.
    pub async fn open(&self, path: &str) -> Response<Body> {
        let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
        self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, bytes, json }
    }

    /// Sends a body as it stands, with the admin token.
    pub async fn raw(&self, method: &str, path: &str, body: impl Into<Body>) -> Answer {
        self.typed(method, path, "application/json", body).await
    }

    /// The same, with a body of another type.
    pub async fn typed(&self, method: &str, path: &str, content_type: &str, body: impl Into<Body>) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
            .header(header::CONTENT_TYPE, content_type);
        self.send(request.body(body.into()).unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.raw("GET", path, Body::empty()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.raw("DELETE", path, Body::empty()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.raw("POST", path, body.to_string()).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.raw("PUT", path, body.to_string()).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.raw("PATCH", path, body.to_string()).await
    }
}

impl Answer {
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        self
    }

    /// Expects a problem document, and returns the pointers of its errors.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Vec<String> {
        let answer = self.expect(status);
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
        let problem = &answer.json;
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        for field in ["type", "title", "detail"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {problem}");
        }
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
    }

    #[track_caller]
    pub fn revision(&self) -> u64 {
        self.headers["x-muxspace-revision"].to_str().unwrap().parse().unwrap()
    }

    pub fn items(&self) -> &[Value] {
        self.json["items"].as_array().unwrap()
    }
}

/// Resolves `localhost` and what `more` knows, and nothing beyond: no test leaves the machine.
pub fn lookup(more: impl Fn(&str) -> Vec<&'static str> + Send + Sync + 'static) -> Lookup {
    Arc::new(move |name| {
        let known = if name == "localhost" { vec!["127.0.0.1"] } else { more(&name) };
        let addresses: Vec<IpAddr> = known.into_iter().map(|text| text.parse().unwrap()).collect();
        let none = || io::Error::new(io::ErrorKind::NotFound, "no such name");
        let answer = if addresses.is_empty() { Err(none()) } else { Ok(addresses) };
        Box::pin(async { answer })
    })
}

/// A provider that answers every GET as it is told and keeps what it was asked.
pub struct Fake {
    /// Scheme, host and port.
    pub origin: String,
    seen: Arc<Mutex<Vec<Asked>>>,
}

/// What a provider was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// With the query.
    pub path: String,
    pub headers: HeaderMap,
}

impl Fake {
    /// `answer` gets path and query, and gives status and body.
    pub async fn start(answer: impl Fn(&str) -> (u16, String) + Clone + Send + Sync + 'static) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&seen);
        let handler = routing::get(move |uri: Uri, headers: HeaderMap| async move {
            let (status, body) = answer(&uri.to_string());
            keep.lock().unwrap().push(Asked { path: uri.to_string(), headers });
            (StatusCode::from_u16(status).unwrap(), body)
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(handler)).await });
        Self { origin, seen }
    }

    /// Answers one path, and all others with 404.
    pub async fn at(path: &'static str, body: Value) -> Self {
        let body = body.to_string();
        Self::start(move |asked| if asked == path { (200, body.clone()) } else { (404, String::new()) }).await
    }

    pub fn seen(&self) -> Vec<Asked> {
        self.seen.lock().unwrap().clone()
    }
}

impl Asked {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A provider with an OpenAI-style list at `/v1/models`; returns the endpoint.
pub async fn model_server(status: u16, body: impl Into<String>) -> String {
    let body = body.into();
    let answer = move |path: &str| if path == "/v1/models" { (status, body.clone()) } else { (404, String::new()) };
    format!("{}/v1", Fake::start(answer).await.origin)
}

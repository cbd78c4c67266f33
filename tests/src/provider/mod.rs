//! A fake OpenAI-compatible provider that keeps what reached it and answers as its script says.

pub mod answer;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use bytes::Bytes;
use serde_json::Value;
use tokio::task::JoinHandle;

pub use answer::Answer;

/// Above every limit of the gateway: it is the gateway that must refuse.
const BODY_BYTES_MAX: usize = 256 << 20;

/// One request as it reached the provider.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    /// Path and query.
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub at: Instant,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn model(&self) -> String {
        self.json()["model"].as_str().unwrap_or_default().to_owned()
    }

    pub fn wants_stream(&self) -> bool {
        self.json()["stream"] == Value::Bool(true)
    }

    pub fn wants_usage(&self) -> bool {
        self.json()["stream_options"]["include_usage"] == Value::Bool(true)
    }
}

type Script = Box<dyn Fn(&Seen) -> Answer + Send>;
type List = Box<dyn Fn() -> Answer + Send>;

struct Shared {
    seen: Mutex<Vec<Seen>>,
    script: Mutex<Script>,
    list: Mutex<List>,
}

pub struct Provider {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Provider {
    /// Starts one that answers as an honest OpenAI-compatible server does: see [`answer::honest`].
    pub async fn start() -> Self {
        let script: Script = Box::new(answer::honest);
        let list: List = Box::new(answer::models);
        let shared = Arc::new(Shared { seen: Mutex::default(), script: Mutex::new(script), list: Mutex::new(list) });
        let router = Router::new().fallback(serve).with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let server = tokio::spawn(async move {
            // Chunks must leave as they are made: the tests measure when they come.
            let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
                let _ = stream.set_nodelay(true);
            });
            let _ = axum::serve(listener, router).await;
        });
        Self { address, shared, server }
    }

    /// What a provider's `endpoint` is set to.
    pub fn endpoint(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on answers by this script.
    pub fn answer(&self, script: impl Fn(&Seen) -> Answer + Send + 'static) {
        *lock(&self.shared.script) = Box::new(script);
    }

    /// From now on answers so when it is asked for its models.
    pub fn list(&self, list: impl Fn() -> Answer + Send + 'static) {
        *lock(&self.shared.list) = Box::new(list);
    }

    /// Prompts that reached it, oldest first; requests for the list of models are not among them.
    pub fn prompts(&self) -> Vec<Seen> {
        lock(&self.shared.seen).iter().filter(|seen| seen.method == Method::POST).cloned().collect()
    }

    /// The newest prompt.
    pub fn last(&self) -> Seen {
        self.prompts().pop().expect("a prompt reached the provider")
    }

    pub fn forget(&self) {
        lock(&self.shared.seen).clear();
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// An address that refuses connections.
pub async fn refusing_endpoint() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    format!("http://{}/v1", listener.local_addr().expect("a bound listener has an address"))
}

/// An endpoint that takes a request and closes the connection without a word, until it is dropped.
pub struct HangsUp {
    pub endpoint: String,
    server: JoinHandle<()>,
}

impl HangsUp {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}/v1", listener.local_addr().expect("a bound listener has an address"));
        let server = tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let mut request = [0; 64];
                _ = tokio::io::AsyncReadExt::read(&mut connection, &mut request).await;
            }
        });
        Self { endpoint, server }
    }
}

impl Drop for HangsUp {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let at = Instant::now();
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let seen = Seen { method: parts.method, path, headers: parts.headers, body, at };
    let answer = if seen.method == Method::GET { (lock(&shared.list))() } else { (lock(&shared.script))(&seen) };
    lock(&shared.seen).push(seen);
    tokio::time::sleep(answer.delay).await;
    answer.into_response()
}

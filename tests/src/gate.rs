//! A gate in front of the control server that lets everything pass but snapshots, until it is opened.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::uri::{Authority, Scheme, Uri};
use axum::response::{IntoResponse, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinHandle;

/// The one call that waits.
const SUBSCRIBE: &str = "/muxspace.v1.Sync/Subscribe";

pub struct Gate {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    is_open: AtomicBool,
    upstream: Authority,
    client: Client<HttpConnector, Body>,
}

impl Gate {
    /// A closed gate in front of the server at `upstream`, on a port of its own.
    pub async fn before(upstream: &str) -> Self {
        let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
        let upstream = upstream.parse().expect("host and port");
        let shared = Arc::new(Shared { is_open: AtomicBool::new(false), upstream, client });
        let router = Router::new().fallback(pass).with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { address, shared, server }
    }

    pub fn address(&self) -> String {
        self.address.to_string()
    }

    pub fn open(&self) {
        self.shared.is_open.store(true, Ordering::Relaxed);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass(State(shared): State<Arc<Shared>>, mut request: Request) -> Response {
    if request.uri().path() == SUBSCRIBE && !shared.is_open.load(Ordering::Relaxed) {
        // gRPC's "unavailable": the filter tries again.
        return [("content-type", "application/grpc"), ("grpc-status", "14")].into_response();
    }
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(shared.upstream.clone());
    *request.uri_mut() = Uri::from_parts(parts).expect("a request has a path");
    match shared.client.request(request).await {
        Ok(response) => response.map(Body::new),
        Err(error) => (axum::http::StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

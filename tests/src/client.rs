//! Clients of the proxy: one as SDKs are, and one that sends any bytes over one connection.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;

/// Longer than any answer of a fake provider that ends.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A complete answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn revision(&self) -> u64 {
        self.header("x-muxspace-revision").parse().unwrap_or(0)
    }

    /// `error.code` of an error in OpenAI's shape; panics unless it has that shape.
    pub fn error_code(&self) -> String {
        let body = self.json();
        let error =
            body["error"].as_object().unwrap_or_else(|| panic!("no OpenAI error: {} {}", self.status, self.text()));
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "no message: {body}");
        assert!(error["type"].as_str().is_some_and(|kind| !kind.is_empty()), "no type: {body}");
        assert!(error.contains_key("param"), "no param: {body}");
        assert!(self.header("content-type").starts_with("application/json"), "not JSON: {:?}", self.headers);
        error["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// A pooling HTTP client that follows nothing and adds nothing.
pub fn http() -> reqwest::Client {
    // Built with the whole workspace, reqwest has TLS, and then wants to be told whose; no test uses it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder().no_proxy().timeout(PATIENCE).pool_max_idle_per_host(64).tcp_nodelay(true);
    builder.build().expect("a client without special settings can be built")
}

/// Sends one request and reads the whole answer.
pub async fn send(request: reqwest::RequestBuilder) -> Result<Reply, reqwest::Error> {
    let response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    Ok(Reply { status, headers, body: response.bytes().await? })
}

/// One connection: what is sent over it is either answered over it or fails.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    authority: String,
}

impl Connection {
    pub async fn open(authority: &str) -> Self {
        let stream = tokio::net::TcpStream::connect(authority).await.expect("the proxy takes connections");
        stream.set_nodelay(true).expect("a TCP stream has this option");
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("an HTTP/1.1 connection");
        tokio::spawn(connection);
        Self { sender, authority: authority.to_owned() }
    }

    /// One request, and its whole answer.
    pub async fn call(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Reply, String> {
        let mut request = Request::builder().method(method).uri(path).header("host", self.authority.as_str());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).map_err(|error| error.to_string())?;
        let exchange = async {
            self.sender.ready().await.map_err(|error| format!("the connection is gone: {error}"))?;
            let response = self.sender.send_request(request).await.map_err(|error| error.to_string())?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
            Ok(Reply { status: parts.status, headers: parts.headers, body })
        };
        tokio::time::timeout(PATIENCE, exchange).await.map_err(|_| "no answer in time".to_owned())?
    }
}

//! The management API as an admin's client sees it.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Between what was committed and its event; an event is sent at once.
const EVENT_PATIENCE: Duration = Duration::from_secs(5);
/// Longer than anybody follows events.
const FOLLOW_PATIENCE: Duration = Duration::from_secs(3_600);

#[derive(Clone)]
pub struct Api {
    client: reqwest::Client,
    base: String,
    token: String,
}

/// What `/events` says, one after the other.
pub struct Events {
    response: reqwest::Response,
    received: Vec<u8>,
}

impl Events {
    /// Data of the next event of this name; none if nothing more comes in time.
    pub async fn next(&mut self, name: &str) -> Option<Value> {
        loop {
            while let Some(end) = self.received.windows(2).position(|bytes| bytes == b"\n\n") {
                let event: Vec<u8> = self.received.drain(..end + 2).collect();
                let event = String::from_utf8_lossy(&event);
                let field = |field: &str| event.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(": "));
                if field("event") == Some(name) {
                    return serde_json::from_str(field("data")?).ok();
                }
            }
            let piece = tokio::time::timeout(EVENT_PATIENCE, self.response.chunk()).await;
            self.received.extend_from_slice(&piece.ok()?.ok()??);
        }
    }
}

/// What a call was answered with.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: StatusCode,
    /// `x-muxspace-revision`; only writes have one.
    pub revision: Option<u64>,
    pub body: Value,
}

impl Reply {
    /// The revision of a write that must have been accepted.
    pub fn accepted(&self) -> u64 {
        assert!(self.status.is_success(), "the call was refused: {self:?}");
        self.revision.expect("a write names its revision")
    }
}

impl Api {
    pub fn new(base: &str, token: &str) -> Self {
        let client = crate::client::http();
        Self { client, base: base.to_owned(), token: token.to_owned() }
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    /// One call below `/api/v1`.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        self.try_call(method, path, body).await.expect("the API answers")
    }

    pub async fn try_call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Reply, reqwest::Error> {
        let mut request = self.client.request(method, format!("{}/api/v1{path}", self.base)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let status = response.status();
        let revision = response.headers().get("x-muxspace-revision");
        let revision = revision.and_then(|value| value.to_str().ok()?.parse().ok());
        let body = response.bytes().await?;
        Ok(Reply { status, revision, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
    }

    /// A write that must be accepted.
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        let reply = self.call(Method::POST, path, Some(body)).await;
        reply.accepted();
        reply
    }

    pub async fn get(&self, path: &str) -> Value {
        let reply = self.call(Method::GET, path, None).await;
        assert_eq!(reply.status, StatusCode::OK, "GET {path}: {}", reply.body);
        reply.body
    }

    /// What happens in a workspace from now on.
    pub async fn follow(&self, workspace: &str) -> Events {
        let url = format!("{}/api/v1/events?workspace={workspace}", self.base);
        let request = self.client.get(url).bearer_auth(&self.token).timeout(FOLLOW_PATIENCE);
        let response = request.send().await.expect("the API answers");
        assert_eq!(response.status(), StatusCode::OK, "events of {workspace}");
        Events { response, received: Vec::new() }
    }

    /// Anything outside `/api/v1`, without a credential.
    pub async fn get_open(&self, path: &str) -> (StatusCode, String) {
        let response = self.client.get(format!("{}{path}", self.base)).send().await.expect("the server answers");
        (response.status(), response.text().await.unwrap_or_default())
    }

    /// Adds a provider that asks for the key `key-of-<name>`, and waits until it can be routed to.
    pub async fn add_provider(&self, name: &str, endpoint: &str) -> u64 {
        self.add_provider_of(name, "openai", endpoint).await
    }

    pub async fn add_provider_of(&self, name: &str, kind: &str, endpoint: &str) -> u64 {
        let body = json!({"name": name, "type": kind, "endpoint": endpoint,
            "auth": {"type": "api_key", "api_key": format!("key-of-{name}")}});
        self.call(Method::POST, "/providers?wait=applied", Some(body)).await.accepted()
    }

    pub async fn add_workspace(&self, name: &str, rules: Value) -> u64 {
        let body = json!({"name": name, "rules": rules});
        self.call(Method::POST, "/workspaces?wait=applied", Some(body)).await.accepted()
    }

    /// Replaces the rules of a workspace and waits until every worker routes by them.
    pub async fn put_rules(&self, workspace: &str, rules: Value) -> u64 {
        let path = format!("/workspaces/{workspace}/rules?wait=applied");
        self.call(Method::PUT, &path, Some(rules)).await.accepted()
    }

    /// Replaces the rules of a workspace and does not wait.
    pub async fn put_rules_now(&self, workspace: &str, rules: Value) -> Reply {
        self.call(Method::PUT, &format!("/workspaces/{workspace}/rules"), Some(rules)).await
    }

    pub async fn activate(&self, workspace: &str) -> u64 {
        let path = format!("/workspaces/{workspace}/activate?wait=applied");
        self.call(Method::POST, &path, Some(json!({}))).await.accepted()
    }

    /// Usage over all workspaces by model: rows and total.
    pub async fn usage(&self) -> Value {
        self.get("/usage?by=model").await
    }

    pub async fn nodes(&self) -> Vec<Value> {
        self.get("/nodes").await["items"].as_array().cloned().unwrap_or_default()
    }

    /// Waits until `requests` are recorded, or patience ends, and returns the usage seen last.
    pub async fn usage_of(&self, requests: u64, patience: Duration) -> Value {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let usage = self.usage().await;
            let enough = usage["total"]["requests"].as_u64().is_some_and(|count| count >= requests);
            if enough || tokio::time::Instant::now() > deadline {
                return usage;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

//! Runs the binary, with nothing of the environment around it, and the servers that it talks to.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use muxspace::cache::AnswerCache;
use muxspace::domain::provider::LinkLocal;
use muxspace::outbound::{ModelClient, system_lookup};
use muxspace::publisher::Publisher;
use muxspace::rest::{AppState, FilterModule, router};
use muxspace::store::{MasterKey, Store};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

pub const TOKEN: &str = "test-admin-token";
/// No command takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder to work in, and a data folder that holds the token.
pub struct Place {
    folder: TempDir,
    environment: Vec<(String, String)>,
    /// Where the commands find the server.
    pub server: String,
}

/// What a run of the binary came to.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stdout.contains(part), "`{part}` is not in:\n{}\n{}", self.stdout, self.stderr);
        }
        self
    }

    #[track_caller]
    pub fn complains(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stderr.contains(part), "`{part}` is not in:\n{}\n{}", self.stderr, self.stdout);
        }
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Place {
    pub fn new(server: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        private(&data, 0o700);
        std::fs::write(data.join("admin.token"), format!("{TOKEN}\n")).unwrap();
        private(&data.join("admin.token"), 0o600);
        let place = Self { folder, environment: Vec::new(), server: server.to_owned() };
        place.with("MUXSPACE_DATA_DIR", &data.display().to_string())
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the folder.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// An executable that stands in for an editor: `$1` is the file.
    pub fn script(&self, name: &str, text: &str) -> String {
        let path = self.write(name, &format!("#!/bin/sh\n{text}\n"));
        private(&path, 0o700);
        path.display().to_string()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_muxspace"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("MUXSPACE_URL", &self.server)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    pub async fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, "").await
    }

    /// With standard input.
    pub async fn run_with(&self, arguments: &[&str], stdin: &str) -> Run {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        // A command that does not read it may be gone already.
        let _ = input.write_all(stdin.as_bytes()).await;
        drop(input);
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("it ends").unwrap();
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn private(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A call as it reached the fake server.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub method: String,
    /// With its query.
    pub path: String,
    pub token: String,
    pub body: Value,
}

type Answers = Vec<(String, u16, String)>;

/// Answers each `METHOD path` as it is told, and notes what it was asked.
pub struct Fake {
    pub place: Place,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Fake {
    /// Rows of `METHOD path` below `/api/v1` (or of any other path, from its `/`), status and body. A path without a
    /// query answers for every query. What is not there is a 404.
    pub async fn start(answers: &[(&str, u16, Value)]) -> Self {
        let answers = answers.iter().map(|(at, status, body)| {
            let text = match body {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                body => body.to_string(),
            };
            ((*at).to_owned(), *status, text)
        });
        let (answers, calls): (Answers, _) = (answers.collect(), Arc::new(Mutex::new(Vec::new())));
        let noted = Arc::clone(&calls);
        let router =
            Router::new().fallback(move |request: Request| answer(request, answers.clone(), Arc::clone(&noted)));
        Self { place: Place::new(&serve(router).await), calls }
    }

    /// With a variable in the environment of the commands.
    pub fn with(self, name: &str, value: &str) -> Self {
        let Self { place, calls } = self;
        Self { place: place.with(name, value), calls }
    }

    pub async fn run(&self, arguments: &[&str]) -> Run {
        self.place.run(arguments).await
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// `METHOD path` of every call that may have changed something.
    pub fn writes(&self) -> Vec<String> {
        let writes = self.calls().into_iter().filter(|call| call.method != "GET");
        writes.map(|call| format!("{} {}", call.method, call.path)).collect()
    }

    /// The body of the last call.
    pub fn last_body(&self) -> Value {
        self.calls().pop().unwrap().body
    }
}

async fn answer(request: Request, answers: Answers, calls: Arc<Mutex<Vec<Call>>>) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let path = parts.uri.path_and_query().unwrap().as_str();
    let path = path.strip_prefix("/api/v1").unwrap_or(path).to_owned();
    let token = parts.headers.get("authorization").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    let asked = format!("{} {path}", parts.method);
    calls.lock().unwrap().push(Call { method: parts.method.to_string(), path, token, body });
    let plain = asked.split('?').next().unwrap().to_owned();
    let exact = answers.iter().find(|(at, ..)| *at == asked);
    let Some((_, status, text)) = exact.or_else(|| answers.iter().find(|(at, ..)| *at == plain)) else {
        return (StatusCode::NOT_FOUND, problem(404, &format!("there is no {asked}")).to_string()).into_response();
    };
    let mut response = Response::new(Body::from(text.clone()));
    *response.status_mut() = StatusCode::from_u16(*status).unwrap();
    response.headers_mut().insert("x-muxspace-revision", "7".parse().unwrap());
    response
}

pub fn problem(status: u16, detail: &str) -> Value {
    json!({"type": "urn:muxspace:problem:x", "title": "No", "status": status, "code": "x", "detail": detail})
}

pub fn list(items: Value) -> Value {
    json!({"items": items, "next_cursor": null})
}

/// The real API, in this process, with a provider `p` that refuses connections.
pub struct Real {
    pub place: Place,
    _folder: TempDir,
}

impl Real {
    pub async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        let store = Store::open(&url, MasterKey::generate()).await.unwrap();
        let publisher = Publisher::start(store.clone()).await.unwrap();
        let filter = FilterModule { bytes: "filter".into(), sha256: Arc::from("0".repeat(64)) };
        let models = ModelClient::new(LinkLocal::Refused, system_lookup()).unwrap();
        let app = AppState { store, publisher, cache: AnswerCache::new(0), models, admin_token: TOKEN.into(), filter };
        let real = Self { place: Place::new(&serve(router(app).unwrap()).await), _folder: folder };
        real.run(&["provider", "add", "p", "--type", "openai", "--endpoint", "http://127.0.0.1:9/v1"]).await.expect(0);
        real
    }

    pub async fn run(&self, arguments: &[&str]) -> Run {
        self.place.run(arguments).await
    }
}

/// Serves on a port of its own for as long as the test runs.
pub async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

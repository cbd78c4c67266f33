//! A whole Muxspace: control server and Envoy as processes, on random ports, with a data folder of their own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::Api;
use crate::client::{self, Connection, Reply};
use crate::process::Process;

/// Time within which a process must be ready. Generous: the machine may be busy.
const START_PATIENCE: Duration = Duration::from_secs(40);
/// Secret that Envoy's workers show to the control server.
const NODE_TOKEN: &str = "node-token-of-a-test";
const ADMIN_TOKEN: &str = "admin-token-of-a-test";

pub struct Options {
    /// Envoy's workers.
    pub concurrency: usize,
    pub filter: PathBuf,
    pub code: Code,
}

/// How Envoy gets the filter's module.
#[derive(Clone, Copy, Debug)]
pub enum Code {
    /// With its configuration.
    Inline,
    /// By HTTP, as an Envoy asks for in its node metadata.
    Remote,
}

impl Default for Options {
    fn default() -> Self {
        Self { concurrency: 1, filter: filter_path(), code: Code::Inline }
    }
}

pub struct Stack {
    pub api: Api,
    pub http: reqwest::Client,
    proxy: SocketAddr,
    admin: SocketAddr,
    server: Process,
    /// Held to be stopped with the rest.
    envoy: Process,
    server_address: String,
    filter: PathBuf,
    concurrency: usize,
    code: Code,
    folder: TempDir,
}

impl Stack {
    /// Starts everything and waits until every worker serves a snapshot.
    pub async fn start(options: Options) -> Self {
        let Options { concurrency, filter, code } = options;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (server, server_address) = start_server(folder.path(), "127.0.0.1:0", &filter).await;
        let api = Api::new(&format!("http://{server_address}"), ADMIN_TOKEN);
        let (envoy, admin) = start_envoy(folder.path(), &server_address, concurrency, code).await;
        let proxy = listener_of(admin).await;
        let http = client::http();
        let stack = Self { api, http, proxy, admin, server, envoy, server_address, filter, concurrency, code, folder };
        stack.wait_ready(concurrency).await;
        stack
    }

    /// With two providers, `one` and `two`, that answer honestly, and a catch-all rule to `one/mini`.
    pub async fn with_providers(options: Options) -> (Self, crate::Provider, crate::Provider) {
        let (one, two) = (crate::Provider::start().await, crate::Provider::start().await);
        let stack = Self::start(options).await;
        stack.api.add_provider("one", &one.endpoint()).await;
        stack.api.add_provider("two", &two.endpoint()).await;
        stack.api.put_rules("default", json!([{"name": "everything", "target": "one/mini"}])).await;
        (stack, one, two)
    }

    async fn wait_ready(&self, concurrency: usize) {
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            // Each worker and the main thread have a VM.
            if self.api.nodes().await.len() > concurrency && self.is_routing().await {
                return;
            }
            assert!(Instant::now() < deadline, "no worker subscribed within {START_PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether a prompt is answered by anything but `not_ready`.
    async fn is_routing(&self) -> bool {
        let answer = self.http.get(self.url("/v1/mux/models")).send().await;
        answer.is_ok_and(|answer| answer.status() != 503)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.proxy)
    }

    pub fn proxy(&self) -> SocketAddr {
        self.proxy
    }

    /// Envoy's admin listener.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The server's database file.
    pub fn database(&self) -> PathBuf {
        self.folder.path().join("data/muxspace.db")
    }

    pub fn server_id(&self) -> u32 {
        self.server.id()
    }

    pub fn envoy_id(&self) -> u32 {
        self.envoy.id()
    }

    pub async fn connection(&self) -> Connection {
        Connection::open(&self.proxy.to_string()).await
    }

    /// A prompt to the rules, with this text as its one user turn.
    pub async fn prompt(&self, text: &str) -> Reply {
        self.send("/v1/mux/chat/completions", json!({"model": "any", "messages": [{"role": "user", "content": text}]}))
            .await
    }

    pub async fn send(&self, path: &str, body: Value) -> Reply {
        self.send_bytes(path, &[], body.to_string()).await
    }

    pub async fn send_bytes(&self, path: &str, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Reply {
        let mut request = self.http.post(self.url(path)).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        client::send(request.body(body)).await.expect("the proxy answers")
    }

    pub async fn get(&self, path: &str) -> Reply {
        client::send(self.http.get(self.url(path))).await.expect("the proxy answers")
    }

    /// Envoy's own metrics.
    pub async fn envoy_stats(&self) -> String {
        let url = format!("http://{}/stats/prometheus", self.admin);
        let answer = self.http.get(url).send().await.expect("Envoy's admin listener answers");
        answer.text().await.expect("metrics are text")
    }

    /// `kill -9`.
    pub fn kill_server(&mut self) {
        self.server.kill();
    }

    /// Starts the server again, at the same address and on the same data.
    pub async fn start_server(&mut self) {
        let (server, _) = start_server(self.folder.path(), &self.server_address, &self.filter).await;
        self.server = server;
    }

    /// Waits until every worker has found a server that was started again.
    pub async fn nodes_are_back(&self) {
        self.wait_ready(self.concurrency).await;
    }

    /// Ends Envoy and starts another, at other addresses.
    pub async fn restart_envoy(&mut self) {
        self.envoy.kill();
        let (folder, api) = (self.folder.path(), &self.server_address);
        (self.envoy, self.admin) = start_envoy(folder, api, self.concurrency, self.code).await;
        self.proxy = listener_of(self.admin).await;
        self.wait_ready(self.concurrency).await;
    }

    /// Connections that clients opened so far, by worker.
    pub async fn connections_by_worker(&self) -> Vec<u64> {
        let stats = self.envoy_stats().await;
        let lines = stats.lines().filter(|line| line.starts_with("envoy_listener_worker_downstream_cx_total{"));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect()
    }
}

/// Starts `muxspace serve` and returns the address that it says it serves.
pub async fn start_server(folder: &Path, address: &str, filter: &Path) -> (Process, String) {
    let mut command = muxspace(folder);
    command.args(["serve", "--no-discover", "--api", address, "--filter"]).arg(filter);
    let log_before = std::fs::metadata(folder.join("server.log")).map_or(0, |file| file.len() as usize);
    let mut server = Process::start("server", folder, &mut command);
    let line = server.line_with("ready api=http://", log_before, START_PATIENCE).await;
    let address = line.split("ready api=http://").nth(1).and_then(|rest| rest.split_whitespace().next());
    (server, address.expect("the ready line names the address").to_owned())
}

/// Renders the bootstrap and starts Envoy by it; returns the address of its admin listener.
pub async fn start_envoy(folder: &Path, api: &str, concurrency: usize, code: Code) -> (Process, SocketAddr) {
    let config = folder.join("envoy.yaml");
    let mut render = muxspace(folder);
    render.args(["envoy-config", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--api", api]);
    render.arg("--output").arg(&config);
    let rendered = render.output().expect("muxspace runs");
    assert!(rendered.status.success(), "envoy-config: {}", String::from_utf8_lossy(&rendered.stderr));

    let admin_file = folder.join("admin-address");
    let log_before = std::fs::metadata(folder.join("envoy.log")).map_or(0, |file| file.len() as usize);
    let mut command = Command::new(envoy_path());
    command.arg("--config-path").arg(&config).arg("--admin-address-path").arg(&admin_file);
    command.args(["--disable-hot-restart", "--log-level", "info", "--concurrency", &concurrency.to_string()]);
    if let Code::Remote = code {
        command.args(["--config-yaml", "node: { metadata: { muxspace_code: remote } }"]);
    }
    command.env("MUXSPACE_NODE_TOKEN", NODE_TOKEN);
    let mut envoy = Process::start("envoy", folder, &mut command);
    envoy.line_with("starting main dispatch loop", log_before, START_PATIENCE).await;
    let address = std::fs::read_to_string(&admin_file).expect("Envoy wrote its admin address");
    (envoy, address.trim().parse().expect("an address"))
}

/// The address of Envoy's one listener, once it has one.
pub async fn listener_of(admin: SocketAddr) -> SocketAddr {
    let deadline = Instant::now() + START_PATIENCE;
    loop {
        let answer = client::http().get(format!("http://{admin}/listeners?format=json")).send().await;
        let listeners: Value = match answer {
            Ok(answer) => answer.json().await.unwrap_or_default(),
            Err(_) => Value::Null,
        };
        let socket = &listeners["listener_statuses"][0]["local_address"]["socket_address"];
        if let (Some(host), Some(port)) = (socket["address"].as_str(), socket["port_value"].as_u64()) {
            return format!("{host}:{port}").parse().expect("an address");
        }
        assert!(Instant::now() < deadline, "Envoy has no listener after {START_PATIENCE:?}: {listeners}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The product's binary with a data folder and tokens of a test, and nothing of the caller's own settings.
pub fn muxspace(folder: &Path) -> Command {
    let binary = built("MUXSPACE_BIN", "release/muxspace");
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("MUXSPACE_") || name_text.ends_with("_API_KEY") {
            command.env_remove(&name);
        }
    }
    command.env("MUXSPACE_DATA_DIR", folder.join("data"));
    command.env("MUXSPACE_NODE_TOKEN", NODE_TOKEN).env("MUXSPACE_ADMIN_TOKEN", ADMIN_TOKEN);
    command
}

/// The filter as it ships.
pub fn filter_path() -> PathBuf {
    built("MUXSPACE_FILTER", "wasm32-wasip1/release/filter.wasm")
}

/// The filter with the feature `test-trap`.
pub fn trapping_filter_path() -> PathBuf {
    built("MUXSPACE_FILTER_TRAP", "test-trap/wasm32-wasip1/release/filter.wasm")
}

pub fn root() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder.parent().expect("the crate lies in the workspace").to_owned()
}

fn built(variable: &str, path: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let path = std::env::var_os(variable).map_or_else(|| target.join(path), PathBuf::from);
    assert!(path.exists(), "{} is not built: run `make build` (or `make test`) first", path.display());
    path
}

pub fn envoy_path() -> PathBuf {
    if let Some(path) = std::env::var_os("MUXSPACE_ENVOY") {
        return path.into();
    }
    let own = root().join(".envoy/bin/envoy");
    if own.exists() { own } else { "envoy".into() }
}

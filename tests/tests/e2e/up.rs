//! `muxspace up`: server and Envoy together, as `make run` starts them.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use muxspace_tests::client::{self, Reply};
use muxspace_tests::process::{self, Process};
use muxspace_tests::stack;
use muxspace_tests::{Answer, Provider};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(40);

struct Up {
    process: Process,
    /// Where prompts go: ends in `/v1/mux`.
    proxy: String,
    api: String,
}

async fn free_address() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listener.local_addr().expect("a bound listener has an address").to_string()
}

async fn up(folder: &Path) -> Up {
    let mut command: Command = stack::muxspace(folder);
    command.args(["up", "--no-discover"]);
    started(folder, command).await
}

/// Starts `up` with further settings.
async fn started(folder: &Path, mut command: Command) -> Up {
    let (listen, api) = (free_address().await, free_address().await);
    command.args(["--concurrency", "1", "--listen", &listen, "--api", &api]);
    command.arg("--envoy").arg(stack::envoy_path()).arg("--filter").arg(stack::filter_path());
    let mut process = Process::start("up", folder, &mut command);
    let line = process.line_with("ready proxy=", 0, PATIENCE).await;
    assert_eq!(line, format!("ready proxy=http://{listen}/v1/mux api=http://{api}"));
    Up { process, proxy: format!("http://{listen}/v1/mux"), api: format!("http://{api}") }
}

async fn prompt(up: &Up) -> Result<Reply, reqwest::Error> {
    let body = json!({"model": "anything", "messages": [{"role": "user", "content": "hello there"}]});
    client::send(client::http().post(format!("{}/chat/completions", up.proxy)).json(&body)).await
}

/// Waits until a prompt is answered well.
async fn answered(up: &Up) -> Reply {
    let start = Instant::now();
    loop {
        if let Ok(reply) = prompt(up).await
            && reply.status == 200
        {
            return reply;
        }
        assert!(start.elapsed() < PATIENCE, "no prompt is answered");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_start_answers_by_itself_and_stops_whole() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut up = up(folder.path()).await;
    // The built-in provider answers the first prompt, plain and streamed, right after the ready line.
    let reply = prompt(&up).await.expect("an answer");
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("x-muxspace-target"), "echo/echo");
    assert!(
        reply.json()["choices"][0]["message"]["content"].as_str().is_some_and(|text| text.contains("echo")),
        "{}",
        reply.text()
    );
    let body = json!({"model": "x", "stream": true, "messages": [{"role": "user", "content": "hello"}]});
    let streamed = client::send(client::http().post(format!("{}/chat/completions", up.proxy)).json(&body))
        .await
        .expect("an answer");
    assert!(
        streamed.text().starts_with("data: ") && streamed.text().ends_with("data: [DONE]\n\n"),
        "{}",
        streamed.text()
    );
    assert_eq!(client::send(client::http().get(format!("{}/healthz", up.api))).await.expect("an answer").status, 200);

    // Envoy killed: it comes again.
    let [envoy] = process::children_of(up.process.id())[..] else { panic!("one child: Envoy") };
    process::signal("KILL", envoy);
    let start = Instant::now();
    while process::is_alive(envoy) {
        assert!(start.elapsed() < PATIENCE, "the killed Envoy is still there");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    answered(&up).await;
    println!("a killed Envoy answers again after {:?}", start.elapsed());

    // Stopped: both are gone and the exit status says that it was orderly.
    let [envoy] = process::children_of(up.process.id())[..] else { panic!("one child: Envoy") };
    let status = up.process.terminate(PATIENCE).await;
    assert!(status.success(), "{status}: {}", up.process.log());
    let start = Instant::now();
    while process::is_alive(envoy) {
        assert!(start.elapsed() < Duration::from_secs(5), "Envoy {envoy} outlived muxspace");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_with_secrets_are_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = stack::muxspace(folder.path());
    // Without tokens in the environment it makes its own.
    command.env_remove("MUXSPACE_ADMIN_TOKEN").env_remove("MUXSPACE_NODE_TOKEN");
    command.args(["serve", "--no-discover", "--api", "127.0.0.1:0", "--filter"]).arg(stack::filter_path());
    let mut server = Process::start("server", folder.path(), &mut command);
    server.line_with("ready api=", 0, PATIENCE).await;
    let data = folder.path().join("data");
    let mode = |path: &Path| {
        std::fs::metadata(path).unwrap_or_else(|error| panic!("{path:?}: {error}")).permissions().mode() & 0o777
    };
    assert_eq!(mode(&data), 0o700);
    for name in ["admin.token", "node.token", "master.key", "muxspace.db"] {
        assert_eq!(mode(&data.join(name)), 0o600, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_start_says_so_in_one_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let taken = taken.local_addr().map(|address| (taken, address.to_string())).expect("an address");
    let filter = stack::filter_path().display().to_string();
    let envoy = stack::envoy_path().display().to_string();
    let rows: [(&str, Vec<&str>); 4] = [
        (
            "no Envoy",
            vec![
                "up",
                "--no-discover",
                "--api",
                "127.0.0.1:0",
                "--listen",
                "127.0.0.1:0",
                "--filter",
                &filter,
                "--envoy",
                "/nowhere/envoy",
            ],
        ),
        (
            "not an Envoy",
            vec![
                "up",
                "--no-discover",
                "--api",
                "127.0.0.1:0",
                "--listen",
                "127.0.0.1:0",
                "--filter",
                &filter,
                "--envoy",
                "/bin/true",
            ],
        ),
        (
            "no filter",
            vec![
                "up",
                "--no-discover",
                "--api",
                "127.0.0.1:0",
                "--listen",
                "127.0.0.1:0",
                "--filter",
                "/nowhere/filter.wasm",
                "--envoy",
                &envoy,
            ],
        ),
        ("the address is taken", vec!["serve", "--no-discover", "--filter", &filter, "--api", &taken.1]),
    ];
    for (what, arguments) in rows {
        let mut command = stack::muxspace(folder.path());
        let mut process = Process::start("fails", folder.path(), command.args(arguments));
        let status = process.wait(PATIENCE).await;
        assert!(!status.success(), "{what}: it ended well");
        let log = process.log();
        let last = log.lines().last().unwrap_or_default();
        assert!(last.len() > 20 && !last.contains("panicked"), "{what}: {log}");
        println!("{what}: {last}");
    }
}

/// An Ollama on this machine is found and used, whatever state it is in.
#[tokio::test(flavor = "multi_thread")]
async fn a_local_ollama_at_first_start() {
    let ollama = Provider::start().await;
    let tags = |models: &str| Answer::json(200, format!("{{\"models\":{models}}}"));
    for (models, target) in [
        (r#"[{"name":"llama3.2:3b","model":"llama3.2:3b","size":1}]"#, "ollama/llama3.2:3b"),
        ("[]", "echo/echo"),
        ("null", "echo/echo"),
    ] {
        ollama.list(move || tags(models));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = stack::muxspace(folder.path());
        command.arg("up").env("OLLAMA_HOST", ollama.address().to_string());
        let mut up = started(folder.path(), command).await;
        let reply = prompt(&up).await.expect("an answer");
        assert_eq!((reply.status.as_u16(), reply.header("x-muxspace-target")), (200, target), "{models}");
        up.process.terminate(PATIENCE).await;
    }
}

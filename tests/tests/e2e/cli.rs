//! The command line against a real server and a real Envoy.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use muxspace_tests::process::Process;
use muxspace_tests::stack::muxspace;
use muxspace_tests::{Options, Stack};
use serde_json::{Value, json};
use tempfile::TempDir;

struct Shell {
    server: String,
    folder: TempDir,
}

struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Shell {
    fn new(stack: &Stack) -> Self {
        Self { server: stack.api.base().to_owned(), folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = muxspace(self.folder.path());
        command.env("MUXSPACE_URL", &self.server).env("MUXSPACE_TOKEN", "admin-token-of-a-test");
        command.args(arguments).current_dir(self.folder.path());
        command
    }

    fn run_with(&self, arguments: &[&str], input: &str) -> Run {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("muxspace runs");
        child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Run { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// What a command prints that must succeed.
    fn run(&self, arguments: &[&str]) -> String {
        let Run { code, out, err } = self.run_with(arguments, "");
        assert_eq!(code, 0, "{arguments:?}: {out}{err}");
        out
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let out = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}"))
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("the folder can be written to");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_from_its_creation_to_its_end() {
    let (stack, _one, _two) = Stack::with_providers(Options::default()).await;
    let shell = Shell::new(&stack);
    shell.run(&["workspace", "create", "Team", "--description", "ours", "--instructions", "Be brief."]);
    let rules = "- { name: docs, when: { file: '*.md' }, target: two/docs }\n- { name: rest, target: one/rest }\n";
    assert_eq!(shell.run_with(&["rules", "set", "team", "--file", "-"], rules).code, 0);
    let refused = shell.run_with(&["rules", "set", "team", "--file", "-"], "- { target: nobody/x }\n");
    assert!(refused.code == 1 && refused.err.contains("/0/target"), "{}", refused.err);
    shell.run(&["workspace", "activate", "team"]);
    assert_eq!(stack.prompt("hi").await.header("x-muxspace-rule"), "rest");
    shell.run(&["session", "create", "other", "--workspace", "team"]);
    assert_eq!(shell.json(&["session", "show", "other"])["active_workspace"], "team");
    shell.run(&["session", "delete", "other", "--yes"]);
    shell.run(&["workspace", "activate", "default"]);

    let document = shell.run(&["export", "team"]);
    shell.write("team.yaml", &document.replace("two/docs", "two/other"));
    let diff = shell.run(&["apply", "--file", "team.yaml", "--dry-run"]);
    assert!(diff.contains("two/docs") && diff.contains("two/other"), "{diff}");
    assert_eq!(shell.json(&["rules", "show", "team"])["items"][0]["target"], "two/docs", "a dry run changes nothing");
    shell.run(&["apply", "--file", "team.yaml"]);
    assert_eq!(shell.json(&["rules", "show", "team"])["items"][0]["target"], "two/other");

    shell.run(&["workspace", "rename", "team", "crew"]);
    assert!(shell.run(&["workspace", "list"]).contains("crew"));
    assert_eq!(shell.run_with(&["workspace", "delete", "crew", "--yes"], "").code, 1, "it is not archived");
    shell.run(&["workspace", "archive", "crew"]);
    shell.run(&["workspace", "recover", "crew"]);
    shell.run(&["rules", "lint", "crew"]);
    shell.run(&["workspace", "archive", "crew"]);
    shell.run(&["workspace", "delete", "crew", "--yes"]);
    assert_eq!(shell.run_with(&["workspace", "show", "crew"], "").code, 1);
    let log = shell.run(&["logs"]);
    assert!(log.contains("crew") && log.contains("delete"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_status_and_doctor_tell_the_truth() {
    let (stack, _one, _two) = Stack::with_providers(Options::default()).await;
    let shell = Shell::new(&stack);
    let rules =
        json!([{"name": "docs", "when": {"file": "*.md"}, "target": "two/docs"}, {"name": "rest", "target": "one/x"}]);
    stack.api.put_rules("default", rules).await;
    let body = json!({"messages": [{"role": "user", "content": "```md a/b.md\nx\n```"}]});
    shell.write("request.json", &body.to_string());
    let told = shell.run(&["explain", "request.json"]);
    for part in ["a/b.md", "docs", "two/docs"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(shell.json(&["explain", "request.json"])["decision"]["rule"], "docs");
    assert_eq!(stack.send("/v1/mux/chat/completions", body).await.header("x-muxspace-rule"), "docs");
    assert!(shell.run(&["status"]).contains("one"));
    let listed = shell.json(&["provider", "list"]);
    let names: Vec<&str> =
        listed["items"].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["echo", "one", "two"]);
    assert!(shell.run(&["provider", "models", "one"]).contains("mini"));
    let admin = format!("http://{}", stack.admin());
    let envoy = muxspace_tests::stack::envoy_path();
    let envoy = envoy.to_str().expect("UTF-8");
    let doctor = shell.run_with(&["doctor", "--envoy", envoy, "--envoy-admin", &admin], "");
    assert_eq!(doctor.code, 0, "{}{}", doctor.out, doctor.err);
    let mut gone = shell.command(&["status"]);
    let ended = gone.env("MUXSPACE_URL", "http://127.0.0.1:9").output().expect("muxspace runs");
    assert_eq!(ended.status.code(), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_follow_requests_and_changes() {
    let (stack, _one, _two) = Stack::with_providers(Options::default()).await;
    let shell = Shell::new(&stack);
    let mut tail = Process::start("tail", shell.folder.path(), &mut shell.command(&["logs", "-f", "--json"]));
    // The tail begins when it is connected: changes are made until one is seen.
    for number in 0.. {
        stack.api.put_rules("default", json!([{"name": format!("r{number}"), "target": "one/x"}])).await;
        if tail.log().contains("replace") || tail.log().contains("default") {
            break;
        }
        assert!(number < 100, "nothing is told: {}", tail.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let before = tail.log().len();
    assert_eq!(stack.prompt("hi").await.status, 200);
    tail.line_with("one/x", before, Duration::from_secs(5)).await;
    tail.kill();
}

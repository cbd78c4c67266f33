//! Bad input: each gets its own 4xx in OpenAI's shape, and the next request on the connection works.

use std::io::Write;
use std::process::{Command, Stdio};

use muxspace_tests::{Options, Stack};

const PATH: &str = "/v1/mux/chat/completions";
const GOOD: &str = r#"{"model":"x","messages":[{"role":"user","content":"hi"}]}"#;

struct Row {
    what: &'static str,
    method: &'static str,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: Vec<u8>,
    status: u16,
    code: &'static str,
}

/// A POST of this body to the rules' chat endpoint.
fn row(what: &'static str, body: impl Into<Vec<u8>>, status: u16, code: &'static str) -> Row {
    Row { what, method: "POST", path: PATH, headers: &[], body: body.into(), status, code }
}

fn rows() -> Vec<Row> {
    let deep = format!(r#"{{"model":"x","messages":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let good = GOOD.as_bytes();
    let mut rows = vec![
        row("broken JSON", r#"{"model":"x","messages":[}"#, 400, "invalid_json"),
        row("JSON that ends early", &good[..good.len() - 1], 400, "invalid_json"),
        row("something after the JSON", format!("{GOOD} x"), 400, "invalid_json"),
        row("not JSON", "hello", 400, "invalid_json"),
        row("a control character in a string", "{\"model\":\"a\nb\",\"messages\":[]}", 400, "invalid_json"),
        row("a bad escape", r#"{"model":"\q","messages":[]}"#, 400, "invalid_json"),
        row("a model that is a number", r#"{"model":7,"messages":[]}"#, 400, "invalid_request"),
        row("a model that is an object", r#"{"model":{"a":1},"messages":[]}"#, 400, "invalid_request"),
        row("messages as text", r#"{"model":"x","messages":"hi"}"#, 400, "invalid_request"),
        row("messages as an object", r#"{"model":"x","messages":{}}"#, 400, "invalid_request"),
        row("no messages", r#"{"model":"x"}"#, 400, "invalid_request"),
        row("a list", "[]", 400, "invalid_request"),
        row("a string", r#""x""#, 400, "invalid_request"),
        row("the model twice", r#"{"model":"a","messages":[],"model":"b"}"#, 400, "invalid_request"),
        row("the model twice, once escaped", r#"{"model":"a","messages":[],"\u006dodel":"b"}"#, 400, "invalid_request"),
        row("depth 10,000", deep, 400, "invalid_json"),
        row(
            "invalid UTF-8",
            [&br#"{"model":"x","messages":[{"content":""#[..], b"\xff\xfe", br#""}]}"#].concat(),
            400,
            "invalid_json",
        ),
        row("an empty body", "", 400, "invalid_json"),
        Row { method: "GET", body: vec![], ..row("wrong method", "", 405, "method_not_allowed") },
        Row { method: "DELETE", body: vec![], ..row("another wrong method", "", 405, "method_not_allowed") },
        Row { path: "/v1/mux/models", ..row("a POST for the models", GOOD, 405, "method_not_allowed") },
        Row { path: "/v1/mux/chat/nothing", ..row("unknown path", GOOD, 404, "unknown_endpoint") },
        Row { path: "/", method: "GET", body: vec![], ..row("the root", "", 404, "unknown_endpoint") },
    ];
    rows.push(Row {
        headers: &[("content-encoding", "gzip")],
        ..row("a gzip body", gzip(good), 415, "unsupported_encoding")
    });
    rows
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new("gzip").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("gzip is there");
    child.stdin.take().expect("a pipe").write_all(bytes).expect("gzip reads");
    child.wait_with_output().expect("gzip ends").stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_and_the_connection_lives_on() {
    let (stack, one, _two) = Stack::with_providers(Options::default()).await;
    let mut connection = stack.connection().await;
    for Row { what, method, path, headers, body, status, code } in rows() {
        let reply =
            connection.call(method, path, headers, body).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(reply.status.as_u16(), status, "{what}: {}", reply.text());
        assert_eq!(reply.error_code(), code, "{what}: {}", reply.text());
        assert!(one.prompts().is_empty(), "{what}: reached the provider");
        let next =
            connection.call("POST", PATH, &[], GOOD).await.unwrap_or_else(|error| panic!("after {what}: {error}"));
        assert_eq!(next.status, 200, "after {what}: {}", next.text());
        one.forget();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_large_is_413() {
    let (stack, one, _two) = Stack::with_providers(Options::default()).await;
    let head = r#"{"model":"x","messages":[{"role":"user","content":""#;
    let body = format!("{head}{}\"}}]}}", "a".repeat(33 << 20));
    let sized = stack.send_bytes(PATH, &[], body.clone()).await;
    assert_eq!((sized.status.as_u16(), sized.error_code().as_str()), (413, "request_too_large"));

    // Without a content length, so that the size shows only as it comes. The answer may come before the body was read
    // whole, and the connection may then be closed on the sender: that is within HTTP.
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
        body.as_bytes().chunks(1 << 20).map(|piece| Ok(piece.to_vec())).collect();
    let stream = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    let request = stack.http.post(stack.url(PATH)).body(stream);
    match muxspace_tests::client::send(request).await {
        Ok(reply) => assert_eq!((reply.status.as_u16(), reply.error_code().as_str()), (413, "request_too_large")),
        Err(error) => assert!(error.is_request(), "{error}"),
    }
    assert!(one.prompts().is_empty(), "too large a prompt reached the provider");
    assert_eq!(stack.prompt("still there").await.status, 200);
}

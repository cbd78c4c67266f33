//! `muxspace logs`

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::support::{Fake, Place, list, problem, serve};

#[tokio::test]
async fn the_newest_changes_come_last() {
    let entry = |revision: u64, action: &str| {
        json!({"revision": revision, "at": "2026-01-02T03:04:05Z", "actor": "admin", "action": action, "kind": "workspace",
            "name": "docs", "before": null, "after": {"name": "docs"}})
    };
    let page = json!({"items": [entry(8, "rename"), entry(7, "create")], "next_cursor": "more"});
    let fake = Fake::start(&[("GET /audit", 200, page.clone())]).await;
    let run = fake.run(&["logs"]).await.expect(0).says(&["admin", "workspace", "docs"]);
    assert!(run.stdout.find("create") < run.stdout.find("rename"), "{}", run.stdout);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
    let run = fake.run(&["logs", "-n", "2", "--workspace", "docs", "--json"]).await.expect(0);
    assert_eq!(run.stdout, format!("{page}\n"));
    let asked: Vec<String> = fake.calls().into_iter().map(|call| call.path).collect();
    assert_eq!(asked, ["/audit?limit=20", "/audit?limit=2&kind=workspace&name=docs"]);
    let none = Fake::start(&[("GET /audit", 200, list(json!([])))]).await;
    none.run(&["logs"]).await.expect(0).says(&["nothing was changed yet"]);
}

/// Each connection gets one event, and ends.
async fn short_streams() -> String {
    let count = Arc::new(AtomicUsize::new(0));
    let events = get(move |uri: Uri| async move {
        let number = count.fetch_add(1, Ordering::SeqCst);
        let data = json!({"workspace": "docs", "target": "p/m", "status": 200, "query": uri.query(), "number": number});
        (StatusCode::OK, format!(": hello\n\nevent: request\ndata: {data}\n\n"))
    });
    serve(Router::new().route("/api/v1/events", events)).await
}

#[tokio::test]
async fn following_goes_on_after_a_break() {
    let place = Place::new(&short_streams().await);
    let mut child =
        place.command(&["logs", "-f", "--workspace", "docs", "--json"]).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for number in 0..3 {
        let line = lines.next_line().await.unwrap().expect("a further line");
        let event: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(event["event"], "request");
        assert_eq!(event["data"]["number"], number);
        assert_eq!(event["data"]["query"], "workspace=docs");
    }
    child.kill().await.unwrap();
}

#[tokio::test]
async fn a_reader_that_goes_ends_it_quietly() {
    let place = Place::new(&short_streams().await);
    let mut child = place.command(&["logs", "-f"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    assert_eq!(line, "request  workspace=docs target=p/m status=200");
    drop(lines);
    let output = child.wait_with_output().await.unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{errors}");
    assert!(!errors.contains("panicked"), "{errors}");
}

#[tokio::test]
async fn a_refusal_ends_it() {
    let fake = Fake::start(&[("GET /events", 404, problem(404, "there is no workspace `gone`"))]).await;
    fake.run(&["logs", "-f", "--workspace", "gone"]).await.expect(1).complains(&["there is no workspace `gone`"]);
}

//! `/api/v1/events`

use std::time::Duration;

use axum::body::BodyDataStream;
use futures::StreamExt;
use muxspace::domain::event::EVENTS_WAITING_MAX;
use muxspace::domain::record::{AttemptRecord, RequestRecord};
use serde_json::{Value, json};

use crate::support::Api;

struct Events {
    stream: BodyDataStream,
    text: String,
}

impl Events {
    async fn follow(api: &Api, path: &str) -> Self {
        let response = api.open(path).await;
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { stream: response.into_body().into_data_stream(), text: String::new() }
    }

    /// Name, id and data of the next one; `None`: the stream ended.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        while !self.text.contains("\n\n") {
            let chunk = tokio::time::timeout(Duration::from_secs(10), self.stream.next()).await.unwrap()?.unwrap();
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        let (event, rest) = self.text.split_once("\n\n").unwrap();
        let field = |name: &str| {
            event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default().to_owned()
        };
        let read = (field("event"), field("id"), serde_json::from_str(&field("data")).unwrap());
        self.text = rest.to_owned();
        Some(read)
    }
}

fn record(id: &str, workspace: &str) -> RequestRecord {
    RequestRecord {
        request_id: id.to_owned(),
        started_at_ms: 1_767_225_600_000,
        duration_ms: 12,
        workspace: workspace.to_owned(),
        rule: "all".to_owned(),
        status: 200,
        attempts: vec![AttemptRecord { provider: "p".to_owned(), model: "m".to_owned(), ..AttemptRecord::default() }],
        ..RequestRecord::default()
    }
}

#[tokio::test]
async fn changes_and_requests_are_told_as_they_are_committed() {
    let api = Api::start().await;
    let mut events = Events::follow(&api, "/api/v1/events").await;
    api.post("/api/v1/workspaces", json!({"name": "w", "rules": [{"target": "none/m"}]})).await.expect(400);
    let made = api.post("/api/v1/workspaces", json!({"name": "w"})).await.expect(201);
    let (event, id, change) = events.next().await.unwrap();
    assert_eq!((event.as_str(), id), ("change", format!("{}.1", made.revision())));
    assert_eq!(change, api.get("/api/v1/audit").await.items()[0], "as the log has it");

    let records = vec![record("r1", "default"), record("r1", "default"), record("r2", "w")];
    api.store.record_requests(records.clone()).await.unwrap();
    api.store.record_requests(records).await.unwrap();
    let (event, id, request) = events.next().await.unwrap();
    assert_eq!((event.as_str(), id.as_str()), ("request", "r1"));
    let expected = json!({
        "id": "r1", "started_at": "2026-01-01T00:00:00Z", "workspace": "default", "session": null, "rule": "all",
        "target": "p/m", "status": 200, "duration_ms": 12,
    });
    assert_eq!(request, expected);
    assert_eq!(events.next().await.unwrap().1, "r2");

    api.publisher.close();
    assert!(events.next().await.is_none(), "a known record is no event, and the stream ends with the server");
}

#[tokio::test]
async fn one_workspace_can_be_followed() {
    let api = Api::start().await;
    for name in ["w", "v"] {
        api.post("/api/v1/workspaces", json!({"name": name})).await.expect(201);
    }
    let mut events = Events::follow(&api, "/api/v1/events?workspace=W").await;
    api.patch("/api/v1/workspaces/v", json!({"description": "d"})).await.expect(200);
    api.store.record_requests(vec![record("r1", "v"), record("r2", "w")]).await.unwrap();
    api.post("/api/v1/workspaces/w/activate", json!({})).await.expect(200);
    api.patch("/api/v1/workspaces/w", json!({"name": "x"})).await.expect(200);
    let mut told = Vec::new();
    for _ in 0..3 {
        let (event, _, data) = events.next().await.unwrap();
        told.push((event, data["action"].as_str().unwrap_or_default().to_owned()));
    }
    let expected = [("request", ""), ("change", "activate"), ("change", "rename")];
    assert_eq!(told, expected.map(|(event, action)| (event.to_owned(), action.to_owned())));
    api.get("/api/v1/events?workspace=none").await.expect_problem(404, "not_found");
    api.get("/api/v1/events?colour=1").await.expect_problem(400, "invalid_query");
}

#[tokio::test]
async fn a_slow_reader_is_told_what_it_missed() {
    let api = Api::start().await;
    let mut events = Events::follow(&api, "/api/v1/events").await;
    let records = (0..EVENTS_WAITING_MAX + 10).map(|number| record(&format!("r{number}"), "default"));
    api.store.record_requests(records.collect()).await.unwrap();
    let (event, id, data) = events.next().await.unwrap();
    assert_eq!((event.as_str(), id.as_str(), data), ("lagged", "", json!({"missed": 10})));
    assert_eq!(events.next().await.unwrap().1, "r10");
}

//! Answers reach the client byte for byte and as they come.

use std::time::{Duration, Instant};

use muxspace_tests::provider::answer::{text_event, usage_event};
use muxspace_tests::{Answer, Options, Stack};
use serde_json::json;

const STREAM: &str = r#"{"model":"x","stream":true,"messages":[]}"#;
const STREAM_WITH_USAGE: &str = r#"{"model":"x","stream":true,"stream_options":{"include_usage":true},"messages":[]}"#;
const PLAIN: &str = r#"{"model":"x","messages":[]}"#;
const PATH: &str = "/v1/mux/chat/completions";

#[tokio::test(flavor = "multi_thread")]
async fn plain_answers_are_kept() {
    let (stack, one, _two) = Stack::with_providers(Options::default()).await;
    let rows: [(u16, &str); 6] = [
        (200, " {\"choices\" : [ ],\r\n \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4} , \"x\":1.0e0}\n"),
        (200, "not json at all \u{1f600}"),
        (200, ""),
        (400, r#"{"error":{"message":"bad","type":"invalid_request_error","code":"context_length_exceeded"}}"#),
        (429, r#"{"error":{"message":"slow down"}}"#),
        (500, "<html>oops</html>"),
    ];
    for (status, body) in rows {
        one.answer(move |_| Answer::json(status, body).header("x-request-id", "kept").header("retry-after", "7"));
        let reply = stack.send_bytes(PATH, &[("accept-encoding", "gzip")], PLAIN).await;
        assert_eq!((reply.status.as_u16(), reply.text().as_str()), (status, body));
        assert_eq!((reply.header("x-request-id"), reply.header("retry-after")), ("kept", "7"));
        assert_eq!(reply.header("x-muxspace-target"), "one/mini");
        assert_eq!(reply.header("x-muxspace-rule"), "everything");
        assert!(reply.revision() > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_kept_however_they_are_cut() {
    let (stack, one, _two) = Stack::with_providers(Options::default()).await;
    let odd = ": comment\r\n\r\nevent: x\r\nid: 7\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"\u{1f600}\"}}]}\r\n\r\n\
        data: a\ndata: b\n\n\n\nretry: 10\n\ndata: [DONE]\n\ndata: unfinished";
    for body in [STREAM, STREAM_WITH_USAGE] {
        for size in [1, 2, 3, 7, 64, odd.len()] {
            one.answer(move |_| Answer::sse(odd.as_bytes().chunks(size).map(|piece| (Duration::ZERO, piece.to_vec()))));
            let reply = stack.send_bytes(PATH, &[], body).await;
            assert_eq!(reply.text(), odd, "{body} in pieces of {size}");
            assert!(reply.header("content-type").starts_with("text/event-stream"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_usage_chunk_that_the_filter_asked_for_is_taken_out() {
    let (stack, one, _two) = Stack::with_providers(Options::default()).await;
    let events = |seen: &muxspace_tests::Seen| {
        let mut events = vec![text_event("m", "a"), text_event("m", "b")];
        events.extend(seen.wants_usage().then(|| usage_event(seen)));
        events.push("data: [DONE]\n\n".to_owned());
        events.concat()
    };
    let text = format!("{}{}", text_event("m", "a"), text_event("m", "b"));
    for size in [1, 5, 33, 100_000] {
        one.answer(move |seen| {
            let bytes = events(seen).into_bytes();
            Answer::sse(bytes.chunks(size).map(|piece| (Duration::ZERO, piece.to_vec())).collect::<Vec<_>>())
        });
        let without = stack.send_bytes(PATH, &[], STREAM).await.text();
        assert_eq!(without, format!("{text}data: [DONE]\n\n"), "pieces of {size}");
        assert!(one.last().wants_usage());
        let with = stack.send_bytes(PATH, &[], STREAM_WITH_USAGE).await.text();
        assert_eq!(with, format!("{text}{}data: [DONE]\n\n", usage_event(&one.last())), "pieces of {size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_come_as_they_are_made() {
    let (stack, one, _two) = Stack::with_providers(Options::default()).await;
    let pause = Duration::from_millis(150);
    let pieces = 5;
    one.answer(move |_| Answer::sse((0..pieces).map(move |number| (pause, text_event("m", &number.to_string())))));
    for body in [STREAM, STREAM_WITH_USAGE] {
        let start = Instant::now();
        let mut response = stack.http.post(stack.url(PATH)).body(body).send().await.expect("an answer");
        let mut times = Vec::new();
        let mut text = Vec::new();
        while let Some(piece) = response.chunk().await.expect("a piece") {
            times.push(start.elapsed());
            text.extend_from_slice(&piece);
        }
        let whole: String = (0..pieces).map(|number| text_event("m", &number.to_string())).collect();
        assert_eq!(String::from_utf8_lossy(&text), whole);
        assert_eq!(times.len(), pieces, "pieces were joined or held back: {times:?}");
        let last = *times.last().expect("pieces came");
        assert!(times[0] + pause * 3 < last, "the first was held back: {times:?}");
        println!(
            "first piece of a stream after {:?}, last after {last:?} (made at {pause:?} and {:?})",
            times[0],
            pause * 5
        );
    }
    // A plain answer in pieces is passed on as it comes, too.
    one.answer(move |_| {
        let mut answer = Answer::json(200, "{\"choices\":[");
        answer.pieces.push((pause * 3, "]}".into()));
        answer
    });
    let start = Instant::now();
    let mut response = stack.http.post(stack.url(PATH)).body(PLAIN).send().await.expect("an answer");
    let first = response.chunk().await.expect("a piece").expect("a piece");
    assert_eq!(first, "{\"choices\":[");
    assert!(start.elapsed() < pause * 2, "held back for {:?}", start.elapsed());
    assert_eq!(response.chunk().await.expect("a piece").expect("a piece"), "]}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_cannot_be_reached_is_an_openai_error() {
    let (stack, _one, _two) = Stack::with_providers(Options::default()).await;
    let endpoint = muxspace_tests::provider::refusing_endpoint().await;
    stack.api.add_provider("gone", &endpoint).await;
    stack.api.put_rules("default", json!([{"name": "all", "target": "gone/x"}])).await;
    let reply = stack.prompt("hi").await;
    assert!([502, 503].contains(&reply.status.as_u16()), "{}", reply.status);
    reply.error_code();
}

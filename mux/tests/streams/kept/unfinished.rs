//! What is not complete has no plain answer.

use super::gather;
use mux::cache::is_whole;
use mux::dialect::Dialect;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const CHUNK: &str =
    "data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n";
const FINISH: &str = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"type\":\"message\",\"content\":[],\"usage\":{}}}\n\n";
const DELTA: &str =
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n";
const STOP: &str = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
const ERROR: &str = "event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":\"Busy\"}}\n\n";
const COMPLETED: &str =
    "data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"output\":[{}]}}\n\n";
const FAILED: &str = "data: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\"}}\n\n";

#[test]
fn a_stream_that_did_not_complete_is_never_gathered() {
    let done = "data: [DONE]\n\n";
    let rows: [(Dialect, &[&str], bool); 17] = [
        (Dialect::Chat, &[CHUNK, FINISH, done], true),
        (Dialect::Chat, &[CHUNK, FINISH], true),
        (Dialect::Chat, &[CHUNK, done], true),
        (Dialect::Chat, &[CHUNK], false),
        (Dialect::Chat, &[done], false),
        (Dialect::Chat, &[], false),
        (Dialect::Chat, &[CHUNK, ERROR, done], false),
        (Dialect::Chat, &[CHUNK, "data: oops\n\n", FINISH], false),
        (Dialect::Chat, &[CHUNK, FINISH, "data: {\"cut"], false),
        (
            Dialect::Chat,
            &["data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"error\"}]}\n\n", done],
            false,
        ),
        (Dialect::Messages, &[START, DELTA, STOP], true),
        (Dialect::Messages, &[START, DELTA], false),
        (Dialect::Messages, &[START, STOP], false),
        (Dialect::Messages, &[START, DELTA, ERROR, STOP], false),
        (Dialect::Responses, &[COMPLETED], true),
        (Dialect::Responses, &[FAILED], false),
        (Dialect::Responses, &[COMPLETED, FAILED], false),
    ];
    for (dialect, events, is_answer) in rows {
        let stream = events.concat();
        for piece_bytes in [usize::MAX, 5, 1] {
            assert_eq!(gather(dialect, stream.as_bytes(), piece_bytes).is_some(), is_answer, "{stream}");
        }
    }
}

#[test]
fn a_plain_answer_is_whole_or_not() {
    for (dialect, body, whole) in [
        (Dialect::Chat, r#"{"choices":[{"finish_reason":"length"}]}"#, true),
        (Dialect::Chat, r#"{"choices":[{"finish_reason":null}]}"#, false),
        (Dialect::Chat, r#"{"choices":[{"finish_reason":"error"}]}"#, false),
        (Dialect::Chat, r#"{"choices":[]}"#, false),
        (Dialect::Chat, r#"{"choices":[{"finish_reason":"stop"}],"error":{"message":"x"}}"#, false),
        (Dialect::Chat, r#"{"choices":[{"finish_reason":"stop"}]"#, false),
        (Dialect::Messages, r#"{"type":"message","stop_reason":"end_turn"}"#, true),
        (Dialect::Messages, r#"{"type":"message","stop_reason":null}"#, false),
        (Dialect::Messages, r#"{"type":"error","error":{}}"#, false),
        (Dialect::Responses, r#"{"status":"incomplete","output":[{}],"error":null}"#, true),
        (Dialect::Responses, r#"{"status":"queued","output":[]}"#, false),
        (Dialect::Responses, r#"{"status":"failed","output":[{}]}"#, false),
        (Dialect::Embeddings, r#"{"data":[]}"#, false),
    ] {
        assert_eq!(is_whole(dialect, body.as_bytes()), whole, "{body}");
    }
}

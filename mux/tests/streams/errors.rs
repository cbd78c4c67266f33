//! Streams that end in an error of the provider's, or are cut off.

use mux::dialect::{Dialect, HELD_BYTES_MAX, PARTS_MAX, StreamTranslator};
use mux::sse::SSE_EVENT_BYTES_MAX;
use serde_json::json;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::check::check;
use super::heard::hear;
use super::{CHATLIKE, asked, chat, events, translate, typed};

const START: &str = r#"{"type":"message_start","message":{"id":"c1","model":"m1"}}"#;
const CREATED: &str = r#"{"type":"response.created","response":{"id":"c1","model":"m1"}}"#;
const CUT: &str = "The provider's answer broke off before it was complete; try again";
const SILENT: &str = "The provider answered 200 and did not say why";

#[test]
fn an_error_in_mid_stream_is_the_clients() {
    let hi = r#"+{"content":"Hi"}"#;
    let finish = r#"{"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    let overloaded = r#"{"type":"error","error":{"type":"overloaded_error","message":"Busy"}}"#;
    let failed = r#"{"type":"response.failed","response":{"id":"c1","status":"failed","error":{"code":"rate_limit_exceeded","message":"Slow down"}}}"#;
    let flat = r#"{"type":"error","code":"server_error","message":"Broken","param":null}"#;
    // The provider's stream; the error's message; its kind for Messages and the code for Responses.
    let rows = [
        (
            Dialect::Chat,
            chat(&[hi, r#"{"error":{"code":502,"message":"Gone"},"choices":[]}"#, "[DONE]"]),
            "Gone",
            "api_error",
            "server_error",
        ),
        (
            Dialect::Chat,
            chat(&[finish, r#"{"error":{"message":"Late","type":"rate_limit_error"}}"#]),
            "Late",
            "rate_limit_error",
            "rate_limit_exceeded",
        ),
        (Dialect::Chat, chat(&[r#"{"error":"Nothing loaded"}"#]), "Nothing loaded", "api_error", "server_error"),
        (Dialect::Chat, chat(&[hi, "Internal error"]), "Internal error", "api_error", "server_error"),
        (Dialect::Chat, chat(&[hi]) + "event: error\ndata: {}\n\n", SILENT, "api_error", "server_error"),
        (
            Dialect::Chat,
            chat(&["[DONE]"]),
            "The provider's answer ended before it began; try again",
            "api_error",
            "server_error",
        ),
        (Dialect::Messages, typed(&[START, overloaded]), "Busy", "overloaded_error", "server_is_overloaded"),
        (Dialect::Messages, typed(&[overloaded, START]), "Busy", "overloaded_error", "server_is_overloaded"),
        (Dialect::Responses, typed(&[CREATED, failed]), "Slow down", "rate_limit_error", "rate_limit_exceeded"),
        (Dialect::Responses, typed(&[CREATED, flat]), "Broken", "api_error", "server_error"),
    ];
    for (from, bytes, message, kind, code) in rows {
        for to in CHATLIKE {
            let text = translate(from, to, bytes.as_bytes());
            check(to, &text);
            assert_eq!(hear(to, text.as_bytes()).error.as_deref(), Some(message), "{bytes}");
            let last = events(text.as_bytes()).pop().unwrap().data;
            match to {
                Dialect::Messages => assert_eq!(last["error"]["type"], kind, "{last}"),
                Dialect::Responses => assert_eq!(last["response"]["error"]["code"], code, "{last}"),
                _ => assert_eq!(last["error"]["message"], message, "{last}"),
            }
        }
    }
}

#[test]
fn a_cut_stream_is_never_complete() {
    let call = r#"+{"tool_calls":[{"index":0,"id":"1","function":{"name":"a","arguments":"{\"x\""}}]}"#;
    let finish = r#"{"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    let message_delta = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}"#;
    let rows = [
        (Dialect::Chat, String::new()),
        (Dialect::Chat, ": still here\n\n".to_owned()),
        (Dialect::Chat, chat(&[r#"+{"content":"Hi"}"#])),
        (Dialect::Chat, chat(&[r#"+{"content":"Hi"}"#]) + "data: {\"choices\":[{\"ind"),
        (Dialect::Chat, chat(&[call])),
        (Dialect::Chat, chat(&[finish]) + "data: {\"usage\":"),
        (Dialect::Messages, typed(&[START])),
        (Dialect::Messages, typed(&[START, message_delta])),
        (Dialect::Messages, typed(&[START, message_delta]) + "event: message_stop"),
        (Dialect::Responses, typed(&[CREATED])),
    ];
    for (from, bytes) in rows {
        for to in CHATLIKE {
            let text = translate(from, to, bytes.as_bytes());
            check(to, &text);
            assert_eq!(hear(to, text.as_bytes()).error.as_deref(), Some(CUT), "{bytes}");
            for word in ["[DONE]", "message_stop", "response.completed", r#""finish_reason":""#] {
                assert!(!text.contains(word), "{text}");
            }
        }
    }
}

#[test]
fn what_is_held_has_a_limit() {
    let push = |to, bytes: &[&[u8]]| {
        let (mut translator, mut out) = (StreamTranslator::new(Dialect::Chat, to, &asked()), Vec::new());
        bytes.iter().for_each(|bytes| translator.push(bytes, &mut out));
        translator.finish(&mut out);
        check(to, std::str::from_utf8(&out).unwrap());
        hear(to, &out)
    };
    let text = chat(&[&format!("+{}", json!({ "content": "x".repeat(1 << 20) }))]);
    let end = chat(&[r#"{"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#, "[DONE]"]);
    let mut pieces = vec![text.as_bytes(); HELD_BYTES_MAX >> 20];
    pieces.push(end.as_bytes());
    assert!(push(Dialect::Responses, &pieces).is_complete);
    pieces.insert(0, text.as_bytes());
    assert!(push(Dialect::Messages, &pieces).is_complete, "nothing is held");
    assert!(push(Dialect::Responses, &pieces).error.unwrap().contains("ask for less at once"));

    let open = |index| {
        chat(&[&format!(r#"+{{"tool_calls":[{{"index":{index},"id":"{index}","function":{{"name":"a"}}}}]}}"#)])
    };
    let calls: String = (0..PARTS_MAX).map(open).collect();
    assert!(push(Dialect::Chat, &[calls.as_bytes(), end.as_bytes()]).is_complete);
    let more = calls + &open(PARTS_MAX);
    assert!(push(Dialect::Chat, &[more.as_bytes(), end.as_bytes()]).error.unwrap().contains("ask for fewer"));

    let long = vec![b'x'; SSE_EVENT_BYTES_MAX + 1];
    let heard = push(Dialect::Messages, &[text.as_bytes(), b"data: ", &long, b"\n\n", end.as_bytes()]);
    assert!(heard.error.unwrap().contains("ask for less at once"));
}

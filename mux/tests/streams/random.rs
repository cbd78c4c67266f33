//! Any bytes give a stream that is in order, the same however they are split.

use mux::dialect::Dialect;
use proptest::prelude::*;
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::check::check;
use super::{CHATLIKE, asked, translate_split};

fn text() -> impl Strategy<Value = String> + Clone {
    prop::sample::select(&["", "a", "{", "}", "{}", "{\"x\":", "1}", "\"", "\\", "é\n", "stop", "tool_use"][..])
        .prop_map(str::to_owned)
}

fn chunk() -> impl Strategy<Value = Value> {
    let call = (0..3_u64, text(), text(), text()).prop_map(|(index, id, name, arguments)| {
        json!({ "index": index, "id": id, "function": { "name": name, "arguments": arguments } })
    });
    let delta = (text(), text(), text(), prop::collection::vec(call, 0..3)).prop_map(|(content, thought, refusal, calls)| {
        json!({ "content": content, "reasoning": thought, "refusal": refusal, "tool_calls": calls })
    });
    (text(), 0..8_u8, delta).prop_map(|(id, finish, delta)| {
        let finish = if finish == 0 { json!("stop") } else { Value::Null };
        json!({ "id": id, "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] })
    })
}

const MESSAGES: [&str; 7] = [
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "ping",
];
const BLOCKS: [&str; 8] = [
    "text",
    "thinking",
    "tool_use",
    "redacted_thinking",
    "text_delta",
    "thinking_delta",
    "input_json_delta",
    "signature_delta",
];

fn messages_event() -> impl Strategy<Value = Value> {
    let block = (prop::sample::select(&BLOCKS[..]), text(), text()).prop_map(|(kind, said, other)| {
        json!({ "type": kind, "text": said, "thinking": said, "signature": other, "partial_json": said, "id": other, "name": said,
            "data": said, "stop_reason": other, "input": { "x": said } })
    });
    (prop::sample::select(&MESSAGES[..]), 0..3_u64, block.clone(), block).prop_map(|(kind, index, block, delta)| {
        json!({ "type": kind, "index": index, "content_block": block, "delta": delta, "message": { "id": index.to_string() } })
    })
}

const RESPONSES: [&str; 12] = [
    "created",
    "output_item.added",
    "output_item.added",
    "output_item.done",
    "content_part.done",
    "output_text.delta",
    "output_text.done",
    "refusal.delta",
    "reasoning_text.delta",
    "reasoning_summary_text.delta",
    "reasoning_summary_part.added",
    "function_call_arguments.delta",
];
const ITEMS: [&str; 6] =
    ["message", "reasoning", "function_call", "custom_tool_call", "local_shell_call", "web_search_call"];

fn responses_event() -> impl Strategy<Value = Value> {
    let item = (prop::sample::select(&ITEMS[..]), text(), text()).prop_map(|(kind, id, said)| {
        json!({ "type": kind, "id": id, "call_id": id, "name": said, "arguments": said, "input": said,
            "content": [{ "type": "output_text", "text": said }], "summary": [{ "text": said }] })
    });
    (prop::sample::select(&RESPONSES[..]), text(), text(), item).prop_map(|(kind, id, said, item)| {
        json!({ "type": format!("response.{kind}"), "item_id": id, "delta": said, "text": said, "item": item, "response": { "id": id } })
    })
}

const FRAMING: [&str; 10] = ["data", "event", "id", ": ", ":", "{", "}", "[DONE]", "\r", "\n"];

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let events = |event: BoxedStrategy<Value>, end: &'static str| {
        let framed = prop::collection::vec((event, prop::sample::select(&["\n", "\r\n", "\r"][..])), 0..12);
        (framed, any::<bool>()).prop_map(move |(events, ends)| {
            let mut text: String = events.iter().map(|(data, line)| format!("data: {data}{line}{line}")).collect();
            text += if ends { end } else { "" };
            text.into_bytes()
        })
    };
    prop_oneof![
        3 => events(chunk().boxed(), "data: [DONE]\n\n"),
        3 => events(messages_event().boxed(), "data: {\"type\":\"message_stop\"}\n\n"),
        3 => events(responses_event().boxed(), "data: {\"type\":\"response.completed\"}\n\n"),
        1 => prop::collection::vec(any::<u8>(), 0..64),
        1 => prop::collection::vec(prop::sample::select(&FRAMING[..]), 0..20).prop_map(|pieces| pieces.concat().into_bytes()),
    ]
}

proptest! {
    #[test]
    fn any_bytes_give_a_stream_in_order(bytes in stream(), piece_bytes in 1..40_usize) {
        for from in CHATLIKE {
            for to in [Dialect::Chat, Dialect::Messages, Dialect::Responses] {
                let whole = translate_split(from, to, &asked(), &bytes, usize::MAX);
                check(to, &whole);
                prop_assert_eq!(translate_split(from, to, &asked(), &bytes, piece_bytes), whole);
            }
        }
    }
}

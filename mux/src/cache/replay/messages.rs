//! The events of Messages.

use super::{take, take_list, take_text, word};
use crate::dialect::frame;
use crate::json::{self, Map, Value, json};

pub fn replay(mut answer: Map, out: &mut Vec<u8>) {
    let content = take_list(&mut answer, "content");
    let (reason, sequence) = (take(&mut answer, "stop_reason"), take(&mut answer, "stop_sequence"));
    let usage = answer.get("usage").cloned().unwrap_or_default();
    for (name, value) in [("content", json!([])), ("stop_reason", Value::Null), ("stop_sequence", Value::Null)] {
        answer.insert(name, value);
    }
    frame::typed(&json!({ "type": "message_start", "message": Value::Object(answer) }), out);
    for (index, block) in content.into_iter().enumerate() {
        if let Value::Object(block) = block {
            replay_block(index, block, out);
        }
    }
    let delta = json!({ "stop_reason": reason, "stop_sequence": sequence });
    frame::typed(&json!({ "type": "message_delta", "delta": delta, "usage": usage }), out);
    frame::typed(&json!({ "type": "message_stop" }), out);
}

fn replay_block(index: usize, mut block: Map, out: &mut Vec<u8>) {
    let mut deltas = Vec::new();
    match word(&block, "type").as_str() {
        "text" => {
            let text = take_text(&mut block, "text");
            if block.get("citations").is_some_and(|own| own.as_array().is_some()) {
                let citations = take_list(&mut block, "citations");
                block.insert("citations", json!([]));
                deltas.extend(citations.into_iter().map(|one| json!({ "type": "citations_delta", "citation": one })));
            }
            deltas.insert(0, json!({ "type": "text_delta", "text": text }));
        }
        "thinking" => {
            deltas.push(json!({ "type": "thinking_delta", "thinking": take_text(&mut block, "thinking") }));
            let signature = take_text(&mut block, "signature");
            deltas.push(json!({ "type": "signature_delta", "signature": signature }));
        }
        "tool_use" | "server_tool_use" | "mcp_tool_use" => {
            let mut text = Vec::new();
            json::write(&take(&mut block, "input"), &mut text);
            block.insert("input", json!({}));
            let text = String::from_utf8_lossy(&text).into_owned();
            deltas.push(json!({ "type": "input_json_delta", "partial_json": text }));
        }
        _ => {}
    }
    let start = json!({ "type": "content_block_start", "index": index, "content_block": Value::Object(block) });
    frame::typed(&start, out);
    for delta in deltas {
        frame::typed(&json!({ "type": "content_block_delta", "index": index, "delta": delta }), out);
    }
    frame::typed(&json!({ "type": "content_block_stop", "index": index }), out);
}

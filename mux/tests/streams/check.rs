//! Whether a stream keeps the order and framing of its dialect, as the official clients rely on them. The fuzz targets
//! of `tests/fuzz` use it too.

use mux::dialect::Dialect;
use serde_json::{Value, json};

use super::events::{Event, events, word};

/// Panics with what is out of order. A stream that ends with an error is in order too.
pub fn check(dialect: Dialect, text: &str) {
    let events = events(text.as_bytes());
    match dialect {
        Dialect::Messages => messages(&events),
        Dialect::Responses => Responses::default().check(&events),
        _ => chat(&events),
    }
}

fn chat(events: &[Event]) {
    let (mut head, mut calls, mut finished, mut ended) = (None, 0, false, false);
    for Event { name, data } in events {
        assert!(name.is_empty() && !ended, "after the end: {name} {data}");
        if *data == "[DONE]" {
            assert!(finished, "[DONE] without a finish reason");
            ended = true;
            continue;
        }
        if data.get("error").is_some() {
            assert!(data["error"]["message"].is_string() && data["error"]["type"].is_string(), "{data}");
            ended = true;
            continue;
        }
        let own = json!([data["id"], data["object"], data["created"], data["model"]]);
        assert_eq!(*head.get_or_insert_with(|| own.clone()), own);
        assert!(own[0].as_str().is_some_and(|id| !id.is_empty()) && own[1] == "chat.completion.chunk", "{data}");
        assert!(own[2].is_u64() && own[3].is_string(), "{data}");
        let Some(choice) = data["choices"].get(0) else {
            assert!(finished && data["usage"]["total_tokens"].is_u64(), "{data}");
            continue;
        };
        assert!(!finished, "after the finish reason: {data}");
        finished = choice["finish_reason"].is_string();
        for call in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
            let index = call["index"].as_u64().unwrap();
            if call.get("id").is_some() {
                assert_eq!(index, calls, "calls are counted");
                assert!(!word(&call["id"]).is_empty() && call["type"].is_string(), "{call}");
                calls += 1;
            } else {
                assert_eq!(index + 1, calls, "one call after the other");
            }
        }
    }
    if let Some(first) = events.iter().find(|event| event.data.get("choices").is_some()) {
        assert_eq!(first.data["choices"][0]["delta"]["role"], "assistant");
    }
    assert!(ended, "no end");
}

fn messages(events: &[Event]) {
    let (mut open, mut index, mut phase) = (None, 0, "");
    for Event { name, data } in events {
        assert_eq!(data["type"], name.as_str());
        assert_ne!(phase, "over", "after the end: {data}");
        match name.as_str() {
            "message_start" => {
                assert_eq!(phase, "");
                let message = &data["message"];
                assert!(!word(&message["id"]).is_empty() && message["content"] == json!([]), "{data}");
                assert!(message["usage"]["output_tokens"].is_u64() && message["model"].is_string(), "{data}");
                phase = "content";
            }
            "content_block_start" => {
                assert!(phase == "content" && open.is_none() && data["index"] == index, "{data}");
                open = Some(word(&data["content_block"]["type"]));
                let block = &data["content_block"];
                if open.as_deref() == Some("tool_use") {
                    assert!(!word(&block["id"]).is_empty() && block["input"] == json!({}), "{data}");
                }
            }
            "content_block_delta" => {
                assert_eq!(data["index"], index, "{data}");
                let fits = match (open.as_deref().unwrap(), data["delta"]["type"].as_str().unwrap()) {
                    ("text", "text_delta") => data["delta"]["text"].is_string(),
                    ("thinking", "thinking_delta") => data["delta"]["thinking"].is_string(),
                    ("thinking", "signature_delta") => data["delta"]["signature"].is_string(),
                    ("tool_use", "input_json_delta") => data["delta"]["partial_json"].is_string(),
                    _ => false,
                };
                assert!(fits, "{data} in {open:?}");
            }
            "content_block_stop" => {
                assert!(open.take().is_some() && data["index"] == index, "{data}");
                index += 1;
            }
            "message_delta" => {
                assert!(phase == "content" && open.is_none(), "{data}");
                assert!(data["delta"]["stop_reason"].is_string() && data["usage"]["output_tokens"].is_u64(), "{data}");
                phase = "finished";
            }
            "message_stop" => {
                assert_eq!(phase, "finished");
                phase = "over";
            }
            "ping" => assert_ne!(phase, ""),
            "error" => {
                assert!(data["error"]["type"].is_string() && data["error"]["message"].is_string(), "{data}");
                phase = "over";
            }
            _ => panic!("unknown: {data}"),
        }
    }
    assert_eq!(phase, "over");
}

#[derive(Default)]
struct Responses {
    /// Added, and not yet done: the item, and the text of its open part.
    open: Option<(Value, Option<String>)>,
    done: Vec<Value>,
    parts: u64,
}

impl Responses {
    fn check(mut self, events: &[Event]) {
        let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
        assert_eq!(names[..2], ["response.created", "response.in_progress"]);
        for (number, Event { name, data }) in events.iter().enumerate() {
            assert_eq!(data["type"], name.as_str());
            assert_eq!(data["sequence_number"], number, "{data}");
            let is_last = number + 1 == events.len();
            match name.as_str() {
                "response.created" | "response.in_progress" => {
                    assert!(number < 2);
                    self.response(&data["response"], "in_progress");
                }
                "response.completed" | "response.incomplete" | "response.failed" => {
                    assert!(is_last, "after the end: {data}");
                    assert!(self.open.is_none() || name == "response.failed", "{data}");
                    self.response(&data["response"], name.strip_prefix("response.").unwrap());
                }
                _ => self.item_event(name, data),
            }
            assert_eq!(is_last, ["completed", "incomplete", "failed"].iter().any(|end| name.ends_with(end)), "{name}");
        }
    }

    fn response(&self, response: &Value, status: &str) {
        assert_eq!(response["status"], status);
        assert_eq!(response["output"], Value::Array(self.done.clone()));
        assert!(!word(&response["id"]).is_empty() && response["object"] == "response", "{response}");
        assert!(response["created_at"].is_u64() && response["model"].is_string(), "{response}");
        assert_eq!(status == "failed", response["error"]["message"].is_string(), "{response}");
        assert_eq!(status == "incomplete", response["incomplete_details"]["reason"].is_string(), "{response}");
    }

    fn item_event(&mut self, name: &str, data: &Value) {
        assert_eq!(data["output_index"], self.done.len(), "{data}");
        if name == "response.output_item.added" {
            assert!(self.open.is_none(), "two items at once: {data}");
            let text = data["item"]["call_id"].is_string().then(String::new);
            self.open = Some((data["item"].clone(), text));
            self.parts = 0;
            return;
        }
        let (item, text) = self.open.as_mut().unwrap_or_else(|| panic!("no item is open: {data}"));
        if name == "response.output_item.done" {
            let whole = &data["item"];
            assert_eq!([&whole["id"], &whole["type"]], [&item["id"], &item["type"]]);
            assert!(!word(&whole["id"]).is_empty() && self.done.iter().all(|done| done["id"] != whole["id"]));
            self.done.push(whole.clone());
            self.open = None;
            return;
        }
        assert_eq!(data["item_id"], item["id"], "{data}");
        let is_call = item["call_id"].is_string();
        let place = data.get("content_index").or(data.get("summary_index"));
        assert!(is_call || *place.unwrap() == self.parts, "{data}");
        match name.rsplit('.').next().unwrap() {
            "added" => assert!(text.replace(String::new()).is_none(), "{data}"),
            "delta" => *text.as_mut().unwrap() += data["delta"].as_str().unwrap(),
            "done" if name.ends_with("part.done") => {
                let text = text.take().unwrap();
                let part = &data["part"];
                assert_eq!(text, word(&part["text"]) + &word(&part["refusal"]), "{data}");
                self.parts += 1;
            }
            "done" => {
                let whole = ["text", "refusal", "arguments", "input"].iter().find_map(|name| data.get(*name));
                assert_eq!(text.as_deref(), whole.unwrap().as_str(), "{data}");
            }
            _ => panic!("unknown: {data}"),
        }
    }
}

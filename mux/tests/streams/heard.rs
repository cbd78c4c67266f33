//! What a client makes of a stream, told leniently: real providers' streams go through it too.

use mux::dialect::Dialect;
use mux::usage::{Stream, Usage};

use super::events::{Event, events, word};

/// An answer, put together from its events.
#[derive(Debug, Default, PartialEq)]
pub struct Heard {
    pub text: String,
    pub refusal: String,
    pub thinking: String,
    /// Id, name, arguments.
    pub calls: Vec<(String, String, String)>,
    pub signatures: Vec<String>,
    pub finish: &'static str,
    pub error: Option<String>,
    pub is_complete: bool,
    /// Input, cached, cache-written, output, reasoning.
    pub usage: Option<[u64; 5]>,
}

pub fn hear(dialect: Dialect, bytes: &[u8]) -> Heard {
    let mut heard = Heard::default();
    let mut usage = Stream::new(dialect);
    let mut slots = Vec::new();
    for event in events(bytes) {
        usage.event(event.data.to_string().as_bytes());
        if heard.error.is_some() || heard.is_complete {
            continue;
        }
        match dialect {
            Dialect::Messages => messages(&mut heard, &mut slots, &event),
            Dialect::Responses => responses(&mut heard, &event),
            _ => chat(&mut heard, &mut slots, &event),
        }
    }
    heard.usage = usage.usage().map(|usage| numbers(&usage));
    for (_, _, arguments) in &mut heard.calls {
        if arguments.is_empty() {
            *arguments = "{}".to_owned();
        }
    }
    heard
}

pub fn numbers(usage: &Usage) -> [u64; 5] {
    let Usage { input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, raw: _ } =
        usage;
    [*input_tokens, *cached_input_tokens, *cache_write_tokens, *output_tokens, *reasoning_tokens]
}

fn chat(heard: &mut Heard, slots: &mut Vec<u64>, event: &Event) {
    if event.data == "[DONE]" {
        heard.is_complete = true;
        return;
    }
    if !event.data["error"].is_null() {
        heard.error = Some(word(&event.data["error"]["message"]));
        return;
    }
    let choices = event.data["choices"].as_array().cloned().unwrap_or_default();
    for choice in choices.iter().filter(|choice| choice["index"] == 0) {
        let delta = &choice["delta"];
        heard.text += &word(&delta["content"]);
        heard.refusal += &word(&delta["refusal"]);
        let thought = word(&delta["reasoning_content"]);
        heard.thinking += if thought.is_empty() { delta["reasoning"].as_str().unwrap_or_default() } else { &thought };
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let index = call["index"].as_u64().unwrap();
            let at = slots.iter().position(|slot| *slot == index).unwrap_or_else(|| {
                slots.push(index);
                heard.calls.push((word(&call["id"]), word(&call["function"]["name"]), String::new()));
                slots.len() - 1
            });
            heard.calls[at].2 += &word(&call["function"]["arguments"]);
        }
        match choice["finish_reason"].as_str() {
            None => {}
            Some("length") => heard.finish = "length",
            Some("content_filter") => heard.finish = "filtered",
            Some(_) if !heard.calls.is_empty() => heard.finish = "calls",
            Some(_) => heard.finish = "stop",
        }
    }
}

fn messages(heard: &mut Heard, slots: &mut Vec<u64>, event: &Event) {
    let (data, delta, block) = (&event.data, &event.data["delta"], &event.data["content_block"]);
    match data["type"].as_str().unwrap() {
        "content_block_start" => {
            heard.text += &word(&block["text"]);
            if block["type"] == "tool_use" {
                slots.push(data["index"].as_u64().unwrap());
                heard.calls.push((word(&block["id"]), word(&block["name"]), String::new()));
            }
        }
        "content_block_delta" => {
            heard.text += &word(&delta["text"]);
            heard.text += &word(&delta["content"]);
            heard.thinking += &word(&delta["thinking"]);
            if delta["type"] == "signature_delta" {
                heard.signatures.push(word(&delta["signature"]));
            }
            if let Some(at) = slots.iter().position(|slot| data["index"] == *slot) {
                heard.calls[at].2 += &word(&delta["partial_json"]);
            }
        }
        "message_delta" => {
            heard.finish = match delta["stop_reason"].as_str().unwrap() {
                "max_tokens" | "model_context_window_exceeded" | "pause_turn" => "length",
                "tool_use" => "calls",
                "refusal" => "filtered",
                _ => "stop",
            };
        }
        "message_stop" => heard.is_complete = true,
        "error" => heard.error = Some(word(&data["error"]["message"])),
        _ => {}
    }
}

fn responses(heard: &mut Heard, event: &Event) {
    let (data, item) = (&event.data, &event.data["item"]);
    match data["type"].as_str().unwrap() {
        "response.output_text.delta" => heard.text += &word(&data["delta"]),
        "response.refusal.delta" => heard.refusal += &word(&data["delta"]),
        "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
            heard.thinking += &word(&data["delta"]);
        }
        "response.output_item.done" if !item["call_id"].is_null() => {
            let arguments = word(&item["arguments"]) + &word(&item["input"]);
            heard.calls.push((word(&item["call_id"]), word(&item["name"]), arguments));
        }
        "response.completed" | "response.incomplete" => {
            heard.is_complete = true;
            heard.finish = match data["response"]["incomplete_details"]["reason"].as_str() {
                Some("content_filter") => "filtered",
                Some(_) => "length",
                None if !heard.calls.is_empty() => "calls",
                None => "stop",
            };
        }
        "response.failed" => heard.error = Some(word(&data["response"]["error"]["message"])),
        "error" => heard.error = Some(word(&data["message"])),
        _ => {}
    }
}

//! Answers of a provider of OpenAI's Responses.

use muxspace_tests::Answer;
use serde_json::{Value, json};

use super::ask::{Ask, Delivery};
use super::script::Turn;
use super::tools::Arguments;
use super::{Tokens, sse};

/// The one item of an answer, and how its events are called.
struct Item {
    whole: Value,
    /// As it is when it begins: without its words.
    begun: Value,
    words: String,
    /// Stem of the names of its events, `response.<stem>.delta` and `.done`.
    stem: &'static str,
    /// Where its words are repeated when they are complete.
    field: &'static str,
}

pub fn answer(ask: &Ask, turn: &Turn, tokens: &Tokens) -> Answer {
    let item = item(turn, tokens);
    let response = json!({"id": format!("resp_{}", tokens.input), "object": "response", "created_at": 1_700_000_000,
        "status": "completed", "model": ask.model, "output": [item.whole], "error": null, "incomplete_details": null,
        "parallel_tool_calls": true, "tool_choice": "auto", "tools": [], "metadata": {}, "store": false,
        "usage": tokens.as_responses()});
    if ask.delivery == Delivery::Plain {
        return Answer::json(200, response.to_string());
    }
    sse::answer(events(&item, &response))
}

fn events(item: &Item, response: &Value) -> Vec<String> {
    let mut begun = response.clone();
    begun["status"] = json!("in_progress");
    begun["output"] = json!([]);
    begun["usage"] = Value::Null;
    let mut events = Vec::new();
    let mut say = |name: &str, mut data: Value| {
        data["sequence_number"] = json!(events.len());
        events.push(sse::named(data, name));
    };
    let id = &item.whole["id"];
    say("response.created", json!({"response": begun}));
    say("response.in_progress", json!({"response": begun}));
    say("response.output_item.added", json!({"output_index": 0, "item": item.begun}));
    let part = &item.whole["content"][0];
    if part.is_object() {
        let empty = json!({"type": "output_text", "text": "", "annotations": []});
        say(
            "response.content_part.added",
            json!({"item_id": id, "output_index": 0, "content_index": 0, "part": empty}),
        );
    }
    for piece in sse::pieces(&item.words) {
        let data = json!({"item_id": id, "output_index": 0, "content_index": 0, "delta": piece});
        say(&format!("response.{}.delta", item.stem), data);
    }
    let data = json!({"item_id": id, "output_index": 0, "content_index": 0, item.field: item.words});
    say(&format!("response.{}.done", item.stem), data);
    if part.is_object() {
        say("response.content_part.done", json!({"item_id": id, "output_index": 0, "content_index": 0, "part": part}));
    }
    say("response.output_item.done", json!({"output_index": 0, "item": item.whole}));
    say("response.completed", json!({"response": response}));
    events
}

fn item(turn: &Turn, tokens: &Tokens) -> Item {
    let number = tokens.input;
    let (whole, words, stem, field) = match turn {
        Turn::Say(text) => {
            let part = json!({"type": "output_text", "text": text, "annotations": []});
            let whole =
                json!({"id": format!("msg_{number}"), "type": "message", "role": "assistant", "content": [part]});
            (whole, text.clone(), "output_text", "text")
        }
        Turn::Call { tool, arguments: Arguments::Json(value) } => {
            let whole = json!({"id": format!("fc_{number}"), "type": "function_call", "call_id": format!("call_{number}"),
                "name": tool, "arguments": value.to_string()});
            (whole, value.to_string(), "function_call_arguments", "arguments")
        }
        Turn::Call { tool, arguments: Arguments::Text(text) } => {
            let whole = json!({"id": format!("ctc_{number}"), "type": "custom_tool_call",
                "call_id": format!("call_{number}"), "name": tool, "input": text});
            (whole, text.clone(), "custom_tool_call_input", "input")
        }
    };
    let mut begun = with_status(&whole, "in_progress");
    let emptied = if begun["type"] == "message" { "content" } else { field };
    begun[emptied] = if emptied == "content" { json!([]) } else { json!("") };
    Item { whole: with_status(&whole, "completed"), begun, words, stem, field }
}

fn with_status(item: &Value, status: &str) -> Value {
    let mut item = item.clone();
    item["status"] = json!(status);
    item
}

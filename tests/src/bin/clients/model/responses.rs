//! Answers of a provider of OpenAI's Responses.

use muxspace_tests::Answer;
use serde_json::{Value, json};

use super::ask::{Ask, Delivery};
use super::script::{THOUGHT, Turn};
use super::strict::SIGNED;
use super::tools::Arguments;
use super::{Tokens, sse};

/// An item of an answer, and how its events are called.
struct Item {
    whole: Value,
    words: String,
    /// Stem of the names of its events, `response.<stem>.delta` and `.done`.
    stem: &'static str,
    /// Where its words are: of the item itself, or of its part.
    field: &'static str,
    /// The list with its one part, the name of the part's events, and of the part's index.
    part: Option<(&'static str, &'static str, &'static str)>,
}

pub fn answer(ask: &Ask, turn: &Turn, tokens: &Tokens) -> Answer {
    let items: Vec<Item> = ask.thinks.then(|| thought(tokens)).into_iter().chain([item(turn, tokens)]).collect();
    let output: Vec<&Value> = items.iter().map(|item| &item.whole).collect();
    let response = json!({"id": format!("resp_{}", tokens.input), "object": "response", "created_at": 1_700_000_000,
        "status": "completed", "model": ask.model, "output": output, "error": null, "incomplete_details": null,
        "parallel_tool_calls": true, "tool_choice": "auto", "tools": [], "metadata": {}, "store": false,
        "usage": tokens.as_responses()});
    if ask.delivery == Delivery::Plain {
        return Answer::json(200, response.to_string());
    }
    sse::answer(events(&items, &response))
}

fn events(items: &[Item], response: &Value) -> Vec<String> {
    let mut begun = response.clone();
    (begun["status"], begun["output"], begun["usage"]) = (json!("in_progress"), json!([]), Value::Null);
    let mut events = vec![
        ("response.created".to_owned(), json!({"response": begun})),
        ("response.in_progress".to_owned(), json!({"response": begun})),
    ];
    for (index, item) in items.iter().enumerate() {
        item.say(index, &mut events);
    }
    events.push(("response.completed".to_owned(), json!({"response": response})));
    let numbered = events.into_iter().enumerate().map(|(number, (name, mut data))| {
        data["sequence_number"] = json!(number);
        sse::named(data, &name)
    });
    numbered.collect()
}

impl Item {
    fn say(&self, index: usize, events: &mut Vec<(String, Value)>) {
        let Self { whole, words, stem, field, part } = self;
        let of_item = json!({"item_id": whole["id"], "output_index": index});
        let of_words = |name: &str, value: &Value| {
            let mut data = of_item.clone();
            if let Some((_, _, part_index)) = part {
                data[*part_index] = json!(0);
            }
            data[name] = value.clone();
            data
        };
        let mut begun = whole.clone();
        begun["status"] = json!("in_progress");
        match part {
            Some((list, ..)) => begun[*list] = json!([]),
            None => begun[*field] = json!(""),
        }
        events.push(("response.output_item.added".into(), json!({"output_index": index, "item": begun})));
        if let Some((list, name, _)) = part {
            let mut empty = whole[*list][0].clone();
            empty[*field] = json!("");
            events.push((format!("response.{name}.added"), of_words("part", &empty)));
        }
        for piece in sse::pieces(words) {
            events.push((format!("response.{stem}.delta"), of_words("delta", &json!(piece))));
        }
        events.push((format!("response.{stem}.done"), of_words(field, &json!(words))));
        if let Some((list, name, _)) = part {
            events.push((format!("response.{name}.done"), of_words("part", &whole[*list][0])));
        }
        events.push(("response.output_item.done".into(), json!({"output_index": index, "item": whole})));
    }
}

fn thought(tokens: &Tokens) -> Item {
    let number = tokens.input;
    let whole = json!({"id": format!("rs_{number}"), "type": "reasoning", "status": "completed",
        "summary": [{"type": "summary_text", "text": THOUGHT}], "encrypted_content": format!("{SIGNED}{number}")});
    let part = Some(("summary", "reasoning_summary_part", "summary_index"));
    Item { whole, words: THOUGHT.to_owned(), stem: "reasoning_summary_text", field: "text", part }
}

fn item(turn: &Turn, tokens: &Tokens) -> Item {
    let (number, call_id) = (tokens.input, format!("call_{}", tokens.input));
    match turn {
        Turn::Say(text) => {
            let part = json!({"type": "output_text", "text": text, "annotations": []});
            let whole = json!({"id": format!("msg_{number}"), "type": "message", "status": "completed",
                "role": "assistant", "content": [part]});
            let part = Some(("content", "content_part", "content_index"));
            Item { whole, words: text.clone(), stem: "output_text", field: "text", part }
        }
        Turn::Call { tool, arguments: Arguments::Json(value) } => {
            let words = value.to_string();
            let whole = json!({"id": format!("fc_{number}"), "type": "function_call", "status": "completed",
                "call_id": call_id, "name": tool, "arguments": words});
            Item { whole, words, stem: "function_call_arguments", field: "arguments", part: None }
        }
        Turn::Call { tool, arguments: Arguments::Text(text) } => {
            let whole = json!({"id": format!("ctc_{number}"), "type": "custom_tool_call", "status": "completed",
                "call_id": call_id, "name": tool, "input": text});
            Item { whole, words: text.clone(), stem: "custom_tool_call_input", field: "input", part: None }
        }
    }
}

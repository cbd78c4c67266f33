//! A plain Responses answer.

use crate::dialect::model::{Answer, FinishReason, Part, ToolCall, ToolKind};
use crate::dialect::shared::put;
use crate::dialect::{Asked, Dialect, usage_value};
use crate::json::{Map, Value, json};

pub fn write_answer(answer: &Answer, asked: &Asked) -> Value {
    let (status, reason) = status(&answer.finish);
    let mut body = Map::new();
    put(&mut body, "id", Some(answer.id.as_str()));
    put(&mut body, "object", Some("response"));
    put(&mut body, "created_at", Some(answer.created.unwrap_or(asked.now)));
    put(&mut body, "status", Some(status));
    body.insert("error", Value::Null);
    body.insert("incomplete_details", reason.map_or(Value::Null, |reason| json!({ "reason": reason })));
    put(&mut body, "model", Some(asked.model_of(&answer.model)));
    body.insert("output", Value::Array(write_items(answer, asked)));
    let usage = answer.usage.as_ref().map(|usage| usage_value(Dialect::Responses, usage));
    body.insert("usage", usage.unwrap_or(Value::Null));
    put(&mut body, "service_tier", answer.service_tier.as_deref().filter(|tier| *tier != "standard"));
    body.extend(echo(asked));
    Value::Object(body)
}

/// What the answer repeats of its request, with the API's defaults where that said nothing.
pub fn echo(asked: &Asked) -> Map {
    let mut echo = Map::new();
    for (name, default) in [
        ("instructions", Value::Null),
        ("max_output_tokens", Value::Null),
        ("metadata", json!({})),
        ("parallel_tool_calls", json!(true)),
        ("previous_response_id", Value::Null),
        ("reasoning", Value::Null),
        ("store", json!(false)),
        ("temperature", Value::Null),
        ("text", json!({ "format": { "type": "text" } })),
        ("tool_choice", json!("auto")),
        ("tools", json!([])),
        ("top_p", Value::Null),
        ("truncation", json!("disabled")),
        ("user", Value::Null),
    ] {
        echo.insert(name.to_owned(), asked.echo.get(name).cloned().unwrap_or(default));
    }
    echo
}

/// `status`, and the reason if it is incomplete.
pub fn status(finish: &FinishReason) -> (&'static str, Option<&'static str>) {
    match finish {
        FinishReason::Stop | FinishReason::StopSequence(_) | FinishReason::ToolCalls => ("completed", None),
        FinishReason::Length | FinishReason::ContextLength | FinishReason::Pause => {
            ("incomplete", Some("max_output_tokens"))
        }
        FinishReason::ContentFilter | FinishReason::Refusal => ("incomplete", Some("content_filter")),
    }
}

/// An item's id: unique in the answer, and the same whenever the answer is written.
pub fn item_id(kind: &str, answer_id: &str, index: usize) -> String {
    format!("{kind}_{answer_id}_{index}")
}

fn write_items(answer: &Answer, asked: &Asked) -> Vec<Value> {
    let mut items = Vec::new();
    let mut said = Vec::new();
    for part in &answer.parts {
        let index = items.len() + usize::from(!said.is_empty());
        let item = match part {
            Part::Text(text) => {
                said.push(json!({ "type": "output_text", "text": &text.text, "annotations": [], "logprobs": [] }));
                continue;
            }
            Part::Refusal(text) => {
                said.push(json!({ "type": "refusal", "refusal": text }));
                continue;
            }
            Part::Thinking(thought) => {
                let summary = json!([{ "type": "summary_text", "text": &thought.text }]);
                json!({ "id": item_id("rs", &answer.id, index), "type": "reasoning", "summary": summary })
            }
            Part::ToolCall(call) => write_call(call, &answer.id, index, asked),
            Part::RedactedThinking(_) | Part::Image(_) | Part::Document(_) | Part::ToolResult(_) => continue,
        };
        end_message(&mut items, &mut said, answer);
        items.push(item);
    }
    end_message(&mut items, &mut said, answer);
    items
}

fn end_message(items: &mut Vec<Value>, said: &mut Vec<Value>, answer: &Answer) {
    if said.is_empty() {
        return;
    }
    let (status, _) = status(&answer.finish);
    items.push(json!({
        "id": item_id("msg", &answer.id, items.len()),
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": std::mem::take(said),
    }));
}

/// A provider's call as an item of the kind that the client offered.
pub fn write_call(call: &ToolCall, answer_id: &str, index: usize, asked: &Asked) -> Value {
    let namespace = asked.tool(&call.name).and_then(|tool| tool.namespace.clone());
    let ToolCall { id, name, kind, arguments, cache: _ } = asked.raise(call);
    let mut item = Map::new();
    let (prefix, kind_name) = match kind {
        ToolKind::Function => ("fc", "function_call"),
        ToolKind::Custom => ("ctc", "custom_tool_call"),
        ToolKind::LocalShell => ("lsh", "local_shell_call"),
    };
    put(&mut item, "id", Some(item_id(prefix, answer_id, index)));
    put(&mut item, "type", Some(kind_name));
    put(&mut item, "call_id", Some(id));
    match kind {
        ToolKind::Function => {
            put(&mut item, "name", Some(name));
            put(&mut item, "namespace", namespace);
            put(&mut item, "arguments", Some(if arguments.is_empty() { "{}".to_owned() } else { arguments }));
        }
        ToolKind::Custom => {
            put(&mut item, "name", Some(name));
            put(&mut item, "namespace", namespace);
            put(&mut item, "input", Some(arguments));
        }
        ToolKind::LocalShell => put(&mut item, "action", Some(shell_action(&arguments))),
    }
    put(&mut item, "status", Some("completed"));
    Value::Object(item)
}

fn shell_action(arguments: &str) -> Value {
    let given = crate::json::parse(arguments.as_bytes()).unwrap_or_default();
    let mut action = Map::new();
    put(&mut action, "type", Some("exec"));
    action.insert("command", json!([]));
    action.insert("env", json!({}));
    action.extend(given.as_object().cloned().unwrap_or_default());
    put(&mut action, "type", Some("exec"));
    Value::Object(action)
}

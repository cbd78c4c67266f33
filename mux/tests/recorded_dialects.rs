//! Translations of what real clients sent and real providers answered, where the recordings are at hand: they are not
//! part of the project. Reads files, so it runs natively only.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use mux::dialect::model::{Answer, FinishReason, Part};
use mux::dialect::{Asked, Context, Dialect, read_answer, translate_answer, translate_error, translate_request};
use serde_json::Value;

const CHATLIKE: [Dialect; 3] = [Dialect::Chat, Dialect::Messages, Dialect::Responses];

const CONTEXT: Context<'_> = Context { model: "a-model", max_tokens_default: 4_096, extensions: true };

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures").join(name)
}

/// The index's rows, by column; `None` without recordings.
fn index(folder: &Path) -> Option<Vec<HashMap<String, String>>> {
    let Ok(index) = fs::read_to_string(folder.join("index.tsv")) else {
        println!("no recordings at hand: skipped");
        return None;
    };
    let mut lines = index.lines().map(|line| line.split('\t').map(str::to_owned));
    let columns: Vec<String> = lines.next().unwrap().collect();
    Some(lines.map(|line| columns.iter().cloned().zip(line).collect()).collect())
}

fn dialect(path: &str) -> Option<Dialect> {
    let path = path.split('?').next().unwrap();
    match path {
        path if path.ends_with("/chat/completions") => Some(Dialect::Chat),
        path if path.ends_with("/messages") => Some(Dialect::Messages),
        path if path.ends_with("/responses") => Some(Dialect::Responses),
        _ => None,
    }
}

/// All strings of the body that a user, a tool or a model wrote, however the dialect nests them.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(map) => {
            for (name, value) in map {
                match value {
                    Value::String(text) if matches!(name.as_str(), "text" | "content" | "output" | "system") => {
                        found.push(text.trim_end().to_owned());
                    }
                    Value::Object(_) if name == "input" => {}
                    _ if name == "tools" => {}
                    value => texts(value, found),
                }
            }
        }
        _ => {}
    }
}

/// Tool calls: id, name, arguments.
fn calls(value: &Value, found: &mut Vec<(String, String, Value)>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| calls(item, found)),
        Value::Object(map) => {
            let outer = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
            match value["type"].as_str() {
                Some("tool_use") => found.push((outer("id"), outer("name"), value["input"].clone())),
                Some("function_call") => {
                    let arguments = serde_json::from_str(&outer("arguments")).unwrap();
                    found.push((outer("call_id"), outer("name"), arguments));
                }
                Some("function") if value["function"]["arguments"].is_string() => {
                    let arguments = serde_json::from_str(value["function"]["arguments"].as_str().unwrap()).unwrap();
                    found.push((outer("id"), value["function"]["name"].as_str().unwrap().to_owned(), arguments));
                }
                _ => map.values().for_each(|value| calls(value, found)),
            }
        }
        _ => {}
    }
}

fn calls_of(body: &[u8]) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    calls(&serde_json::from_slice(body).unwrap(), &mut found);
    found
}

fn texts_of(body: &[u8]) -> Vec<String> {
    let value: Value = serde_json::from_slice(body).unwrap();
    let mut found = Vec::new();
    texts(&value, &mut found);
    if let Some(Value::String(text)) = value.get("instructions").or(value.get("input")) {
        found.push(text.clone());
    }
    found.retain(|text| !text.is_empty());
    found
}

#[test]
fn recorded_requests_reach_every_dialect_and_come_back() {
    let folder = folder("requests");
    let Some(rows) = index(&folder) else { return };
    let mut cases = 0;
    for row in rows {
        let Some(from) = dialect(&row["path"]) else { continue };
        let body = fs::read(folder.join(&row["file"])).unwrap();
        for to in CHATLIKE.into_iter().filter(|to| *to != from) {
            let name = format!("{} as {}", row["file"], to.as_str());
            let there = translate_request(from, to, &body, &CONTEXT).unwrap_or_else(|error| panic!("{name}: {error}"));
            let back =
                translate_request(to, from, &there.body, &CONTEXT).unwrap_or_else(|error| panic!("{name}: {error}"));
            // Texts may be wrapped or prefixed where a dialect has no field for what they are.
            let (sent, returned) = (texts_of(&there.body).join("\n"), texts_of(&back.body).join("\n"));
            for text in texts_of(&body) {
                assert!(sent.contains(&text), "{name}: lost {text:.200}");
                assert!(returned.contains(&text), "{name} and back: lost {text:.200}");
            }
            assert_eq!(calls_of(&there.body), calls_of(&body), "{name}");
            assert_eq!(calls_of(&back.body), calls_of(&body), "{name} and back");
            cases += 1;
        }
    }
    println!("{cases} translations of recorded requests");
    assert!(cases > 0, "an index without cases");
}

/// What every dialect can say of an answer.
fn gist(answer: &Answer) -> (String, Vec<(String, String, Value)>, &'static str) {
    let (mut text, mut calls) = (String::new(), Vec::new());
    for part in &answer.parts {
        match part {
            Part::Text(part) => text += &part.text,
            Part::Refusal(refusal) => text += refusal,
            Part::ToolCall(call) => {
                let arguments = serde_json::from_str(&call.arguments).unwrap();
                calls.push((call.id.clone(), call.name.clone(), arguments));
            }
            _ => {}
        }
    }
    let refused = answer.parts.iter().any(|part| matches!(part, Part::Refusal(_)));
    let finish = match &answer.finish {
        FinishReason::Stop if refused => "filtered",
        FinishReason::Stop | FinishReason::StopSequence(_) => "stop",
        FinishReason::Length | FinishReason::ContextLength | FinishReason::Pause => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter | FinishReason::Refusal => "filtered",
    };
    (text, calls, finish)
}

#[test]
fn recorded_answers_say_the_same_in_every_dialect() {
    let folder = folder("responses");
    let Some(rows) = index(&folder) else { return };
    let (mut cases, mut errors) = (0, 0);
    for row in rows {
        let Some(from) = dialect(&row["path"]) else { continue };
        if row["streaming"] == "yes" {
            continue;
        }
        let body = fs::read(folder.join(&row["file"])).unwrap();
        let status: u16 = row["status"].parse().unwrap();
        for to in CHATLIKE.into_iter().filter(|to| *to != from) {
            let name = format!("{} as {}", row["file"], to.as_str());
            if status >= 400 {
                let error: Value = serde_json::from_slice(&translate_error(from, to, status, &body)).unwrap();
                assert!(error["error"]["message"].as_str().is_some_and(|text| text.len() > 5), "{name}: {error}");
                assert!(error["error"]["type"].is_string(), "{name}: {error}");
                errors += 1;
                continue;
            }
            let answer = read_answer(from, &body).unwrap_or_else(|error| panic!("{name}: {error}"));
            let translated = translate_answer(from, to, &body, &Asked::default()).unwrap();
            let read = read_answer(to, &translated).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(gist(&read), gist(&answer), "{name}");
            assert_eq!((read.id, read.model), (answer.id, answer.model), "{name}");
            let numbers = |usage: Option<mux::usage::Usage>| {
                usage.map(|usage| mux::usage::Usage { raw: String::new(), ..usage }).unwrap_or_default()
            };
            assert_eq!(numbers(read.usage), numbers(answer.usage), "{name}");
            cases += 1;
        }
    }
    println!("{cases} translations of recorded answers, {errors} of recorded errors");
    assert!(cases > 0 && errors > 0, "an index without cases");
}

//! Streams of real providers, where the recordings are at hand: they are not part of the project.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use mux::dialect::{Asked, Dialect, translate_answer};
use serde_json::Value;

use super::check::check;
use super::events::{events, word};
use super::heard::{Heard, hear, numbers};
use super::{CHATLIKE, asked, translate, translate_split};

/// What a provider means otherwise than a client hears it: the id is given by the gateway, or thoughts come in blocks.
fn settled(heard: &Heard) -> (String, String, Vec<(String, Value)>, &'static str, bool, bool) {
    let calls = heard.calls.iter().map(|(_, name, arguments)| (name.clone(), parsed(arguments))).collect();
    let said = heard.text.clone() + &heard.refusal;
    let finish = if heard.refusal.is_empty() { heard.finish } else { "filtered" };
    let finish = match finish {
        _ if heard.error.is_some() => "",
        // Left out by the provider.
        "" if !heard.calls.is_empty() => "calls",
        "" => "stop",
        finish => finish,
    };
    (said, heard.thinking.replace("\n\n", ""), calls, finish, heard.error.is_some(), heard.is_complete)
}

/// Arguments that are cut off stay text.
fn parsed(arguments: &str) -> Value {
    serde_json::from_str(arguments).unwrap_or_else(|_| Value::from(arguments))
}

fn recordings() -> Vec<(String, Dialect, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/responses");
    let Ok(index) = fs::read_to_string(folder.join("index.tsv")) else {
        println!("no recordings at hand: skipped");
        return Vec::new();
    };
    let mut lines = index.lines().map(|line| line.split('\t'));
    let columns: Vec<&str> = lines.next().unwrap().collect();
    let rows = lines.map(|line| columns.iter().copied().zip(line).collect::<HashMap<_, _>>());
    let streamed = rows.filter(|row| row["streaming"] == "yes" && row["file"].ends_with(".sse"));
    let read = streamed.filter_map(|row| {
        let dialect = CHATLIKE.into_iter().find(|dialect| dialect.as_str() == row["api"])?;
        Some((row["file"].to_owned(), dialect, fs::read(folder.join(row["file"])).unwrap()))
    });
    let found: Vec<_> = read.collect();
    assert!(!found.is_empty(), "an index without streams");
    found
}

#[test]
fn recorded_streams_say_the_same_in_every_dialect() {
    let mut cases = 0;
    for (file, from, bytes) in recordings() {
        let spoken = hear(from, &bytes);
        for to in CHATLIKE {
            println!("{file} as {}", to.as_str());
            let translated = translate(from, to, &bytes);
            check(to, &translated);
            let heard = hear(to, translated.as_bytes());
            let mut expected = settled(&spoken);
            if expected.4 && to == Dialect::Responses {
                // An unfinished call is no item.
                expected.2 = settled(&heard).2;
            }
            assert_eq!(settled(&heard), expected);
            // Messages has no way to say that nothing was counted.
            if spoken.error.is_none() && (spoken.usage.is_some() || to != Dialect::Messages) {
                assert_eq!(heard.usage, spoken.usage);
            }
            for (call, original) in heard.calls.iter().zip(&spoken.calls) {
                assert!(!call.0.is_empty() && (original.0.is_empty() || original.0 == call.0));
            }
            if to != Dialect::Messages {
                assert_eq!(heard.signatures, [""; 0]);
            } else if spoken.error.is_none() {
                assert_eq!(heard.signatures, spoken.signatures);
            }
            cases += usize::from(to != from);
        }
    }
    println!("{cases} translations of recorded streams");
}

/// The last event of a Responses stream holds the whole answer: its plain translation says what the stream's does.
#[test]
fn recorded_streams_agree_with_their_plain_translation() {
    let mut cases = 0;
    for (file, from, bytes) in recordings() {
        let responses = match from {
            Dialect::Responses => String::from_utf8(bytes.clone()).unwrap(),
            _ => translate(from, Dialect::Responses, &bytes),
        };
        let whole = events(responses.as_bytes()).pop().unwrap().data["response"].to_string();
        for to in [Dialect::Chat, Dialect::Messages] {
            let streamed = hear(to, translate(from, to, &bytes).as_bytes());
            if streamed.error.is_some() {
                continue;
            }
            let plain = translate_answer(Dialect::Responses, to, whole.as_bytes(), &Asked::default()).unwrap();
            assert_eq!(plain_said(to, &plain), said(to, &streamed), "{file} as {}", to.as_str());
            let usage = mux::usage::from_json(to, &plain).map(|usage| numbers(&usage));
            assert_eq!(usage.unwrap_or_default(), streamed.usage.unwrap_or_default(), "{file}");
            cases += 1;
        }
    }
    println!("{cases} recorded streams beside their plain translation");
}

type Said = (String, Vec<(String, String, Value)>, &'static str);

fn said(to: Dialect, heard: &Heard) -> Said {
    let calls = heard.calls.iter().map(|(id, name, arguments)| (id.clone(), name.clone(), parsed(arguments)));
    let refused = to == Dialect::Messages && !heard.refusal.is_empty();
    (heard.text.clone(), calls.collect(), if refused { "filtered" } else { heard.finish })
}

/// What a plain answer says, heard as a stream of one event.
fn plain_said(to: Dialect, plain: &[u8]) -> Said {
    let mut plain: Value = serde_json::from_slice(plain).unwrap();
    if to == Dialect::Chat {
        let choice = &mut plain["choices"][0];
        choice["delta"] = choice["message"].take();
        for (index, call) in choice["delta"]["tool_calls"].as_array_mut().into_iter().flatten().enumerate() {
            call["index"] = index.into();
        }
        return said(to, &hear(to, format!("data: {plain}\n\n").as_bytes()));
    }
    let mut heard = Heard::default();
    for block in plain["content"].as_array().unwrap() {
        heard.text += &word(&block["text"]);
        if block["type"] == "tool_use" {
            heard.calls.push((word(&block["id"]), word(&block["name"]), block["input"].to_string()));
        }
    }
    let delta = serde_json::json!({ "type": "message_delta", "delta": { "stop_reason": plain["stop_reason"] } });
    heard.finish = hear(to, format!("event: message_delta\ndata: {delta}\n\n").as_bytes()).finish;
    said(to, &heard)
}

#[test]
fn recorded_streams_may_be_split_anywhere() {
    for (file, from, bytes) in recordings() {
        for to in CHATLIKE {
            let whole = translate(from, to, &bytes);
            for piece_bytes in [1, 61] {
                assert!(translate_split(from, to, &asked(), &bytes, piece_bytes) == whole, "{file} by {piece_bytes}");
            }
        }
    }
}

/// Cut at any place, a stream is in order and never complete, but where only the last word is missing that says nothing.
#[test]
fn cut_recorded_streams_are_never_complete() {
    for (file, from, bytes) in recordings() {
        let complete_from = match from {
            // After the finish reason.
            Dialect::Chat => memchr::memmem::rfind(&bytes, br#""finish_reason":""#).unwrap_or(bytes.len()),
            _ => bytes.trim_ascii_end().len(),
        };
        for to in CHATLIKE {
            for cut in (0..complete_from).step_by(bytes.len() / 20 + 1) {
                let text = translate(from, to, &bytes[..cut]);
                check(to, &text);
                let heard = hear(to, text.as_bytes());
                assert!(heard.error.is_some() && !heard.is_complete, "{file} as {} cut at {cut}", to.as_str());
            }
        }
    }
}

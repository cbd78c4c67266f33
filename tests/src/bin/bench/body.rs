//! Prompts as coding agents send them: a conversation that carries source files.

/// The text of one file; as JSON a good tenth of it is escapes, as in real code.
const CODE: &str = r#"use std::collections::HashMap;

/// Counts how often each "word" occurs.
pub fn count(text: &str) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        if word.is_empty() || word == "\t" {
            continue;
        }
        *counts.entry(word).or_insert(0) += 1;
    }
    println!("{} different words, naïve count\n", counts.len());
    counts
}
"#;

/// A chat request of exactly `bytes` bytes (at least 1,024), its `model` in front as SDKs write it.
pub fn chat_request(bytes: usize) -> Vec<u8> {
    const SYSTEM: &str = r#"{"model":"any","messages":[{"role":"system","content":"Answer briefly. Code is in Rust."}"#;
    const LAST: &str = r#",{"role":"user","content":"What does count() return for an empty text? "#;
    const END: &str = r#""}],"temperature":0.2,"stream":false}"#;
    let mut body = String::from(SYSTEM);
    let room = bytes.saturating_sub(LAST.len() + END.len());
    let mut index = 0;
    loop {
        let message = file_message(index);
        if body.len() + message.len() > room {
            break;
        }
        body.push_str(&message);
        index += 1;
    }
    body.push_str(LAST);
    let padding = bytes.saturating_sub(body.len() + END.len());
    body.extend(std::iter::repeat_n("please ".chars(), padding / 7 + 1).flatten().take(padding));
    body.push_str(END);
    body.into_bytes()
}

/// Like [`chat_request`], for a streamed answer; `wish` is the first thing that its last message says.
#[allow(dead_code, reason = "also built into tests/scan, which streams without a prompt")]
pub fn streamed(bytes: usize, wish: &str) -> Vec<u8> {
    let body = String::from_utf8(chat_request(bytes)).expect("JSON is UTF-8");
    let body = body.replace("What does", &format!("{wish}What does"));
    body.replace(r#""stream":false"#, r#""stream":true"#).into_bytes()
}

/// A user's or, every other time, an assistant's message with a file of a few kilobytes.
fn file_message(index: usize) -> String {
    let role = ["user", "assistant"][index % 2];
    // The first file is short, so that a 2 KB prompt has one too.
    let code = CODE.repeat(if index == 0 { 1 } else { 8 });
    let content = format!("Here is the file:\n\n```rust src/part_{index}.rs\n{code}```\n");
    let escaped = content.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n").replace('\t', r"\t");
    format!(r#",{{"role":"{role}","content":"{escaped}"}}"#)
}

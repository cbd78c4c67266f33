//! Usage of recorded answers of real providers, where the recordings are at hand: they are not part of the project.
//! Reads files, so it runs natively only.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use mux::dialect::Dialect;
use mux::sse::{Piece, Splitter};
use mux::usage::{Stream, Usage, from_json};

/// Cases whose numbers the index gives as last seen, and which mean something else: input, cached, output, reasoning.
const NORMALISED: &[(&str, [u64; 4])] = &[
    // Reasoning stands beside the completion.
    ("xai-chat-sse-tool-call", [307, 306, 26 + 227, 227]),
    // Thinking shows in the total alone.
    ("gemini-compat-chat-tool-call-no-id", [35, 0, 109 - 35, 109 - 35 - 12]),
    // The sum over all runs is in `iterations`.
    ("anthropic-messages-sse-compaction-cached", [100 + 55_096 + 181, 55_096, 83 + 8, 0]),
    // Reasoning is part of the completion, so it cannot be more than it.
    ("openrouter-chat-sse-stream-error", [43, 0, 10, 10]),
];

/// The index's numbers in the meaning of [`Usage`]; `None` where the provider said nothing.
fn expected(row: &HashMap<&str, &str>) -> Option<[u64; 4]> {
    let number = |column: &str| row[column].parse::<u64>().ok();
    let stem = row["file"].split(".response").next()?;
    if let Some((_, counts)) = NORMALISED.iter().find(|(name, _)| *name == stem) {
        return Some(*counts);
    }
    let cached = number("cached_read_tokens").unwrap_or(0);
    let beside = if row["api"] == "messages" { cached + number("cache_write_tokens").unwrap_or(0) } else { 0 };
    let input = number("input_tokens")? + beside;
    Some([input, cached, number("output_tokens")?, number("reasoning_tokens").unwrap_or(0)])
}

fn read(dialect: Dialect, streaming: bool, body: &[u8]) -> Option<Usage> {
    if !streaming {
        return from_json(dialect, body);
    }
    let (mut splitter, mut stream) = (Splitter::new(), Stream::new(dialect));
    for chunk in body.chunks(97) {
        splitter.push(chunk, |piece| match piece {
            Piece::Event(event) => {
                stream.event(&event.data);
            }
            Piece::Overlong(_) | Piece::Opaque(_) => panic!("no recorded event is overlong"),
        });
    }
    if let Some(rest) = splitter.finish() {
        stream.event(&rest.data);
    }
    stream.usage()
}

#[test]
fn recorded_answers_are_read_as_indexed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/responses");
    let Ok(index) = fs::read_to_string(folder.join("index.tsv")) else {
        println!("no recordings at hand: skipped");
        return;
    };
    let mut lines = index.lines();
    let columns: Vec<&str> = lines.next().unwrap().split('\t').collect();
    let mut cases = 0;
    for line in lines {
        let row: HashMap<&str, &str> = columns.iter().copied().zip(line.split('\t')).collect();
        let dialect = match row["api"] {
            "chat" => Dialect::Chat,
            "completions" => Dialect::Completions,
            "messages" => Dialect::Messages,
            "responses" => Dialect::Responses,
            _ => continue,
        };
        let body = fs::read(folder.join(row["file"])).unwrap();
        let usage = read(dialect, row["streaming"] == "yes", &body);
        let counts = usage.map(|usage| {
            let Usage { input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, .. } = usage;
            [input_tokens, cached_input_tokens, output_tokens, reasoning_tokens]
        });
        assert_eq!(counts, expected(&row), "{}", row["file"]);
        cases += 1;
    }
    println!("{cases} recorded answers");
    assert!(cases > 0, "an index without cases");
}

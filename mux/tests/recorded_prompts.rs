//! Files and mentions in recorded requests of real clients, where the recordings are at hand: they are not part of the
//! project. Reads files, so it runs natively only.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use mux::endpoint::Endpoint;
use mux::prompt::{Needs, Source, read, sights};

/// Paths that users name in their own last words.
const MENTIONS: &[(&str, &[&str])] = &[
    ("claude-code-1.json", &["src/app.py", "web/client.ts", "README.md"]),
    ("cline-1.json", &["src/app.py", "web/client.ts", "README.md"]),
    ("codex-1.json", &["src/app.py", "web/client.ts", "README.md"]),
    ("continue-4.json", &["src/app.py", "web/client.ts", "README.md"]),
    ("continue-anthropic-2.json", &["src/app.py", "web/client.ts", "README.md"]),
    ("ai-anthropic-4.json", &["src/app.py"]),
    ("ai-openai-responses-5.json", &["src/app.py"]),
    ("anthropic-python-3.json", &["src/app.py"]),
    ("openai-python-6.json", &["README.md"]),
    ("aider-modes-1.json", &["README.md"]),
    ("aider-modes-2.json", &["src/app.py", "web/client.ts"]),
    ("aider-modes-3.json", &["src/app.py"]),
];

fn rows(text: &str) -> impl Iterator<Item = HashMap<&str, &str>> {
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().unwrap().split('\t').collect();
    lines.map(move |line| columns.iter().copied().zip(line.split('\t')).collect())
}

fn endpoint(path: &str) -> Option<Endpoint> {
    // Ollama's own chat has the same messages.
    let path = if path == "/api/chat" { "/v1/chat/completions" } else { path };
    mux::endpoint::address(path).map(|address| address.endpoint)
}

fn is_one_of(path: &str, expected: &[&str]) -> bool {
    expected.iter().any(|name| {
        let name = name.trim_start_matches('@');
        path == name || path.strip_suffix(name).is_some_and(|folder| folder.ends_with('/'))
    })
}

#[test]
fn recorded_requests_hold_the_files_that_a_person_sees() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/requests");
    let (Ok(index), Ok(expected)) =
        (fs::read_to_string(folder.join("index.tsv")), fs::read_to_string(folder.join("expected.tsv")))
    else {
        println!("no recordings at hand: skipped");
        return;
    };
    let paths: HashMap<&str, &str> = rows(&index).map(|row| (row["file"], row["path"])).collect();
    let (mut cases, mut wrong) = (0, Vec::new());
    for row in rows(&expected) {
        let name = row["file"];
        let Some(endpoint) = endpoint(paths[name]) else { continue };
        let body = fs::read(folder.join(name)).unwrap();
        let prompt = read(endpoint, &body, Needs::ALL).unwrap();
        let (mut files, mut mentions) = (BTreeSet::new(), BTreeSet::new());
        sights(&prompt, |sight| {
            let set = if sight.source == Source::Mention { &mut mentions } else { &mut files };
            set.insert(sight.path.to_owned());
        });
        let expected: Vec<&str> = row["context_files"].split_whitespace().collect();
        let missed = expected.iter().filter(|name| !files.iter().any(|path| is_one_of(path, &[name])));
        wrong.extend(missed.map(|missed| format!("{name}: {missed} is not found")));
        let odd = files.iter().filter(|path| !is_one_of(path, &expected));
        wrong.extend(odd.map(|odd| format!("{name}: {odd} is no file in context")));
        let may_be: Vec<&str> = row["mentions_in_user_or_tool_text"].split_whitespace().collect();
        let odd = mentions.iter().filter(|path| !is_one_of(path, &may_be) || path.as_str() == "r.json");
        wrong.extend(odd.map(|odd| format!("{name}: {odd} is not mentioned")));
        let named = MENTIONS.iter().find(|(file, _)| *file == name).map_or(&[][..], |(_, named)| named);
        let missed = named.iter().filter(|named| !mentions.contains(**named));
        wrong.extend(missed.map(|missed| format!("{name}: the mention of {missed} is not found")));
        cases += 1;
    }
    println!("{cases} recorded requests");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases > 0, "an index without cases");
}

//! Paths that documents name.

use std::collections::BTreeSet;

use crate::source::{files, read, root};

/// Documents whose every path, written as code, must exist; the links of all documents must anyway.
const STRICT: [&str; 1] = ["ARCHITECTURE.md"];

/// Endings that make a word of code a file's name.
const ENDINGS: [&str; 9] = [".rs", ".toml", ".md", ".yaml", ".yml", ".sh", ".proto", ".sql", ".json"];

/// Made by building or running.
const MADE: [&str; 2] = ["target/", ".envoy/"];

pub fn missing_paths() -> Vec<String> {
    let files = files();
    let folders: BTreeSet<&str> =
        files.iter().flat_map(|path| path.match_indices('/').map(|(slash, _)| &path[..slash])).collect();
    let exists = |path: &str| {
        let path = path.trim_end_matches('/');
        let ends = |known: &str| known == path || known.ends_with(&format!("/{path}"));
        files.iter().any(|file| ends(file)) || folders.iter().any(|folder| ends(folder))
    };
    let mut findings = Vec::new();
    for document in files.iter().filter(|path| path.ends_with(".md")) {
        let text = read(document);
        let folder = root().join(document).parent().expect("a file has a folder").to_owned();
        let links = links(&text).into_iter().filter(|link| !folder.join(link).exists());
        findings.extend(links.map(|link| format!("{document} links to {link}")));
        if STRICT.contains(&document.as_str()) {
            let missing = paths(&text, &folders).into_iter().filter(|path| !exists(path));
            findings.extend(missing.map(|path| format!("{document} names {path}")));
        }
    }
    for document in STRICT {
        if !files.iter().any(|path| path == document) {
            findings.push(format!("{document} is missing"));
        }
    }
    findings
}

/// Targets of Markdown links that lie in the project.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ', '#']).next());
    targets.filter(|target| !target.is_empty() && !target.contains(':')).collect()
}

/// Words of code that are paths of the project: they end as files do, or begin with one of its folders.
fn paths<'a>(text: &'a str, folders: &BTreeSet<&str>) -> Vec<&'a str> {
    let mut found = Vec::new();
    for (number, block) in text.split("```").enumerate() {
        let words: Vec<&str> = if number % 2 == 1 {
            block.split(|character: char| character.is_whitespace() || ",;()".contains(character)).collect()
        } else {
            block.split('`').skip(1).step_by(2).collect()
        };
        found.extend(words.into_iter().filter(|word| is_path(word, folders)));
    }
    found
}

fn is_path(word: &str, folders: &BTreeSet<&str>) -> bool {
    let is_plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte));
    let is_relative = !word.is_empty() && !word.starts_with('/') && !MADE.iter().any(|made| word.starts_with(made));
    let is_file = ENDINGS.iter().any(|ending| word.ends_with(ending) && word.len() > ending.len());
    let is_below = word.split_once('/').is_some_and(|(first, _)| folders.contains(first));
    is_plain && is_relative && (is_file || is_below)
}

#[test]
fn paths_are_told_from_other_words() {
    let folders = BTreeSet::from(["mux", "mux/src"]);
    let text = "See `mux/src/lib.rs` and `one/mini`, `/v1/mux`, `mux/`, `x = 1`.\n```\ngone.rs   what it is\nmux/src/\n```\n`target/a.rs`";
    assert_eq!(paths(text, &folders), ["mux/src/lib.rs", "mux/", "gone.rs", "mux/src/"]);
    assert_eq!(links("[a](b.md#c) [d](https://e) [f](#g) [h](i/j)"), ["b.md", "i/j"]);
}

//! Answers of real providers, where the recordings are at hand: they are not part of the project.

use std::fs;
use std::path::Path;

use super::{assert_comes_back, gather};
use mux::cache::is_whole;
use mux::dialect::{Asked, Dialect, StreamTranslator};

const STREAMED: [Dialect; 4] = [Dialect::Chat, Dialect::Messages, Dialect::Responses, Dialect::Completions];

/// File, dialect and bytes of those with this ending.
fn recordings(ending: &str) -> Vec<(String, Dialect, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/responses");
    let Ok(index) = fs::read_to_string(folder.join("index.tsv")) else {
        println!("no recordings at hand: skipped");
        return Vec::new();
    };
    let mut lines = index.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let columns = lines.next().unwrap();
    let column = |name: &str| columns.iter().position(|own| *own == name).unwrap();
    let (file, api, status) = (column("file"), column("api"), column("status"));
    let rows = lines.filter(|row| row[file].ends_with(ending) && row[status] == "200");
    let found: Vec<_> = rows
        .filter_map(|row| {
            let dialect = STREAMED.into_iter().find(|dialect| dialect.as_str() == row[api])?;
            Some((row[file].to_owned(), dialect, fs::read(folder.join(row[file])).unwrap()))
        })
        .collect();
    assert!(!found.is_empty(), "an index without {ending}");
    found
}

#[test]
fn recorded_answers_come_back_from_their_streams() {
    let (mut cases, mut left_out) = (0, Vec::new());
    for (file, dialect, body) in recordings(".json") {
        if is_whole(dialect, &body) {
            assert_comes_back(dialect, &body, &file);
            cases += 1;
        } else {
            left_out.push(file);
        }
    }
    println!("{cases} recorded plain answers there and back; not complete: {left_out:?}");
}

/// What is put together of a recorded stream says what the stream says: the stream that it becomes again is heard alike.
#[test]
fn recorded_streams_are_gathered_or_not_complete() {
    let (mut cases, mut left_out) = (0, Vec::new());
    for (file, dialect, stream) in recordings(".sse") {
        let whole = gather(dialect, &stream, usize::MAX);
        assert_eq!(whole, gather(dialect, &stream, 61), "{file}");
        let Some(plain) = whole else {
            left_out.push(file);
            continue;
        };
        assert!(is_whole(dialect, &plain), "{file}");
        assert_comes_back(dialect, &plain, &file);
        if dialect != Dialect::Completions {
            let replayed = mux::cache::replay(dialect, &plain, true).unwrap();
            assert_eq!(said(dialect, &replayed), said(dialect, &stream), "{file}");
        }
        cases += 1;
    }
    println!("{cases} recorded streams gathered; not: {left_out:?}");
}

/// What a stream says, as the last event of its translation repeats it.
fn said(dialect: Dialect, stream: &[u8]) -> Vec<serde_json::Value> {
    let (mut translator, mut out) = (StreamTranslator::new(dialect, Dialect::Responses, &Asked::default()), Vec::new());
    translator.push(stream, &mut out);
    translator.finish(&mut out);
    let text = String::from_utf8(out).unwrap();
    let last = text.lines().rev().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let last: serde_json::Value = serde_json::from_str(last).unwrap();
    assert!(last["type"] == "response.completed" || last["type"] == "response.incomplete", "{last}");
    last["response"]["output"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let mut item = item.clone();
            item.as_object_mut().unwrap().remove("id");
            // Spaced as the model wrote them, and no more where they are an object.
            if let Some(arguments) = item["arguments"].as_str() {
                item["arguments"] = serde_json::from_str(arguments).unwrap();
            }
            item
        })
        .collect()
}

#[test]
fn cut_recorded_streams_are_never_gathered() {
    let mut cases = 0;
    for (file, dialect, stream) in recordings(".sse") {
        if gather(dialect, &stream, usize::MAX).is_none() {
            continue;
        }
        let last_word = match dialect {
            Dialect::Chat | Dialect::Completions => {
                memchr::memmem::rfind(&stream, br#""finish_reason":""#).unwrap_or(stream.len())
            }
            _ => stream.trim_ascii_end().len() - 1,
        };
        for cut in (0..last_word).step_by(stream.len() / 20 + 1) {
            assert_eq!(gather(dialect, &stream[..cut], usize::MAX), None, "{file} cut at {cut}");
            cases += 1;
        }
    }
    println!("{cases} cuts of recorded streams");
}

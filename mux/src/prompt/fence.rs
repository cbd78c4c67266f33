//! Fenced code blocks that name a file, in a string that is still JSON-escaped.
//!
//! A name stands in the fence's info string (```` ```py src/app.py ````, ```` ```ts title="a.ts" ````) or alone on the
//! line before the fence.

use std::borrow::Cow;

use super::path::file_path;
use crate::json::unescape;

/// Escaped bytes before and after a fence that are looked at.
const LINE_BYTES_MAX: usize = 1_200;

/// Calls `found` with the path of each block that names one. `fences` are the offsets in `raw` at which runs of three
/// or more backticks begin.
pub fn named_blocks(raw: &[u8], fences: impl Iterator<Item = usize>, mut found: impl FnMut(&str)) {
    let mut open: Option<usize> = None;
    for at in fences {
        let (Some(before), Some(after)) = (raw.get(..at), raw.get(at..)) else { continue };
        let ticks = after.iter().take_while(|byte| **byte == b'`').count();
        let indent = last_line(before);
        if !is_blank(indent) {
            continue;
        }
        let info = first_line(after.get(ticks..).unwrap_or_default());
        match open {
            Some(opened) if ticks >= opened && is_blank(info) => open = None,
            Some(_) => {}
            None if info.contains(&b'`') => {}
            None => {
                open = Some(ticks);
                let above = before.get(..before.len().saturating_sub(indent.len())).unwrap_or_default();
                if let Some(name) = in_info(&text(info)) {
                    found(name);
                } else if let Some(name) = in_line_before(&text(line_above(above))) {
                    found(name);
                }
            }
        }
    }
}

/// Only blanks, plain or escaped.
fn is_blank(raw: &[u8]) -> bool {
    raw.iter().all(|byte| matches!(byte, b' ' | b'\t')) || text(raw).trim().is_empty()
}

/// The path in an info string, whatever else stands there: a language, attributes, a line range.
fn in_info(info: &str) -> Option<&str> {
    let is_plain = !info.bytes().any(|byte| matches!(byte, b'=' | b'{' | b'\t' | b','));
    if is_plain {
        return info.split(' ').find_map(file_path_after_language);
    }
    let words = || info.split([' ', '\t', '{', '}', ',']).filter(|word| !word.is_empty());
    let attribute = words().find_map(|word| {
        let (key, value) = word.split_once('=')?;
        let names_file = ["title", "file", "filename", "path", "name", "filepath"].contains(&key);
        names_file.then(|| file_path(value.trim_matches(['"', '\''])))?
    });
    let plain = || words().filter(|word| !word.contains('=')).find_map(file_path_after_language);
    attribute.or_else(plain)
}

/// `src/app.py`, or `python:src/app.py`.
fn file_path_after_language(word: &str) -> Option<&str> {
    if !word.contains(':') {
        return file_path(word);
    }
    let after_language = word.split_once(':').filter(|(language, path)| {
        let is_language = !language.is_empty()
            && language.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+#-_".contains(&byte));
        // A drive letter is no language.
        is_language && language.len() > 1 && file_path(path).is_some()
    });
    file_path(after_language.map_or(word, |(_, path)| path))
}

/// The path that is all that stands on the line before the fence, apart from marks of emphasis.
fn in_line_before(line: &str) -> Option<&str> {
    let bare = line.trim().trim_start_matches(['#', ' ']);
    let bare = bare.strip_prefix("File:").or_else(|| bare.strip_prefix("file:")).unwrap_or(bare);
    let bare = bare.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '`' | ':' | '"'));
    file_path(bare)
}

/// The line that ends in the line break at the end of `raw`; empty if there is none.
fn line_above(raw: &[u8]) -> &[u8] {
    let Some(above) = raw.strip_suffix(b"\\n") else { return &[] };
    last_line(above.strip_suffix(b"\\r").unwrap_or(above))
}

/// What stands after the last escaped line break of `raw`.
fn last_line(raw: &[u8]) -> &[u8] {
    let window = raw.get(raw.len().saturating_sub(LINE_BYTES_MAX)..).unwrap_or_default();
    let mut end = window.len();
    let start = loop {
        let Some(letter) = window.get(..end).and_then(|text| text.iter().rposition(|byte| *byte == b'n')) else {
            break 0;
        };
        let slashes = window.iter().take(letter).rev().take_while(|byte| **byte == b'\\').count();
        if slashes % 2 == 1 {
            break letter + 1;
        }
        end = letter;
    };
    window.get(start..).unwrap_or_default()
}

/// What stands before the first escaped line break of `raw`.
fn first_line(raw: &[u8]) -> &[u8] {
    let window = raw.get(..LINE_BYTES_MAX.min(raw.len())).unwrap_or_default();
    let mut at = 0;
    while let Some(slash) = window.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'\\')) {
        if matches!(window.get(at + slash + 1), Some(b'n' | b'r')) {
            return window.get(..at + slash).unwrap_or_default();
        }
        at += slash + 2;
    }
    window
}

fn text(raw: &[u8]) -> Cow<'_, str> {
    match unescape(raw) {
        Cow::Borrowed(text) => std::str::from_utf8(text).map_or_else(|_| String::from_utf8_lossy(text), Cow::Borrowed),
        Cow::Owned(text) => Cow::Owned(String::from_utf8_lossy(&text).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::named_blocks;

    fn names(text: &str) -> Vec<String> {
        let quoted = serde_json::to_string(text).unwrap();
        let raw = &quoted.as_bytes()[1..quoted.len() - 1];
        let runs: Vec<usize> =
            (0..raw.len()).filter(|at| raw[*at..].starts_with(b"```") && (*at == 0 || raw[*at - 1] != b'`')).collect();
        let mut found = Vec::new();
        named_blocks(raw, runs.into_iter(), |path| found.push(path.to_owned()));
        found
    }

    #[test]
    fn names_in_the_info_string() {
        for info in [
            "py src/app.py",
            "src/app.py",
            "python:src/app.py",
            "python title=\"src/app.py\"",
            "py {file=src/app.py}",
            "src/app.py:3-9",
            "py src/app.py (3-9)",
        ] {
            assert_eq!(names(&format!("Look:\n```{info}\nx\n```\n")), ["src/app.py"], "{info}");
        }
    }

    #[test]
    fn names_on_the_line_before() {
        for line in
            ["src/app.py", "**src/app.py**", "### `src/app.py`", "File: src/app.py:", "\\nsrc/app.py\n  src/app.py"]
        {
            assert_eq!(names(&format!("Look:\n{line}\n```py\nx\n```\n")), ["src/app.py"], "{line}");
        }
        assert_eq!(names("src/app.py\r\n```\r\nx\r\n```"), ["src/app.py"]);
        assert_eq!(names("see src/app.py\n```py\nx\n```"), Vec::<String>::new());
    }

    #[test]
    fn only_openings_of_blocks_count() {
        assert_eq!(names("```md a.md\ntext\n```py b.py\nx\n```\n"), ["a.md"]);
        assert_eq!(names("````md a.md\n```py b.py\n```\n````\n```c c.c\n```"), ["a.md", "c.c"]);
        assert_eq!(names("use ```py a.py``` inline"), Vec::<String>::new());
        assert_eq!(names("```py\nx\n```\n"), Vec::<String>::new());
        assert_eq!(names("  ```py é.py\nx\n  ```"), ["é.py"]);
    }
}

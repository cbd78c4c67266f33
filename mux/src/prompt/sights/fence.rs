//! Fenced code blocks that name a file, in a string that is still JSON-escaped.
//!
//! A name stands in the fence's info string (```` ```py src/app.py ````, ```` ```ts title="a.ts" ````), alone on the line
//! before the fence, or, in blocks that search and replace, on their first line.

use super::raw::{after_break, first_line, indent, is_blank, line_above, text};
use crate::prompt::path::{file_path, labelled_path};

/// A fence that opens a block.
#[derive(Clone, Copy)]
pub struct Opening {
    ticks: usize,
    /// Where the line before it begins.
    pub above: usize,
    /// Where its own line begins.
    pub line: usize,
    /// Where its info string begins and ends.
    info: (usize, usize),
}

/// A block, as far as it was looked at.
#[derive(Clone, Copy)]
pub struct Block<'a> {
    /// The line before it, line break included.
    pub above: &'a [u8],
    pub info: &'a [u8],
    pub content: &'a [u8],
}

impl Opening {
    /// For a run of backticks at offset `at`.
    pub fn at(raw: &[u8], at: usize) -> Option<Self> {
        let (before, after) = (raw.get(..at)?, raw.get(at..)?);
        let ticks = ticks(after);
        let indent = indent(before)?;
        let info = first_line(after.get(ticks..)?);
        if info.contains(&b'`') {
            return None;
        }
        let line = at - indent.len();
        let above = line - line_above(before.get(..line)?).len();
        Some(Self { ticks, above, line, info: (at + ticks, at + ticks + info.len()) })
    }

    /// Whether the run of backticks at `at` closes the block.
    pub fn is_closed(&self, raw: &[u8], at: usize) -> bool {
        let (Some(before), Some(after)) = (raw.get(..at), raw.get(at..)) else { return false };
        let ticks = ticks(after);
        let behind = || first_line(after.get(ticks..).unwrap_or_default());
        ticks >= self.ticks && indent(before).is_some() && is_blank(behind())
    }

    /// The block up to `end`; nothing before `from` is its own.
    pub fn block<'a>(&self, raw: &'a [u8], from: usize, end: usize) -> Block<'a> {
        let above = raw.get(self.above.max(from)..self.line).unwrap_or_default();
        let info = raw.get(self.info.0..self.info.1).unwrap_or_default();
        let content = after_break(raw.get(self.info.1..end).unwrap_or_default());
        Block { above, info, content }
    }
}

impl Block<'_> {
    /// Calls `found` with the path that the block has of itself.
    pub fn own_name(&self, found: impl FnOnce(&str)) -> bool {
        if let Some(path) = in_info(&text(self.info)) {
            found(path);
            return true;
        }
        let first = first_line(self.content);
        let behind = after_break(self.content.get(first.len()..).unwrap_or_default());
        if behind.starts_with(b"<<<<<<< ")
            && let Some(path) = in_line(&text(first))
        {
            found(path);
            return true;
        }
        false
    }

    /// Calls `found` with the path that stands on the line before.
    pub fn name_above(&self, found: impl FnOnce(&str)) -> bool {
        in_line(&text(self.above)).map(found).is_some()
    }

    /// Whether it holds a patch.
    pub fn is_patch(&self) -> bool {
        const HEADS: [&[u8]; 4] = [b"diff --git ", b"--- ", b"Index: ", b"*** Begin Patch"];
        matches!(self.info.trim_ascii(), b"diff" | b"patch" | b"udiff")
            || HEADS.iter().any(|head| self.content.starts_with(head))
    }
}

fn ticks(raw: &[u8]) -> usize {
    raw.iter().take_while(|byte| **byte == b'`').count()
}

/// The path in an info string, whatever else stands there: a language, attributes, a line range.
fn in_info(info: &str) -> Option<&str> {
    let is_plain = !info.bytes().any(|byte| matches!(byte, b'=' | b'{' | b'\t' | b','));
    if is_plain {
        return info.split(' ').find_map(labelled_path);
    }
    let words = || info.split([' ', '\t', '{', '}', ',']).filter(|word| !word.is_empty());
    let attribute = words().find_map(|word| {
        let (key, value) = word.split_once('=')?;
        let names_file = ["title", "file", "filename", "path", "name", "filepath"].contains(&key);
        names_file.then(|| file_path(value.trim_matches(['"', '\''])))?
    });
    let plain = || words().filter(|word| !word.contains('=')).find_map(labelled_path);
    attribute.or_else(plain)
}

/// The path that is all that stands on a line, apart from marks of emphasis.
fn in_line(line: &str) -> Option<&str> {
    let bare = line.trim().trim_start_matches(['#', ' ']);
    let label = bare.split_once(": ").filter(|(label, _)| is_label(label));
    let bare = label.map_or(bare, |(_, path)| path);
    file_path(bare.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '`' | ':' | '"')))
}

/// Words with which clients introduce a path.
pub fn is_label(word: &str) -> bool {
    let word = word.trim_matches('*');
    ["file", "path", "filename", "filepath", "file path"].iter().any(|label| word.eq_ignore_ascii_case(label))
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use crate::prompt::sights::tests::{Source, user};

    fn names(text: &str) -> Vec<String> {
        let sights = user(text).into_iter().filter(|(_, source)| *source == Source::Block);
        sights.map(|(path, _)| path).collect()
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

//! The file that a prompt to complete code begins in: code editors name it in a comment on top, or behind a mark of the
//! model's own.

use memchr::{memchr, memmem};

use super::fence::is_label;
use super::raw::{LINE_BYTES_MAX, first_line, head, text};
use crate::prompt::path::{file_path, without_scheme};

/// Escaped bytes of comments that are looked at.
const COMMENTS_BYTES_MAX: usize = 8_192;
/// What stands before the path of each file in a prompt of several.
const FILE_MARKS: [&[u8]; 3] = [b"<file_sep>", b"<|file_sep|>", b"<filename>"];
/// What may stand before the code.
const CODE_MARKS: [&str; 6] =
    ["<fim_prefix>", "<|fim_prefix|>", "<|fim_begin|>", "<\u{ff5c}fim\u{2581}begin\u{ff5c}>", "<PRE>", "[PREFIX]"];
const COMMENT_SIGNS: [&str; 8] = ["//", "#", "--", "/*", "<!--", ";", "%", "\""];

/// Calls `found` with each path.
pub fn commented(raw: &[u8], mut found: impl FnMut(&str)) {
    for mark in FILE_MARKS {
        for at in memmem::find_iter(raw, mark) {
            let behind = raw.get(at + mark.len()..).unwrap_or_default();
            let name = head(behind, memchr(b'<', head(behind, LINE_BYTES_MAX)).unwrap_or(behind.len()));
            if let Some(path) = file_path(text(first_line(name)).trim()) {
                found(path);
            }
        }
    }
    let text = text(head(raw, COMMENTS_BYTES_MAX));
    let code = CODE_MARKS.iter().fold(text.as_ref(), |code, mark| code.strip_prefix(mark).unwrap_or(code));
    let mut may_be_bare = true;
    for line in code.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("#!")) {
        let Some(comment) = COMMENT_SIGNS.iter().find_map(|sign| line.strip_prefix(sign)) else { return };
        let comment = comment.trim_end_matches("*/").trim_end_matches("-->").trim();
        let labelled = comment.split_once(':').filter(|(label, _)| is_label(label)).map(|(_, path)| path.trim());
        let bare = Some(comment).filter(|_| std::mem::take(&mut may_be_bare));
        if let Some(path) = labelled.or(bare).and_then(|path| file_path(without_scheme(path))) {
            found(path);
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::commented;

    #[test]
    fn comments_on_top_and_marks_between() {
        let rows: [(&str, &[&str]); 10] = [
            ("# path: src/app.py\nx", &["src/app.py"]),
            ("// src/app.ts\nx", &["src/app.ts"]),
            ("<!-- a.html -->\nx", &["a.html"]),
            ("/* a.css */", &["a.css"]),
            ("#!/bin/sh\n# Path: a.sh\n# b.sh\nx", &["a.sh"]),
            ("<fim_prefix>// File: a.rs\n// fn f()\n// Path: b.rs\nfn g() {<fim_suffix>", &["a.rs", "b.rs"]),
            ("<|repo_name|>r\n<|file_sep|>a.py\nx\n<|file_sep|>b.py\ny", &["a.py", "b.py"]),
            ("x = 1\n# path: a.py", &[]),
            ("# see a.py for more\n# a.py\n", &[]),
            ("", &[]),
        ];
        for (text, expected) in rows {
            let quoted = serde_json::to_string(text).unwrap();
            let mut found = Vec::new();
            commented(&quoted.as_bytes()[1..quoted.len() - 1], |path| found.push(path.to_owned()));
            assert_eq!(found, expected, "{text}");
        }
    }
}

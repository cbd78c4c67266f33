//! The outcome of a tool call: which file's contents it begins with. Only its head is looked at.

use super::element::{Element, Markup};
use super::fence::is_label;
use super::raw::{after_break, first_line, head, skip_blanks, text};
use crate::json::{self, Cursor, Kind, unescape};
use crate::prompt::path::{declared_path, file_path, labelled_path, spoken_path};

/// Escaped bytes that are looked at.
const HEAD_BYTES_MAX: usize = 1_600;
/// Words of a line that leads over to a file's contents.
const LEAD_WORDS_MAX: usize = 12;
/// What outcomes say that hold no contents.
const COMPLAINTS: [&str; 8] = ["error", "fail", "not ", "no such", "cannot", "can't", "must", "denied"];

/// Calls `found` with the path of the file whose contents the outcome holds.
pub fn file_at_head(raw: &[u8], found: impl FnOnce(&str)) {
    let raw = head(skip_blanks(raw), HEAD_BYTES_MAX);
    match raw.first() {
        Some(b'{' | b'[') => {
            let text = unescape(raw);
            in_json(&text, found);
        }
        Some(b'<') => in_markup(raw, found),
        _ => {
            let line = first_line(raw);
            let is_followed = raw.get(line.len()..).is_some_and(|rest| !after_break(rest).is_empty());
            if is_followed && let Some(path) = in_line(text(line).trim()) {
                found(path);
            }
        }
    }
}

fn in_markup(raw: &[u8], found: impl FnOnce(&str)) {
    let mut markup = Markup::new(raw);
    let mut elements = memchr::memchr_iter(b'<', raw).filter_map(|at| markup.element(at, false));
    if let Some((Element::File(path) | Element::Path { path, has_contents: true }, _)) = elements.next() {
        found(&path);
    }
}

/// `==> src/app.py <==`, `File: src/app.py`, `src/app.py:`, `Content of src/app.py:`
fn in_line(line: &str) -> Option<&str> {
    if let Some(path) = line.strip_prefix("==> ").and_then(|rest| rest.strip_suffix(" <==")) {
        return declared_path(path);
    }
    let bare = |word: &'static str| move |c: char| c.is_whitespace() || word.contains(c);
    let quotes = "`'\"*:";
    if let Some((label, path)) = line.split_once(": ")
        && is_label(label)
    {
        return file_path(path.trim_matches(bare(quotes)));
    }
    let lead = line.strip_suffix(':')?;
    let lower = lead.to_ascii_lowercase();
    if lead.split(' ').count() > LEAD_WORDS_MAX || COMPLAINTS.iter().any(|complaint| lower.contains(complaint)) {
        return None;
    }
    spoken_path(lead.rsplit(' ').next()?.trim_matches(bare(quotes)))
}

/// The end of looking, found or not.
enum Stop {
    Json,
    AtContents,
}

impl From<json::Error> for Stop {
    fn from(_: json::Error) -> Self {
        Self::Json
    }
}

/// `{"path":"src/app.py","content":…}`, or a list of such. An object with a path alone is one of a listing.
fn in_json(text: &[u8], found: impl FnOnce(&str)) {
    let mut path = None;
    let mut cursor = Cursor::new(text);
    let stopped = match cursor.kind() {
        Ok(Kind::Array) => cursor.array(|cursor| to_contents(cursor, &mut path)).map(|_| ()),
        _ => to_contents(&mut cursor, &mut path),
    };
    if let (Err(Stop::AtContents), Some(raw)) = (stopped, path)
        && let Some(path) = labelled_path(super::raw::text(raw).trim())
    {
        found(path);
    }
}

fn to_contents<'a>(cursor: &mut Cursor<'a>, path: &mut Option<&'a [u8]>) -> Result<(), Stop> {
    if cursor.kind()? != Kind::Object {
        return Err(Stop::Json);
    }
    cursor.object(|cursor, key| match (key, cursor.kind()?) {
        (b"query" | b"path" | b"filePath" | b"file_path" | b"filename" | b"file" | b"uri", Kind::String) => {
            let span = cursor.string()?;
            *path = Some(cursor.raw(&span));
            Ok(())
        }
        (b"content" | b"contents" | b"result" | b"text" | b"output" | b"lines" | b"code" | b"source", _)
            if path.is_some() =>
        {
            Err(Stop::AtContents)
        }
        _ => cursor.skip().map(|_| ()).map_err(Stop::from),
    })?;
    // The first object of a list says enough.
    Err(Stop::Json)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::file_at_head;

    #[test]
    fn only_heads_that_lead_over_to_contents() {
        for (text, expected) in [
            ("Content of src/app.py:\nx", Some("src/app.py")),
            ("Here's the result of running `cat -n` on /a/b.py:\n1\tx", Some("/a/b.py")),
            ("File: src/app.py\nx", Some("src/app.py")),
            ("Path: `Makefile`\nx", Some("Makefile")),
            ("==> src/app.py <==\nx", Some("src/app.py")),
            ("src/app.py:\nx", Some("src/app.py")),
            ("<file path=\"a.py\">\nx</file>", Some("a.py")),
            ("<result>\n<path>/a/b.py</path>\n<type>file</type>\n<content>x", Some("/a/b.py")),
            ("[{\"query\":\"/a/b.py\",\"result\":\" 1 | x", Some("/a/b.py")),
            ("{\"ok\":true,\"path\":\"a.py\",\"content\":\"x\"}", Some("a.py")),
            ("[{\"path\":\"a.py\",\"size\":1},{\"path\":\"b.py\",\"content\":1}]", None),
            ("{\"query\":\"how to\",\"result\":\"a.py\"}", None),
            ("src/app.py\nweb/client.ts\n", None),
            ("src/app.py:3:x = 1\n", None),
            ("You must use the Read tool to read /a/b.py:\nx", None),
            ("Error in /a/b.py:\nx", None),
            ("import a.py\nx:\n", None),
            ("src/app.py:", None),
            ("", None),
        ] {
            let quoted = serde_json::to_string(text).unwrap();
            let mut found = None;
            file_at_head(&quoted.as_bytes()[1..quoted.len() - 1], |path| found = Some(path.to_owned()));
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}

//! Elements of markup in a text that is still JSON-escaped: files that clients attach, and what clients add of their own.

use memchr::{memchr, memmem};

use super::raw::{head, skip_blanks, text};
use crate::prompt::PATH_BYTES_MAX;
use crate::prompt::path::{file_path, without_scheme};

/// Bytes of an element's name.
const NAME_BYTES_MAX: usize = 48;
/// Escaped bytes of a tag.
const TAG_BYTES_MAX: usize = 1_200;
/// Escaped bytes behind a path in which its contents begin.
const GAP_BYTES_MAX: usize = 400;

/// Words in the names of elements that clients fill: about the machine, the editor, and how to behave.
const OWN_WORDS: [&str; 28] = [
    "caveat",
    "details",
    "diagnostics",
    "editor",
    "env",
    "environment",
    "guidelines",
    "hint",
    "info",
    "instruction",
    "instructions",
    "layout",
    "list",
    "listing",
    "map",
    "memory",
    "opened",
    "permissions",
    "recently",
    "reminder",
    "reminders",
    "rules",
    "skills",
    "status",
    "structure",
    "tabs",
    "tree",
    "viewed",
];
/// Those of them that are no names of HTML and mean it also when they stand alone.
const OWN_NAMES: [&str; 9] =
    ["env", "environment", "guidelines", "instructions", "permissions", "reminder", "rules", "skills", "diagnostics"];
/// Elements whose contents are a file, named in an attribute.
const FILE_NAMES: [&str; 13] = [
    "attachedfile",
    "attachment",
    "codeselection",
    "codesnippet",
    "currentfile",
    "doc",
    "document",
    "file",
    "filecontent",
    "filecontents",
    "filesnippet",
    "snippet",
    "sourcefile",
];
/// Attributes that name a file, on any element.
const PATH_KEYS: [&str; 5] = ["path", "filepath", "file", "filename", "absolutepath"];
/// Attributes that name a file on an element that is one.
const NAME_KEYS: [&str; 5] = ["name", "src", "uri", "id", "title"];
/// Elements that hold nothing but a path.
const PATH_NAMES: [&str; 5] = ["path", "source", "filepath", "filename", "absolutepath"];
/// Elements with a file's contents, behind one that holds its path.
const CONTENT_NAMES: [&str; 10] = [
    "body",
    "code",
    "content",
    "contents",
    "documentcontent",
    "documentcontents",
    "filecontent",
    "filecontents",
    "lines",
    "text",
];

#[derive(Debug, PartialEq, Eq)]
pub enum Element {
    /// Of the client's own.
    Boilerplate,
    /// A file with its contents.
    File(String),
    /// The path of a file, and whether its contents follow.
    Path { path: String, has_contents: bool },
    /// The contents of a file whose path stood before.
    Contents,
}

/// The element whose opening bracket is at `at`, and where it ends; none if it is of no interest. `follows_path`: the
/// path of a file was the last thing of interest.
pub fn element(raw: &[u8], at: usize, follows_path: bool) -> Option<(Element, usize)> {
    let name = name(raw.get(at + 1..)?);
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return None;
    }
    let behind_name = at + 1 + name.len();
    let inside = tag_end(raw, behind_name)?;
    let tag = raw.get(behind_name..inside - 1)?;
    let plain = plain(name);
    if is_own(name, &plain) {
        return Some((Element::Boilerplate, closed(raw, inside, name)?.1));
    }
    if follows_path && CONTENT_NAMES.contains(&plain.as_str()) {
        return Some((Element::Contents, closed(raw, inside, name)?.1));
    }
    if tag.is_empty() && PATH_NAMES.contains(&plain.as_str()) {
        return path_inside(raw, inside, name);
    }
    let path = path_in(tag, FILE_NAMES.contains(&plain.as_str()) && !tag.is_empty(), name)?;
    let end = closed(raw, inside, name).map_or(inside, |(_, end)| end);
    Some((Element::File(path), end))
}

/// Whether a text has words beside what clients add of their own.
pub fn has_own_words(raw: &[u8]) -> bool {
    let mut rest = skip_blanks(raw);
    while !rest.is_empty() {
        let Some(bracket) = memchr(b'<', head(rest, TAG_BYTES_MAX)) else { return true };
        match element(rest, bracket, false) {
            Some((Element::Boilerplate, end)) if is_title(rest.get(..bracket).unwrap_or_default()) => {
                rest = skip_blanks(rest.get(end..).unwrap_or_default());
            }
            _ => return true,
        }
    }
    false
}

/// Nothing, or one heading: what stands in front of an element and belongs to it.
pub fn is_title(before: &[u8]) -> bool {
    let before = text(before);
    let before = before.trim();
    before.is_empty() || before.starts_with('#') && !before.contains('\n')
}

fn name(raw: &[u8]) -> &[u8] {
    let is_first = raw.first().is_some_and(u8::is_ascii_alphabetic);
    let len = head(raw, NAME_BYTES_MAX + 1)
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if is_first { head(raw, len.count()) } else { &[] }
}

/// Behind the `>` of the opening tag whose name ends at `at`; none: it is closed at once, or no tag.
fn tag_end(raw: &[u8], at: usize) -> Option<usize> {
    let rest = raw.get(at..)?;
    if !matches!(rest.first()?, b'>' | b' ' | b'\\') {
        return None;
    }
    let close = memchr(b'>', head(rest, TAG_BYTES_MAX))?;
    let is_empty = close > 0 && rest.get(close - 1) == Some(&b'/');
    (!is_empty).then_some(at + close + 1)
}

/// Where the closing tag of `name` begins and ends.
fn closed(raw: &[u8], inside: usize, name: &[u8]) -> Option<(usize, usize)> {
    let tag = [b"</", name, b">"].concat();
    let start = inside + memmem::find(raw.get(inside..)?, &tag)?;
    Some((start, start + tag.len()))
}

/// Lower-case, without what separates words.
fn plain(name: &[u8]) -> String {
    name.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(|byte| char::from(byte.to_ascii_lowercase())).collect()
}

fn is_own(name: &[u8], plain: &str) -> bool {
    let is_compound =
        plain.len() < name.len() || name.windows(2).any(|pair| matches!(pair, [b'a'..=b'z', b'A'..=b'Z']));
    if !is_compound {
        return OWN_NAMES.contains(&plain);
    }
    let mut start = 0;
    let mut is_own_word = |end: usize| {
        let word = name.get(start..end).unwrap_or_default();
        start = end;
        let word = word.strip_prefix(b"_").or_else(|| word.strip_prefix(b"-")).unwrap_or(word);
        OWN_WORDS.iter().any(|own| word.eq_ignore_ascii_case(own.as_bytes()))
    };
    let begins_word = |pair: &[u8]| matches!(pair, [_, b'_' | b'-'] | [b'a'..=b'z', b'A'..=b'Z']);
    let mut ends = name.windows(2).enumerate().filter(|(_, pair)| begins_word(pair)).map(|(at, _)| at + 1);
    ends.any(&mut is_own_word) || is_own_word(name.len())
}

/// `<path>src/app.py</path>`
fn path_inside(raw: &[u8], inside: usize, name: &[u8]) -> Option<(Element, usize)> {
    let window = head(raw, inside + PATH_BYTES_MAX + TAG_BYTES_MAX);
    let (start, end) = closed(window, inside, name)?;
    let inner = text(raw.get(inside..start)?);
    let path = file_path(without_scheme(inner.trim()))?.to_owned();
    let mut gap = head(raw.get(end..)?, GAP_BYTES_MAX);
    let mut has_contents = false;
    while let Some(bracket) = memchr(b'<', gap) {
        gap = gap.get(bracket + 1..)?;
        has_contents = has_contents || CONTENT_NAMES.contains(&plain(self::name(gap)).as_str());
    }
    Some((Element::Path { path, has_contents }, end))
}

/// The path in a tag's attributes. Names in capitals are components of some code.
fn path_in(tag: &[u8], is_file: bool, name: &[u8]) -> Option<String> {
    let names_path = || memmem::find(tag, b"ath").is_some() || memmem::find(tag, b"file").is_some();
    if !is_file && (name.first().is_some_and(u8::is_ascii_uppercase) || !names_path()) {
        return None;
    }
    let tag = text(tag);
    let value = |keys: &[&str]| {
        let mut attributes = attributes(&tag);
        attributes.find_map(|(key, value)| {
            keys.contains(&plain(key.as_bytes()).as_str()).then(|| file_path(without_scheme(value)))?
        })
    };
    let path = value(&PATH_KEYS).or_else(|| if is_file { value(&NAME_KEYS) } else { None });
    path.map(str::to_owned)
}

/// `key="value"`, `key='value'` and `key=value`.
fn attributes(tag: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = tag;
    std::iter::from_fn(move || {
        let (before, after) = rest.split_once('=')?;
        let key = before.rsplit(char::is_whitespace).next()?;
        let quoted = after.chars().next().filter(|quote| matches!(quote, '"' | '\''));
        let (value, behind) = match quoted {
            Some(quote) => after.get(1..)?.split_once(quote)?,
            None => after.split_once(char::is_whitespace).unwrap_or((after, "")),
        };
        rest = behind;
        Some((key, value))
    })
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{Element, element, has_own_words};

    fn file(path: &str) -> Option<Element> {
        Some(Element::File(path.into()))
    }

    #[test]
    fn elements_and_what_they_are() {
        let path = |has_contents| Some(Element::Path { path: "a/b.py".into(), has_contents });
        for (text, expected) in [
            (r#"<file path=\"a/b.py\">x</file>"#, file("a/b.py")),
            (r#"<file name='a/b.py'>x"#, file("a/b.py")),
            (r#"<file_content path=\"a/b.py\" lines=\"1-9\">x</file_content>"#, file("a/b.py")),
            (r#"<attachment id=\"1\" filePath=\"/a/b.py\">x</attachment>"#, file("/a/b.py")),
            (r#"<document title=\"b.py\">x</document>"#, file("b.py")),
            (r#"<code path=\"b.py:3-9\">x</code>"#, file("b.py")),
            (r#"<file uri=\"file:///a/b.py\">x</file>"#, file("/a/b.py")),
            (r#"<file path=\"a/b.py\"/>"#, None),
            (r#"<file path=\"src\">x</file>"#, None),
            (r#"<img src=\"b.py\">"#, None),
            (r#"<View path=\"b.py\">x</View>"#, None),
            (r"<path>a/b.py</path>\n<content>x</content>", path(true)),
            (r"<source>a/b.py</source>\n<document_content>x</document_content>", path(true)),
            (r"<path>a/b.py</path></read_file>", path(false)),
            ("<path>src</path>", None),
            ("<system-reminder>a.py</system-reminder>", Some(Element::Boilerplate)),
            ("<environment_context>x</environment_context>", Some(Element::Boilerplate)),
            ("<INSTRUCTIONS>x</INSTRUCTIONS>", Some(Element::Boilerplate)),
            ("<editorContext>x</editorContext>", Some(Element::Boilerplate)),
            ("<permissions instructions>x</permissions>", Some(Element::Boilerplate)),
            ("<repo_map>x</repo_map>", Some(Element::Boilerplate)),
            ("<system-reminder>never closed", None),
            ("<map>x</map>", None),
            ("<task>x</task>", None),
            ("<b", None),
            ("< b>", None),
        ] {
            assert_eq!(element(text.as_bytes(), 0, false).map(|(element, _)| element), expected, "{text}");
        }
        assert_eq!(element(b"<content>x</content>y", 0, true), Some((Element::Contents, 20)));
    }

    #[test]
    fn own_words_stand_beside_boilerplate() {
        for (text, expected) in [
            ("hello", true),
            (r" \n", false),
            ("<env>x</env>", false),
            (r"<env>x</env>\n\n<system-reminder>y</system-reminder>\n", false),
            (r"<env>x</env>\nfix it", true),
            (r"# AGENTS.md instructions for /repo\n\n<INSTRUCTIONS>\nx\n</INSTRUCTIONS>", false),
            (r"fix <env>x</env>", true),
            ("<task>fix it</task>", true),
        ] {
            assert_eq!(has_own_words(text.as_bytes()), expected, "{text}");
        }
    }
}

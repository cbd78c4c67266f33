//! Elements of markup in a text that is still JSON-escaped: files that clients attach, and what clients add of their own.

use memchr::{memchr, memchr2, memmem};

use super::raw::{head, skip_blanks, text};
use super::tags;
use crate::prompt::PATH_BYTES_MAX;
use crate::prompt::path::{file_path, without_scheme};

/// Bytes of an element's name.
const NAME_BYTES_MAX: usize = 48;
/// Escaped bytes of a tag.
const TAG_BYTES_MAX: usize = 1_200;
/// Escaped bytes of a heading.
const TITLE_BYTES_MAX: usize = 400;
/// Escaped bytes behind a path in which its contents begin.
const GAP_BYTES_MAX: usize = 400;

/// Elements of one text without their closing tag that are put up with: each was looked for to the end of the text.
const UNCLOSED_MAX: usize = 16;

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

/// The markup in one text.
pub struct Markup<'a> {
    raw: &'a [u8],
    unclosed_left: usize,
}

impl<'a> Markup<'a> {
    pub fn new(raw: &'a [u8]) -> Self {
        Self { raw, unclosed_left: UNCLOSED_MAX }
    }

    /// The element whose opening bracket is at `at`, and where it ends; none if it is of no interest. `follows_path`:
    /// the path of a file was the last thing of interest.
    pub fn element(&mut self, at: usize, follows_path: bool) -> Option<(Element, usize)> {
        let name = name(self.raw.get(at + 1..)?);
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return None;
        }
        let behind_name = at + 1 + name.len();
        let inside = tag_end(self.raw, behind_name)?;
        let tag = self.raw.get(behind_name..inside - 1)?;
        let plain = tags::plain(name);
        if tags::is_own(name, &plain) {
            return Some((Element::Boilerplate, self.end(inside, name)?));
        }
        if follows_path && tags::CONTENT_NAMES.contains(&plain.as_str()) {
            return Some((Element::Contents, self.end(inside, name)?));
        }
        if tag.is_empty() && tags::PATH_NAMES.contains(&plain.as_str()) {
            return path_inside(self.raw, inside, name);
        }
        let path = path_in(tag, tags::FILE_NAMES.contains(&plain.as_str()) && !tag.is_empty(), name)?;
        Some((Element::File(path), self.end(inside, name).unwrap_or(inside)))
    }

    /// Behind the closing tag of the element `name` whose contents begin at `inside`.
    fn end(&mut self, inside: usize, name: &[u8]) -> Option<usize> {
        let left = self.unclosed_left.checked_sub(1)?;
        let closed = closing(self.raw, inside, name);
        if closed.is_none() {
            self.unclosed_left = left;
        }
        closed.map(|(_, end)| end)
    }
}

/// Whether a text has words beside what clients add of their own.
pub fn has_own_words(raw: &[u8]) -> bool {
    let mut markup = Markup::new(raw);
    let blanks = |at: usize| raw.len() - skip_blanks(raw.get(at..).unwrap_or_default()).len();
    let mut at = blanks(0);
    while at < raw.len() {
        let window = head(raw.get(at..).unwrap_or_default(), TITLE_BYTES_MAX);
        let Some(bracket) = memchr(b'<', window) else { return true };
        match markup.element(at + bracket, false) {
            Some((Element::Boilerplate, end)) if is_title(head(window, bracket)) => at = blanks(end),
            _ => return true,
        }
    }
    false
}

/// Nothing, or one heading: what stands in front of an element and belongs to it.
pub fn is_title(before: &[u8]) -> bool {
    if before.len() > TITLE_BYTES_MAX {
        return false;
    }
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
    // No tag goes on over the beginning of another.
    let close = memchr2(b'>', b'<', head(rest, TAG_BYTES_MAX)).filter(|at| rest.get(*at) == Some(&b'>'))?;
    let is_empty = close > 0 && rest.get(close - 1) == Some(&b'/');
    (!is_empty).then_some(at + close + 1)
}

/// Where the closing tag of `name` begins and ends.
fn closing(raw: &[u8], inside: usize, name: &[u8]) -> Option<(usize, usize)> {
    let tag = [b"</", name, b">"].concat();
    let start = inside + memmem::find(raw.get(inside..)?, &tag)?;
    Some((start, start + tag.len()))
}

/// `<path>src/app.py</path>`
fn path_inside(raw: &[u8], inside: usize, name: &[u8]) -> Option<(Element, usize)> {
    let window = head(raw, inside + PATH_BYTES_MAX + TAG_BYTES_MAX);
    let (start, end) = closing(window, inside, name)?;
    let inner = text(raw.get(inside..start)?);
    let path = file_path(without_scheme(inner.trim()))?.to_owned();
    let mut gap = head(raw.get(end..)?, GAP_BYTES_MAX);
    let mut has_contents = false;
    while let Some(bracket) = memchr(b'<', gap)
        && !has_contents
    {
        gap = gap.get(bracket + 1..)?;
        has_contents = tags::CONTENT_NAMES.contains(&tags::plain(self::name(gap)).as_str());
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
            keys.contains(&tags::plain(key.as_bytes()).as_str()).then(|| file_path(without_scheme(value)))?
        })
    };
    let path = value(&tags::PATH_KEYS).or_else(|| if is_file { value(&tags::NAME_KEYS) } else { None });
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

    use super::{Element, Markup, UNCLOSED_MAX, has_own_words};

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
            assert_eq!(Markup::new(text.as_bytes()).element(0, false).map(|(element, _)| element), expected, "{text}");
        }
        assert_eq!(Markup::new(b"<content>x</content>y").element(0, true), Some((Element::Contents, 20)));
    }

    #[test]
    fn looking_for_closing_tags_ends() {
        let text = "<system-reminder>".repeat(UNCLOSED_MAX) + "<env>x</env>";
        let mut markup = Markup::new(text.as_bytes());
        let found = |(at, _)| markup.element(at, false);
        assert_eq!(text.match_indices('<').filter_map(found).count(), 0);
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

//! What the names of elements and attributes mean. Names are compared in lower case, without what separates words.

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
pub const FILE_NAMES: [&str; 13] = [
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
pub const PATH_KEYS: [&str; 5] = ["path", "filepath", "file", "filename", "absolutepath"];
/// Attributes that name a file on an element that is one.
pub const NAME_KEYS: [&str; 5] = ["name", "src", "uri", "id", "title"];
/// Elements that hold nothing but a path.
pub const PATH_NAMES: [&str; 5] = ["path", "source", "filepath", "filename", "absolutepath"];
/// Elements with a file's contents, behind one that holds its path.
pub const CONTENT_NAMES: [&str; 10] = [
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

/// Lower-case, without what separates words.
pub fn plain(name: &[u8]) -> String {
    name.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(|byte| char::from(byte.to_ascii_lowercase())).collect()
}

/// Whether an element is one that clients fill of their own. `plain` is its name as [`plain`] gives it.
pub fn is_own(name: &[u8], plain: &str) -> bool {
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

//! Which words are paths of files.

use super::PATH_BYTES_MAX;

/// Well-known files whose names have no extension.
const BARE_NAMES: [&str; 16] = [
    "makefile",
    "dockerfile",
    "containerfile",
    "license",
    "readme",
    "changelog",
    "gemfile",
    "rakefile",
    "procfile",
    "jenkinsfile",
    "vagrantfile",
    "justfile",
    "brewfile",
    "codeowners",
    "notice",
    "build",
];

/// The path in a word that may carry a line range (`a.py:10-20`, `a.py#L10`), or none if it is not the path of a file:
/// its last part has an extension, begins with a dot, or is a well-known name.
pub fn file_path(word: &str) -> Option<&str> {
    let path = without_lines(word);
    let bytes = path.as_bytes();
    let name_from = bytes.iter().rposition(|byte| matches!(byte, b'/' | b'\\')).map_or(0, |slash| slash + 1);
    let name = bytes.get(name_from..)?;
    let is_named = match name.iter().rposition(|byte| *byte == b'.') {
        Some(dot) => is_extension(name.get(dot + 1..)?),
        None => BARE_NAMES.iter().any(|bare| name.eq_ignore_ascii_case(bare.as_bytes())),
    };
    (is_named && is_word(bytes)).then_some(path)
}

/// Text that some field declares to be a path: taken as it is, unless it cannot be one.
pub fn declared_path(text: &str) -> Option<&str> {
    let path = text.trim();
    let plausible = !path.is_empty() && path.len() <= PATH_BYTES_MAX && !path.chars().any(char::is_control);
    plausible.then_some(path)
}

fn is_extension(text: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+');
    (1..=16).contains(&text.len()) && text.iter().all(fits)
}

/// No white space, nothing that quotes or marks up, no URL.
fn is_word(path: &[u8]) -> bool {
    let is_odd = |byte: &u8| matches!(byte, 0..=b' ' | 0x7f | b'<' | b'>' | b'"' | b'\'' | b'`' | b'|' | b'*');
    let is_url = || {
        path.iter()
            .position(|byte| *byte == b':')
            .and_then(|at| path.get(at..))
            .is_some_and(|rest| rest.starts_with(b"://"))
    };
    path.len() <= PATH_BYTES_MAX && !path.iter().any(is_odd) && !is_url()
}

/// Cuts `:10`, `:10-20`, `:10:5`, `#L10` and `#L10-L20` off the end.
fn without_lines(word: &str) -> &str {
    if !word.bytes().any(|byte| matches!(byte, b'#' | b':')) {
        return word;
    }
    let is_lines = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'L'));
    if let Some((path, lines)) = word.rsplit_once('#')
        && lines.starts_with('L')
        && is_lines(lines)
    {
        return path;
    }
    let mut path = word;
    while let Some((before, lines)) = path.rsplit_once(':')
        && lines.starts_with(|first: char| first.is_ascii_digit())
        && is_lines(lines)
    {
        path = before;
    }
    path
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::file_path;

    #[test]
    fn tells_paths_from_other_words() {
        for (word, path) in [
            ("src/app.py", Some("src/app.py")),
            ("app.py", Some("app.py")),
            ("/repo/Makefile", Some("/repo/Makefile")),
            (".gitignore", Some(".gitignore")),
            ("a.py:10-20", Some("a.py")),
            ("a.py:10:5", Some("a.py")),
            ("web/a.tsx#L3-L9", Some("web/a.tsx")),
            (r"C:\src\a.cs", Some(r"C:\src\a.cs")),
            ("app/[id]/page.tsx", Some("app/[id]/page.tsx")),
            ("python", None),
            ("c++", None),
            ("src/", None),
            ("1.", None),
            ("https://example.com/a.py", None),
            ("a b.py", None),
            ("", None),
        ] {
            assert_eq!(file_path(word), path, "{word}");
        }
    }
}

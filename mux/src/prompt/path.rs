//! Which words are paths of files.

use super::{PATH_BYTES_MAX, language};

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

/// Endings of files that are written in no language.
const OTHER_ENDINGS: [&str; 20] = [
    "avif", "db", "doc", "docx", "env", "example", "gif", "gz", "ico", "jar", "jpeg", "jpg", "lock", "pdf", "png",
    "tar", "wasm", "webp", "xlsx", "zip",
];

/// Endings of host names.
const HOST_ENDINGS: [&str; 10] = ["com", "org", "net", "io", "ai", "app", "co", "gov", "edu", "dev"];

/// Names of products that look like files.
const PRODUCTS: [&str; 10] =
    ["Node.js", "Next.js", "Vue.js", "React.js", "Express.js", "Nuxt.js", "Three.js", "D3.js", "Chart.js", "Ember.js"];

/// The path in a word that may carry a line range (`a.py:10-20`, `a.py#L10`), or none if it is not the path of a file:
/// its last part has an extension, begins with a dot, or is a well-known name.
pub fn file_path(word: &str) -> Option<&str> {
    if word.len() > 2 * PATH_BYTES_MAX {
        return None;
    }
    let path = without_lines(word);
    let bytes = path.as_bytes();
    let name_from = bytes.iter().rposition(|byte| matches!(byte, b'/' | b'\\')).map_or(0, |slash| slash + 1);
    let name = bytes.get(name_from..)?;
    let is_named = match name.iter().rposition(|byte| *byte == b'.') {
        Some(dot) => is_extension(name.get(dot + 1..)?),
        None => (4..14).contains(&name.len()) && std::str::from_utf8(name).is_ok_and(is_bare),
    };
    (is_named && is_word(bytes)).then_some(path)
}

/// Text that some field declares to be the path of a file: taken as it is, unless it cannot be one.
pub fn declared_path(text: &str) -> Option<&str> {
    let path = without_scheme(text.trim());
    let odd = |c: char| c.is_control() || matches!(c, '*' | '?' | '<' | '>' | '|');
    let plausible = !path.is_empty() && path.len() <= PATH_BYTES_MAX && !path.ends_with(['/', '\\']);
    (plausible && !path.contains(odd) && !path.contains("://")).then_some(path)
}

/// Text that some field declares to be a path, of a file or of a folder: a file by its name alone.
pub fn shaped_path(text: &str) -> Option<&str> {
    let path = declared_path(text)?;
    // Declared paths may have blanks, which words have not.
    let name = path.rsplit(['/', '\\']).next()?;
    let word = name.rsplit(' ').next()?;
    file_path(word)?;
    Some(without_lines(path))
}

/// `src/app.py`, or with a word in front of it: `python:src/app.py`, `HEAD:src/app.py`, `edit:/repo/src/app.py`.
pub fn labelled_path(word: &str) -> Option<&str> {
    if !word.contains(':') {
        return file_path(word);
    }
    let labelled = word.split_once(':').filter(|(label, path)| {
        let is_label =
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+#-_~^".contains(&byte));
        // A drive letter is no label.
        is_label && label.len() > 1 && !path.starts_with("//") && file_path(path).is_some()
    });
    file_path(labelled.map_or(word, |(_, path)| path))
}

/// A path in running text, which has many words with dots: also its ending must look like one, and without a folder
/// the file must be of a known kind.
pub fn spoken_path(word: &str) -> Option<&str> {
    let path = labelled_path(word)?;
    let bytes = path.as_bytes();
    let name = path.rsplit(['/', '\\']).next()?;
    let odd =
        |byte: &u8| matches!(byte, b'(' | b')' | b'{' | b'}' | b'?' | b'=' | b'$' | b',' | b';' | b'!' | b'&' | b'%');
    let mail = path.find('@').is_some_and(|at| !path.get(..at).unwrap_or_default().contains('/'));
    if bytes.iter().any(odd) || mail || is_host(path.split('/').next()?) {
        return None;
    }
    let has_ending =
        name.rsplit_once('.').is_none_or(|(_, ending)| ending.starts_with(|c: char| c.is_ascii_alphabetic()));
    let in_folder = name.len() < path.len();
    let is_known = || !PRODUCTS.contains(&path) && (language::is_known(path) || is_bare(name) || is_other(name));
    (has_ending && (in_folder || is_known())).then_some(path)
}

/// Names that only show where a path would stand.
pub fn is_placeholder(path: &str) -> bool {
    path.as_bytes().windows(8).any(|part| part == b"path/to/") || path == "/dev/null"
}

/// Without what editors put in front of paths.
pub fn without_scheme(path: &str) -> &str {
    let path = path.strip_prefix("file://").unwrap_or(path);
    path.strip_prefix("./").unwrap_or(path)
}

/// Without a dot in front, and an ending that files have beside those of languages.
fn is_other(name: &str) -> bool {
    let ending = name.rsplit('.').next().unwrap_or_default();
    name.starts_with('.') || OTHER_ENDINGS.iter().any(|other| ending.eq_ignore_ascii_case(other))
}

fn is_host(word: &str) -> bool {
    let top = word.rsplit_once('.').map_or("", |(_, top)| top);
    HOST_ENDINGS.iter().any(|ending| top.eq_ignore_ascii_case(ending))
}

fn is_bare(name: &str) -> bool {
    BARE_NAMES.iter().any(|bare| name.eq_ignore_ascii_case(bare))
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

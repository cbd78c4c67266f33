//! Paths that a user names in own words.

use super::raw::text;
use crate::prompt::path::spoken_path;

/// Calls `found` with each path in the escaped words.
pub fn mentions(raw: &[u8], mut found: impl FnMut(&str)) {
    let text = text(raw);
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '`' | '"' | '|' | ','));
    for word in words.filter(|word| word.contains(['.', '/', '\\'])) {
        // The target of a link.
        let word = word.rsplit("](").next().unwrap_or_default();
        let word = word.trim_start_matches(['\'', '*', '_', '(', '[', '{', '@', '#']);
        let word = word.trim_end_matches(['\'', '*', '.', ':', ';', '!', '?', ')', ']', '}']);
        if let Some(path) = spoken_path(word.strip_suffix("'s").unwrap_or(word)) {
            found(path);
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::mentions;

    #[test]
    fn words_that_are_paths() {
        let rows: [(&str, &[&str]); 14] = [
            (
                "Read src/app.py and web/client.ts, then edit README.md so that",
                &["src/app.py", "web/client.ts", "README.md"],
            ),
            ("see @README.md.", &["README.md"]),
            ("(in `a/b.py`) or **c.rs**:", &["a/b.py", "c.rs"]),
            ("a.py:10-20 and a.tsx#L3", &["a.py", "a.tsx"]),
            ("app.py's test; the <task>b.py</task>", &["app.py", "b.py"]),
            (r"C:\src\a.cs", &[r"C:\src\a.cs"]),
            ("src/Makefile and .gitignore and .github/x.yml", &["src/Makefile", ".gitignore", ".github/x.yml"]),
            ("use Node.js v1.2.3 at example.com/a.js, e.g. math.factorial", &[]),
            ("mail a@b.py, https://x.org/a.py, r.json() and and/or", &[]),
            ("src/ and src/app", &[]),
            ("the 3.5 and 1/2.5 of self.name", &[]),
            ("a/page[id].tsx", &["a/page[id].tsx"]),
            ("unknown.xyz but src/unknown.xyz", &["src/unknown.xyz"]),
            ("[the app](src/app.py), (b.py)", &["src/app.py", "b.py"]),
        ];
        for (text, expected) in rows {
            let quoted = serde_json::to_string(text).unwrap();
            let mut found = Vec::new();
            mentions(&quoted.as_bytes()[1..quoted.len() - 1], |path| found.push(path.to_owned()));
            assert_eq!(found, expected, "{text}");
        }
    }
}

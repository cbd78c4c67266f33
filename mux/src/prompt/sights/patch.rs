//! The files that a patch changes: unified diffs, and the format of OpenAI's `apply_patch`.

use crate::prompt::path::{declared_path, file_path};

const HEADS: [&str; 5] = ["*** Update File: ", "*** Add File: ", "*** Delete File: ", "*** Move to: ", "rename to "];

/// Calls `found` with the path of each file that the patch in `text` names; nothing if it is no patch.
pub fn patched(text: &str, mut found: impl FnMut(&str)) {
    if !text.contains("*** ") && !text.contains("+++ ") && !text.contains("diff --git ") {
        return;
    }
    let mut last = "";
    let mut before = "";
    for line in text.lines() {
        let path = in_line(line, before);
        before = line;
        // A diff says it several times.
        if let Some(path) = path.filter(|path| *path != last) {
            last = path;
            found(path);
        }
    }
}

fn in_line<'a>(line: &'a str, before: &'a str) -> Option<&'a str> {
    if let Some(path) = HEADS.iter().find_map(|head| line.strip_prefix(head)) {
        return declared_path(path);
    }
    if let Some(both) = line.strip_prefix("diff --git ") {
        return both.rsplit_once(" b/").and_then(|(_, path)| declared_path(path));
    }
    // Alone, either might be a changed line that begins with two signs.
    let new = line.strip_prefix("+++ ")?;
    let old = before.strip_prefix("--- ")?;
    in_header(new).or_else(|| in_header(old))
}

/// Without the folder that stands for a side, and a time.
fn in_header(path: &str) -> Option<&str> {
    let path = path.split('\t').next()?.trim();
    let path = path.strip_prefix("a/").or_else(|| path.strip_prefix("b/")).unwrap_or(path);
    if path == "/dev/null" { None } else { file_path(path).or_else(|| declared_path(path)) }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::patched;

    #[test]
    fn headers_name_files_and_changed_lines_do_not() {
        let rows: [(&str, &[&str]); 8] = [
            ("--- a/src/app.py\n+++ b/src/app.py\n@@ -1 +1 @@\n--- x.sql\n+x", &["src/app.py"]),
            ("--- src/app.py\n+++ src/app.py\t2026-01-01 00:00\n", &["src/app.py"]),
            ("--- a/old.py\n+++ /dev/null\n", &["old.py"]),
            ("--- /dev/null\n+++ b/Makefile\n", &["Makefile"]),
            ("diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n", &["x.py"]),
            ("diff --git a/x.py b/y z.py\nrename from x.py\nrename to y z.py\n", &["y z.py"]),
            (
                "*** Begin Patch\n*** Update File: a.py\n*** Move to: b.py\n@@\n-x\n*** Add File: c\n+++ d.py\n*** End Patch",
                &["a.py", "b.py", "c"],
            ),
            ("+++ b/x.py", &[]),
        ];
        for (text, expected) in rows {
            let mut found = Vec::new();
            patched(text, |path| found.push(path.to_owned()));
            assert_eq!(found, expected, "{text}");
        }
    }
}

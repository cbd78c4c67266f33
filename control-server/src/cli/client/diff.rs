//! What an import changes, as a diff.

use std::fmt::Write;

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::out::clean;

/// Lines around a difference.
const CONTEXT_LINES: usize = 2;

/// The `changes` of an answer to an import: each with the path in the document, the value before and after.
pub fn changes(answer: &Value) -> &[Value] {
    answer.get("changes").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// All changes below a heading that names them; empty: nothing changes.
pub fn of(changes: &[Value]) -> String {
    let mut text = String::new();
    for change in changes {
        // An empty path is that of the whole document.
        let path = change.get("path").and_then(Value::as_str).filter(|path| !path.is_empty()).unwrap_or("/");
        let side = |name| change.get(name).map(lines).unwrap_or_default();
        let (before, after) = (side("before"), side("after"));
        let _infallible = writeln!(text, "@ {}", clean(path));
        let diff = TextDiff::from_lines(&before, &after);
        for (number, ops) in diff.grouped_ops(CONTEXT_LINES).iter().enumerate() {
            if number > 0 {
                text.push_str("  …\n");
            }
            for change in ops.iter().flat_map(|op| diff.iter_changes(op)) {
                let mark = match change.tag() {
                    ChangeTag::Delete => '-',
                    ChangeTag::Insert => '+',
                    ChangeTag::Equal => ' ',
                };
                let _infallible = writeln!(text, "{mark} {}", clean(change.value().trim_end_matches('\n')));
            }
        }
    }
    text
}

/// A text by its own lines, anything else as JSON; what is not there has none.
fn lines(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.is_empty() => String::new(),
        Value::String(text) => format!("{}\n", text.trim_end_matches('\n')),
        value => format!("{value:#}\n"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::of;

    #[test]
    fn changes_are_shown_by_line() {
        let rows = [
            (json!([]), ""),
            (
                json!([{"path": "/spec/description", "before": "Old", "after": "New"}]),
                "@ /spec/description\n- Old\n+ New\n",
            ),
            (
                json!([{"path": "/spec/custom_instructions", "before": null, "after": "one\ntwo\n"}]),
                "@ /spec/custom_instructions\n+ one\n+ two\n",
            ),
            (
                json!([{"path": "/spec/rules/0", "before": {"target": "p/a"}, "after": {"target": "p/b"}}]),
                "@ /spec/rules/0\n  {\n-   \"target\": \"p/a\"\n+   \"target\": \"p/b\"\n  }\n",
            ),
            (json!([{"path": "", "after": "x"}]), "@ /\n+ x\n"),
            (json!([{"path": "/spec/rules", "before": ["a"]}]), "@ /spec/rules\n- [\n-   \"a\"\n- ]\n"),
        ];
        for (changes, expected) in rows {
            assert_eq!(of(changes.as_array().unwrap()), expected, "{changes}");
        }
    }
}

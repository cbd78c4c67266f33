//! Workspace documents and rule lists as people keep them: YAML or JSON.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::Failure;
use super::input;

/// What the API takes as one body.
const BYTES_MAX: usize = crate::rest::BODY_BYTES_MAX;
/// Files that are looked for in folders.
pub const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];
/// Documents that one command works on.
pub const DOCUMENTS_MAX: usize = 10_000;

/// A workspace document and where it came from.
#[derive(Debug)]
pub struct Document {
    pub file: PathBuf,
    /// Name of the workspace.
    pub workspace: String,
    pub value: Value,
}

/// Reads one YAML or JSON value.
pub fn read_value(path: &Path) -> Result<Value, Failure> {
    let mut values = read_values(path)?;
    match (values.pop(), values.is_empty()) {
        (Some(value), true) => Ok(value),
        _ => Err(Failure::new(format!("{} must hold one document", input::name(path)))),
    }
}

/// Reads one workspace document.
pub fn read_one(path: &Path) -> Result<Document, Failure> {
    workspace_in(path, read_value(path)?)
}

/// Reads all workspace documents of a file.
pub fn read_all(path: &Path) -> Result<Vec<Document>, Failure> {
    read_values(path)?.into_iter().map(|value| workspace_in(path, value)).collect()
}

/// Reads the text of one document.
pub fn parse(text: &str) -> Result<Value, String> {
    let mut values = parse_all(text)?;
    match (values.pop(), values.is_empty()) {
        (Some(value), true) => Ok(value),
        _ => Err("there must be one document".to_owned()),
    }
}

/// The name that a document gives its workspace.
pub fn workspace_name(value: &Value) -> Option<&str> {
    value.pointer("/metadata/name").and_then(Value::as_str)
}

fn read_values(path: &Path) -> Result<Vec<Value>, Failure> {
    let text = input::read(path, BYTES_MAX)?;
    parse_all(&text).map_err(|error| Failure::new(format!("{}: {error}", input::name(path))))
}

/// JSON by its own reader, whose messages are better; anything else is YAML, perhaps of several documents.
fn parse_all(text: &str) -> Result<Vec<Value>, String> {
    if text.trim_start().starts_with(['{', '[']) {
        match serde_json::from_str(text) {
            Ok(value) => return Ok(vec![value]),
            // YAML's own lists and maps may begin in the same way.
            Err(error) => return yaml(text).map_err(|_| error.to_string()),
        }
    }
    Ok(yaml(text)?.into_iter().filter(|value| !value.is_null()).collect())
}

/// By YAML 1.2, in which a workspace may be called `on` or `no`.
fn yaml(text: &str) -> Result<Vec<Value>, String> {
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| error.to_string())
}

fn workspace_in(path: &Path, value: Value) -> Result<Document, Failure> {
    match workspace_name(&value) {
        // Names are kept in lower case; two spellings are one workspace.
        Some(name) => Ok(Document { file: path.to_owned(), workspace: name.to_ascii_lowercase(), value }),
        None => Err(Failure::new(format!(
            "{} is no workspace document: it has no metadata.name; `muxspace export` shows how one looks",
            input::name(path)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_and_json_are_read() {
        let rows = [
            ("a: 1\nb: [x, y]\n", json!({"a": 1, "b": ["x", "y"]})),
            ("{\"a\": 1}", json!({"a": 1})),
            ("{a: 1}", json!({"a": 1})),
            ("a: true\nb: no\n", json!({"a": true, "b": "no"})),
            ("- target: p/m\n- target: requested\n", json!([{"target": "p/m"}, {"target": "requested"}])),
            ("---\na: 1\n", json!({"a": 1})),
            ("text: |\n  one\n  two\n", json!({"text": "one\ntwo\n"})),
        ];
        for (text, expected) in rows {
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
        for bad in ["a: [1", "{\"a\": ", "a: 1\n---\nb: 2\n", ""] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_file_may_hold_several_workspaces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.yaml");
        std::fs::write(&path, "metadata: {name: A}\n---\nmetadata: {name: b}\n").unwrap();
        let names: Vec<String> = read_all(&path).unwrap().into_iter().map(|document| document.workspace).collect();
        assert_eq!(names, ["a", "b"]);
        assert!(read_one(&path).unwrap_err().to_string().contains("one document"));
        std::fs::write(&path, "kind: Workspace\n").unwrap();
        assert!(read_one(&path).unwrap_err().to_string().contains("metadata.name"));
    }
}

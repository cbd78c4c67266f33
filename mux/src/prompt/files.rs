//! The files in context: those whose contents or edits are part of the conversation. Names in instructions, in tool
//! definitions and inside of file contents are not.

use super::chat::{Chat, Role};
use super::fence::named_blocks;
use super::path::{declared_path, file_path};
use super::{FILES_MAX, PATH_BYTES_MAX};
use crate::json::{self, Cursor, Kind, unescape};

/// Levels of a tool call's arguments that are looked into.
const ARGUMENT_DEPTH_MAX: usize = 8;

/// One file in context, once for each time that it is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File<'a> {
    pub path: &'a str,
    pub source: Source,
    /// Index of the message in which it is seen.
    pub message: usize,
}

/// By what a file is known to be in context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A fenced block with its name.
    Block,
    /// An argument of a tool call.
    ToolCall,
}

/// Calls `found` with the files in context, in order of appearance.
pub fn files(chat: &Chat, found: impl FnMut(File)) {
    let mut found = Found { left: FILES_MAX, message: 0, found };
    let mut fences = chat.fences.as_slice();
    for (index, message) in chat.messages.iter().enumerate() {
        found.message = index;
        let texts = chat.texts.get(message.texts.clone()).unwrap_or_default();
        for span in texts {
            let raw = chat.body.get(span.clone()).unwrap_or_default();
            let (own, after) = fences_within(fences, span);
            fences = after;
            if matches!(message.role, Role::User | Role::Assistant) && !own.is_empty() {
                let offsets = own.iter().map(|at| *at as usize - span.start);
                named_blocks(raw, offsets, |path| found.push(path, Source::Block));
            }
        }
        for span in chat.arguments.get(message.arguments.clone()).unwrap_or_default() {
            found.in_arguments(chat.body.get(span.clone()).unwrap_or_default());
        }
    }
}

/// Those of ascending `fences` that lie in `span`, and those behind it.
fn fences_within<'a>(fences: &'a [u32], span: &json::Span) -> (&'a [u32], &'a [u32]) {
    let first = fences.partition_point(|at| (*at as usize) < span.start);
    let fences = fences.get(first..).unwrap_or_default();
    fences.split_at(fences.partition_point(|at| (*at as usize) < span.end))
}

struct Found<F> {
    left: usize,
    message: usize,
    found: F,
}

impl<F: FnMut(File)> Found<F> {
    fn push(&mut self, path: &str, source: Source) {
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            (self.found)(File { path, source, message: self.message });
        }
    }

    /// Arguments are JSON inside a JSON string. What is not JSON (cut off, or free text) names no files.
    fn in_arguments(&mut self, raw: &[u8]) {
        let text = unescape(raw);
        let mut cursor = Cursor::new(&text);
        let _ = self.in_value(&mut cursor, 0);
    }

    fn in_value(&mut self, cursor: &mut Cursor, depth: usize) -> Result<(), json::Error> {
        match cursor.kind()? {
            Kind::Object if depth < ARGUMENT_DEPTH_MAX => {
                cursor.object(|cursor, key| match path_rule(key) {
                    Some(rule) if cursor.kind()? == Kind::String => {
                        let span = cursor.string()?;
                        self.in_member(cursor.raw(&span), rule);
                        Ok(())
                    }
                    _ => self.in_value(cursor, depth + 1),
                })?;
            }
            Kind::Array if depth < ARGUMENT_DEPTH_MAX => {
                cursor.array(|cursor| self.in_value(cursor, depth + 1))?;
            }
            _ => {
                cursor.skip()?;
            }
        }
        Ok(())
    }

    fn in_member(&mut self, raw: &[u8], rule: fn(&str) -> Option<&str>) {
        if raw.len() > PATH_BYTES_MAX {
            return;
        }
        let text = unescape(raw);
        if let Some(path) = std::str::from_utf8(&text).ok().and_then(rule) {
            self.push(path, Source::ToolCall);
        }
    }
}

/// How the value of an argument is taken: some names always mean a file, `path` may also mean a folder.
fn path_rule(key: &[u8]) -> Option<fn(&str) -> Option<&str>> {
    match key {
        b"file_path" | b"filePath" | b"filename" | b"file_name" | b"notebook_path" => Some(declared_path),
        b"path" | b"file" => Some(file_path),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{Source, files};
    use crate::prompt::{Needs, read};

    fn paths(messages: Value) -> Vec<(String, Source, usize)> {
        let body = serde_json::to_vec_pretty(&json!({ "model": "m", "messages": messages })).unwrap();
        let chat = read(&body, Needs::Files).unwrap();
        let mut found = Vec::new();
        files(&chat, |file| found.push((file.path.to_owned(), file.source, file.message)));
        found
    }

    #[test]
    fn blocks_of_users_and_assistants() {
        let block = |path: &str| format!("Here:\n```ts {path}\nlet a = `b`;\n```\n");
        assert_eq!(
            paths(json!([
                { "role": "system", "content": block("system.ts") },
                { "role": "developer", "content": block("developer.ts") },
                { "content": [{ "type": "text", "text": block("a.ts") }, { "type": "text", "text": block("b.ts") }], "role": "user" },
                { "role": "assistant", "content": block("c.ts") },
                { "role": "tool", "content": block("inside.ts") },
                { "role": "user", "content": block("a.ts") },
            ])),
            [("a.ts", 2), ("b.ts", 2), ("c.ts", 3), ("a.ts", 5)].map(|(path, message)| (
                path.into(),
                Source::Block,
                message
            ))
        );
    }

    #[test]
    fn arguments_of_tool_calls() {
        let call = |arguments: Value| json!({ "id": "1", "type": "function", "function": { "name": "f", "arguments": arguments.to_string() } });
        assert_eq!(
            paths(json!([{ "role": "assistant", "content": null, "tool_calls": [
                call(json!({ "file_path": "src/no_extension" })),
                call(json!({ "path": "src" })),
                call(json!({ "edits": [{ "path": "src/é b.py" }, { "path": "src/c.py" }], "text": "```py d.py\n```" })),
                call(json!({ "notebook_path": "n.ipynb", "filename": 3 })),
                { "function": { "arguments": "{\"path\":\"cut.py\",\"x" } },
            ] }]))
            .into_iter()
            .map(|(path, ..)| path)
            .collect::<Vec<_>>(),
            ["src/no_extension", "src/c.py", "n.ipynb", "cut.py"]
        );
    }

    #[test]
    fn odd_shapes_name_nothing() {
        assert_eq!(
            paths(json!([
                { "role": "user", "content": [1, null, { "text": 3 }, { "type": "image_url" }] },
                { "role": "user", "content": { "text": "```py a.py\n```" } },
                { "role": "assistant", "tool_calls": [null, { "function": 1 }, { "function": { "arguments": { "path": "a.py" } } }] },
                {},
            ])),
            []
        );
    }
}

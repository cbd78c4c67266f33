//! The files in the arguments of a tool call: by the names of its members, whatever the tool is called.

use super::{Source, command, patch};
use crate::json::{Cursor, Error, Kind, unescape};
use crate::prompt::PATH_BYTES_MAX;
use crate::prompt::path::{declared_path, shaped_path};
use crate::prompt::sights::raw::{head, text};

/// Levels that are looked into.
const DEPTH_MAX: usize = 8;
/// Bytes of a member's name that may mean something.
const KEY_BYTES_MAX: usize = 24;
/// Escaped bytes of a command that are looked at.
const COMMAND_BYTES_MAX: usize = 64 << 10;

/// How the value of an argument is taken, by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Member {
    /// Always a file, or several.
    File,
    /// A file or a folder, or several.
    Path,
    Command,
    Commands,
    Patch,
    /// Contents of a file, or words: not looked into.
    Contents,
    Other,
}

impl Member {
    /// In any of the usual spellings: `file_path`, `filePath`, `FilePath`, `file-path`.
    fn of(key: &[u8]) -> Self {
        let mut plain = [0; KEY_BYTES_MAX];
        let mut len = 0;
        for byte in key.iter().filter(|byte| !matches!(byte, b'_' | b'-')) {
            let Some(place) = plain.get_mut(len) else { return Self::Other };
            *place = byte.to_ascii_lowercase();
            len += 1;
        }
        match plain.get(..len).unwrap_or_default() {
            b"filepath" | b"filename" | b"notebookpath" | b"targetfile" => Self::File,
            b"path"
            | b"file"
            | b"files"
            | b"paths"
            | b"filepaths"
            | b"filenames"
            | b"absolutepath"
            | b"abspath"
            | b"relativepath"
            | b"relativeworkspacepath"
            | b"uri" => Self::Path,
            b"cmd" | b"command" | b"commandline" | b"script" | b"shellcommand" | b"argv" => Self::Command,
            b"commands" => Self::Commands,
            b"patch" | b"diff" | b"input" | b"patchtext" | b"unifieddiff" => Self::Patch,
            b"content" | b"contents" | b"text" | b"code" | b"codeedit" | b"oldstring" | b"newstring" | b"oldstr"
            | b"newstr" | b"oldtext" | b"newtext" | b"filetext" | b"inserttext" | b"filecontent" | b"newcontent"
            | b"newsource" | b"replacement" | b"replace" | b"search" | b"query" | b"prompt" | b"message"
            | b"description" | b"explanation" => Self::Contents,
            _ => Self::Other,
        }
    }
}

/// Calls `seen` with each path in arguments, which are JSON. What is no JSON, or is cut off, names what stands before.
pub fn named(json: &[u8], seen: &mut dyn FnMut(&str, Source)) {
    let mut cursor = Cursor::new(json);
    let _ = value(&mut cursor, Member::Other, 0, seen);
}

fn value(cursor: &mut Cursor, member: Member, depth: usize, seen: &mut dyn FnMut(&str, Source)) -> Result<(), Error> {
    match cursor.kind()? {
        Kind::String => {
            let span = cursor.string()?;
            string(cursor.raw(&span), member, seen);
        }
        Kind::Array if member == Member::Command => argv(cursor, seen)?,
        Kind::Array if depth < DEPTH_MAX => {
            let of_item = if member == Member::Commands { Member::Command } else { member };
            cursor.array(|cursor| value(cursor, of_item, depth + 1, seen))?;
        }
        Kind::Object if depth < DEPTH_MAX => {
            cursor.object(|cursor, key| match Member::of(key) {
                Member::Contents => cursor.skip().map(|_| ()),
                member => value(cursor, member, depth + 1, seen),
            })?;
        }
        _ => {
            cursor.skip()?;
        }
    }
    Ok(())
}

fn string(raw: &[u8], member: Member, seen: &mut dyn FnMut(&str, Source)) {
    match member {
        Member::File | Member::Path if raw.len() <= PATH_BYTES_MAX => {
            let rule = if member == Member::File { declared_path } else { shaped_path };
            if let Some(path) = rule(&text(raw)) {
                seen(path, Source::ToolCall);
            }
        }
        Member::Command | Member::Commands => command::script(&text(head(raw, COMMAND_BYTES_MAX)), 0, seen),
        Member::Patch => patch::patched(&text(raw), |path| seen(path, Source::Patch)),
        _ => {}
    }
}

/// A command as a list of words.
fn argv(cursor: &mut Cursor, seen: &mut dyn FnMut(&str, Source)) -> Result<(), Error> {
    let mut words = Vec::new();
    cursor.array(|cursor| {
        if cursor.kind()? != Kind::String || words.len() >= command::WORDS_MAX {
            return cursor.skip().map(|_| ());
        }
        let span = cursor.string()?;
        words.push(text(head(cursor.raw(&span), COMMAND_BYTES_MAX)));
        Ok::<_, Error>(())
    })?;
    command::simple(&words, 0, seen);
    Ok(())
}

/// Calls `seen` with each path in an argument that is free text: a patch, a command, or the JSON of another call.
pub fn free(raw: &[u8], seen: &mut dyn FnMut(&str, Source)) {
    let text = unescape(raw);
    match text.first() {
        Some(b'{') => named(&text, seen),
        _ => patch::patched(&String::from_utf8_lossy(&text), |path| seen(path, Source::Patch)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::named;
    use crate::prompt::Source;

    fn paths(json: &str) -> Vec<(String, Source)> {
        let mut found = Vec::new();
        named(json.as_bytes(), &mut |path: &str, source| found.push((path.to_owned(), source)));
        found
    }

    #[test]
    fn members_that_name_files() {
        for (arguments, expected) in [
            (json!({ "file_path": "src/no_extension" }), "src/no_extension"),
            (json!({ "filePath": "/a b/c" }), "/a b/c"),
            (json!({ "TargetFile": "a.go" }), "a.go"),
            (json!({ "notebook_path": "n.ipynb", "filename": 3 }), "n.ipynb"),
            (json!({ "path": "src" }), ""),
            (json!({ "path": "src/app.py" }), "src/app.py"),
            (json!({ "path": "/My Files/a b.py" }), "/My Files/a b.py"),
            (json!({ "relative_workspace_path": "./a.py" }), "a.py"),
            (json!({ "uri": "file:///repo/a.py" }), "/repo/a.py"),
            (json!({ "uri": "https://example.com/a.py" }), ""),
            (json!({ "path": "src/**/*.py", "pattern": "b.py" }), ""),
            (json!({ "file_path": "a.py", "content": "b.py", "old_string": { "path": "c.py" } }), "a.py"),
            (json!({ "files": ["a.py", { "path": "b.py", "text": "x" }], "paths": ["c.py", "d"] }), "a.py b.py c.py"),
            (json!({ "edits": [{ "path": "src/é.py" }, { "path": r"C:\c.py" }] }), r"src/é.py C:\c.py"),
            (json!(["a.py", { "file": { "path": "b.py" } }]), "b.py"),
        ] {
            let found: Vec<_> = paths(&arguments.to_string()).into_iter().map(|(path, _)| path).collect();
            assert_eq!(found.join(" "), expected, "{arguments}");
        }
        assert_eq!(paths("{\"path\":\"cut.py\",\"x"), [("cut.py".into(), Source::ToolCall)]);
    }

    #[test]
    fn commands_and_patches_in_members() {
        let patch = "*** Begin Patch\n*** Update File: a.py\n@@\n+x\n*** End Patch";
        let rows: [(Value, Source); 6] = [
            (json!({ "cmd": "cat a.py" }), Source::Command),
            (json!({ "command": ["bash", "-lc", "cat a.py"] }), Source::Command),
            (json!({ "command": ["cat", "a.py"] }), Source::Command),
            (json!({ "commands": ["ls", "cat a.py"] }), Source::Command),
            (json!({ "input": patch }), Source::Patch),
            (json!({ "command": ["apply_patch", patch] }), Source::Patch),
        ];
        for (arguments, source) in rows {
            assert_eq!(paths(&arguments.to_string()), [("a.py".into(), source)], "{arguments}");
        }
        assert_eq!(paths(&json!({ "content": patch }).to_string()), []);
    }
}

//! Finds among a client's tools one that does what the model wants, by what the tool takes: clients name theirs freely.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::ask::{Input, Tool};
use crate::demo::Edit;

pub enum Wish {
    Read(&'static str),
    Edit(&'static Edit),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Arguments {
    Json(Value),
    Text(String),
}

/// Names of arguments, in lower case and without underscores.
const PATHS: [&str; 5] = ["filepath", "path", "targetfile", "absolutepath", "filename"];
const OLD_TEXTS: [&str; 3] = ["oldstring", "oldtext", "oldstr"];
const NEW_TEXTS: [&str; 3] = ["newstring", "newtext", "newstr"];
const COMMANDS: [&str; 3] = ["command", "cmd", "commands"];
/// Parts of the names of tools that run what they are given; others have a `command` too.
const SHELLS: [&str; 5] = ["bash", "shell", "exec", "run", "terminal"];
/// Takes a patch as its one text, also where a gateway had to wrap it into an object.
const PATCH_TOOL: &str = "apply_patch";

/// Whether a tool does something.
type Fit = fn(&Tool) -> bool;

/// The tool to call and what with; none if no tool will do.
pub fn call(tools: &[Tool], wish: &Wish, repo: &Path) -> Option<(String, Arguments)> {
    let path = match wish {
        Wish::Read(path) => path,
        Wish::Edit(edit) => edit.path,
    };
    let file = repo.join(path).display().to_string();
    let (fit, edit): (&[Fit], _) = match wish {
        Wish::Read(_) => (&[reads, runs], None),
        Wish::Edit(edit) => (&[replaces, patches, runs], Some(*edit)),
    };
    let tool = fit.iter().find_map(|fits| tools.iter().find(|tool| fits(tool)))?;
    let hand = Hand { file: &file, edit };
    let arguments = match &tool.input {
        Input::Text => Arguments::Text(hand.patch()),
        Input::Json(schema) => Arguments::Json(hand.fill(schema)),
    };
    Some((tool.name.clone(), arguments))
}

fn reads(tool: &Tool) -> bool {
    tool.name.to_lowercase().contains("read") && takes(tool, &PATHS)
}

fn replaces(tool: &Tool) -> bool {
    takes(tool, &PATHS) && takes(tool, &OLD_TEXTS) && takes(tool, &NEW_TEXTS)
}

fn patches(tool: &Tool) -> bool {
    tool.name == PATCH_TOOL
}

fn runs(tool: &Tool) -> bool {
    let name = tool.name.to_lowercase();
    SHELLS.iter().any(|word| name.contains(word)) && takes(tool, &COMMANDS)
}

/// Whether one of these names is an argument, also one of the objects in a list.
fn takes(tool: &Tool, names: &[&str]) -> bool {
    fn any(schema: &Value, names: &[&str]) -> bool {
        let properties = schema["properties"].as_object().into_iter().flatten();
        properties.into_iter().any(|(name, schema)| is_one_of(name, names) || any(&schema["items"], names))
    }
    matches!(&tool.input, Input::Json(schema) if any(schema, names))
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    let plain = name.to_lowercase().replace('_', "");
    names.contains(&plain.as_str())
}

/// Fills in what tools want to know.
struct Hand<'a> {
    /// Absolute path.
    file: &'a str,
    /// None: it shall be read.
    edit: Option<&'a Edit>,
}

impl Hand<'_> {
    fn fill(&self, schema: &Value) -> Value {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut filled = Map::new();
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            let value =
                self.known(name, schema).or_else(|| required.contains(&name.as_str()).then(|| any_value(schema)));
            if let Some(value) = value {
                filled.insert(name.clone(), value);
            }
        }
        Value::Object(filled)
    }

    /// None: it may be left out.
    fn known(&self, name: &str, schema: &Value) -> Option<Value> {
        if schema["items"]["properties"].is_object() {
            return Some(json!([self.fill(&schema["items"])]));
        }
        if is_one_of(name, &PATHS) {
            return Some(json!(self.file));
        }
        if is_one_of(name, &COMMANDS) {
            return Some(match (name, schema["type"] == "array") {
                ("commands", _) => json!([self.command()]),
                (_, true) => json!(["sh", "-c", self.command()]),
                (_, false) => json!(self.command()),
            });
        }
        let edit = self.edit?;
        if is_one_of(name, &OLD_TEXTS) {
            Some(json!(edit.old))
        } else if is_one_of(name, &NEW_TEXTS) {
            Some(json!(edit.new))
        } else if name == "input" || name == "patch" {
            Some(json!(self.patch()))
        } else {
            None
        }
    }

    fn command(&self) -> String {
        match self.edit {
            None => format!("cat {}", self.file),
            Some(Edit { old, new, .. }) => format!("sed -i 's/{old}/{new}/' {}", self.file),
        }
    }

    /// In the format of Codex's tool of that name.
    fn patch(&self) -> String {
        let change = self.edit.map_or(String::new(), |Edit { old, new, .. }| format!("-{old}\n+{new}\n"));
        format!("*** Begin Patch\n*** Update File: {}\n@@\n{change}*** End Patch\n", self.file)
    }
}

/// For an argument that means nothing to the model.
fn any_value(schema: &Value) -> Value {
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    match schema["type"].as_str() {
        Some("number" | "integer") => json!(1),
        Some("boolean") => json!(false),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => json!("a step"),
    }
}

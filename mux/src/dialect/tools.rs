//! Tools: what all dialects share, and how tools that only one of them knows go through the others and back.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use super::fields::{At, Dropped};
use super::model::{Part, Request, Tool, ToolCall, ToolChoice, ToolKind};
use super::{Asked, AskedTool, Untranslatable};
use crate::json::{Value, json};

/// Characters of a function's name at OpenAI.
pub const NAME_MAX: usize = 64;

/// The arguments of a tool whose schema is not known.
pub fn open_schema() -> Value {
    json!({ "type": "object", "properties": {} })
}

/// A free-text tool's grammar is part of what the model must know about it.
pub fn describe_format(description: Option<String>, format: Option<Value>) -> Option<String> {
    let grammar =
        format.as_ref().map(|format| format.get("grammar").filter(|inner| inner.is_object()).unwrap_or(format));
    let field = |name| grammar.and_then(|grammar| grammar.get(name)).and_then(Value::as_str);
    let Some(definition) = field("definition") else { return description };
    let syntax = field("syntax").unwrap_or("grammar");
    let described = description.map(|text| text + "\n\n").unwrap_or_default();
    Some(format!("{described}The input must match this {syntax} grammar:\n{definition}"))
}

/// A tool that the provider itself would run, and which no other provider can.
pub struct Hosted {
    pub name: &'static str,
    pub forced: bool,
    /// Whether answers are of use without it: a search is, a client's own documents are not.
    pub optional: bool,
}

impl Hosted {
    /// What is merely offered beside other tools is dropped; what the request is about is refused.
    pub fn settle(&self, request: &Request, at: &At<'_>, dropped: &mut Dropped) -> Result<(), Untranslatable> {
        if self.optional && !self.forced && !request.tools.is_empty() {
            dropped.add(self.name);
            return Ok(());
        }
        Err(at.untranslatable("is a tool that only its own provider can run; leave it out or choose such a target"))
    }
}

/// Makes every tool a function with a name that the target takes, and remembers in `asked` how to turn calls back.
pub fn lower(request: &mut Request, asked: &mut Asked) {
    for tool in &mut request.tools {
        let wire_name = wire_name(&tool.name);
        if wire_name != tool.name || tool.kind != ToolKind::Function {
            remember(asked, &tool.name, &wire_name, tool.kind);
        }
        tool.name = wire_name;
        match std::mem::take(&mut tool.kind) {
            ToolKind::Function => continue,
            ToolKind::Custom => tool.schema = custom_schema(),
            ToolKind::LocalShell => tool.schema = local_shell_schema(),
        }
    }
    if let Some(ToolChoice::Named(name)) = &mut request.tool_choice {
        *name = wire_name(name);
    }
    for part in request.messages.iter_mut().flat_map(|message| &mut message.parts) {
        if let Part::ToolCall(call) = part {
            call.name = wire_name(&call.name);
            if std::mem::take(&mut call.kind) == ToolKind::Custom {
                call.arguments = json!({ "input": &call.arguments }).to_string();
            }
        }
    }
}

fn remember(asked: &mut Asked, name: &str, wire_name: &str, kind: ToolKind) {
    match asked.tools.iter_mut().find(|tool| tool.wire_name == name) {
        Some(tool) => tool.wire_name = wire_name.to_owned(),
        None => {
            let (name, wire_name) = (name.to_owned(), wire_name.to_owned());
            asked.tools.push(AskedTool { wire_name, name, namespace: None, kind });
        }
    }
}

impl Asked {
    /// The tool that the provider calls `wire_name`, if the client knows it otherwise.
    pub fn tool(&self, wire_name: &str) -> Option<&AskedTool> {
        self.tools.iter().find(|tool| tool.wire_name == wire_name)
    }

    /// A provider's call as the client offered the tool.
    pub fn raise(&self, call: &ToolCall) -> ToolCall {
        let Some(tool) = self.tool(&call.name) else { return call.clone() };
        let arguments = match tool.kind {
            ToolKind::Custom => custom_input(&call.arguments),
            ToolKind::Function | ToolKind::LocalShell => call.arguments.clone(),
        };
        ToolCall { name: tool.name.clone(), kind: tool.kind, arguments, ..call.clone() }
    }
}

/// The free text in the arguments of a lowered custom tool; all of them if the model did not keep to the schema.
pub fn custom_input(arguments: &str) -> String {
    let parsed: Option<Value> = crate::json::parse(arguments.as_bytes()).ok();
    let input = parsed.as_ref().and_then(|parsed| parsed.get("input")).and_then(Value::as_str);
    input.unwrap_or(arguments).to_owned()
}

fn custom_schema() -> Value {
    json!({
        "type": "object",
        "properties": { "input": { "type": "string" } },
        "required": ["input"],
        "additionalProperties": false,
    })
}

fn local_shell_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "command": { "type": "array", "items": { "type": "string" }, "description": "The program and its arguments" },
            "working_directory": { "type": "string" },
            "timeout_ms": { "type": "integer" },
        },
        "required": ["command"],
    })
}

/// Calls name tools that are no longer offered, and Messages wants every called tool declared: with this they are,
/// and none can be called.
pub fn declare_called(request: &mut Request) {
    if !request.tools.is_empty() {
        return;
    }
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    for part in parts {
        let Part::ToolCall(ToolCall { name, .. }) = part else { continue };
        if request.tools.iter().all(|tool| tool.name != *name) {
            let (name, kind, schema) = (name.clone(), ToolKind::Function, open_schema());
            request.tools.push(Tool { name, description: None, kind, schema, strict: None, cache: None });
        }
    }
    if !request.tools.is_empty() {
        request.tool_choice = Some(ToolChoice::None);
    }
}

/// A name that every dialect takes: letters, digits, `_` and `-`. One that had to be changed ends with a hash, so that
/// two of them stay apart.
pub fn wire_name(name: &str) -> String {
    fit(name, NAME_MAX)
}

/// A call's id, likewise. OpenAI takes 40 characters.
pub fn wire_id(id: &str) -> String {
    fit(id, 40)
}

fn fit(name: &str, length_max: usize) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || character == '_' || character == '-';
    if !name.is_empty() && name.len() <= length_max && name.chars().all(is_plain) {
        return name.to_owned();
    }
    let suffix = format!("_{:08x}", hash(name) as u32);
    let plain = name.chars().map(|character| if is_plain(character) { character } else { '_' });
    plain.take(length_max - suffix.len()).chain(suffix.chars()).collect()
}

/// An id for a call that the provider gave none: different in every answer, the same whenever this one is read.
pub fn made_id(answer_id: &str, index: usize) -> String {
    format!("call_{:016x}_{index}", hash(answer_id))
}

/// Without a random seed: the same in every VM and at every try.
pub fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use crate::json::json;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{custom_input, describe_format, fit, wire_id, wire_name};

    #[test]
    fn names_and_ids_fit_and_stay_apart() {
        let long = "mcp__server__".to_owned() + &"x".repeat(60);
        let rows = [
            ("read_file", true),
            ("a-B_9", true),
            ("files.read", false),
            ("größe", false),
            ("", false),
            (&long, false),
        ];
        for (name, kept) in rows {
            let wire = wire_name(name);
            assert_eq!(wire == name, kept, "{name}");
            assert!(wire.len() <= 64 && fit(&wire, 64) == wire, "{wire}");
        }
        assert_ne!(wire_name("a.b"), wire_name("a:b"));
        assert!(wire_id("functions.get_weather:0").starts_with("functions_get_weather_0_"));
        assert_eq!(wire_id("toolu_01DYJo37oETVsCdLTTcCWcdq"), "toolu_01DYJo37oETVsCdLTTcCWcdq");
    }

    #[test]
    fn free_text_comes_out_of_its_function() {
        for (arguments, input) in
            [(r#"{"input":"a\nb"}"#, "a\nb"), ("plain", "plain"), (r#"{"other":1}"#, r#"{"other":1}"#)]
        {
            assert_eq!(custom_input(arguments), input);
        }
    }

    #[test]
    fn a_grammar_is_described() {
        let grammar = json!({ "type": "grammar", "syntax": "lark", "definition": "start: \"a\"" });
        let nested = json!({ "type": "grammar", "grammar": { "syntax": "lark", "definition": "start: \"a\"" } });
        for format in [grammar, nested] {
            let described = describe_format(Some("Edits.".to_owned()), Some(format)).unwrap();
            assert_eq!(described, "Edits.\n\nThe input must match this lark grammar:\nstart: \"a\"");
        }
        assert_eq!(describe_format(None, Some(json!({ "type": "text" }))), None);
    }
}

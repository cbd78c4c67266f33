//! The tools that a Chat Completions request offers, and how they may be used.

use crate::dialect::fields::{At, Dropped, Fields};
use crate::dialect::model::{Request, Tool, ToolChoice, ToolKind};
use crate::dialect::tools::{describe_format, open_schema};
use crate::dialect::{Asked, Untranslatable};
use crate::json::Value;

pub fn read(
    fields: &mut Fields<'_>,
    request: &mut Request,
    asked: &mut Asked,
    dropped: &mut Dropped,
) -> Result<(), Untranslatable> {
    let at = At::Root.name("tools");
    for (index, value) in fields.list("tools")?.into_iter().enumerate() {
        request.tools.push(read_tool(value, at.index(index), dropped)?);
    }
    let at = At::Root.name("functions");
    for (index, value) in fields.list("functions")?.into_iter().enumerate() {
        asked.legacy_functions = true;
        request.tools.push(read_function(Fields::new(at.index(index), value)?, dropped)?);
    }
    request.parallel_tool_calls = fields.bool("parallel_tool_calls")?;
    if asked.legacy_functions {
        // A `function_call` holds one call.
        request.parallel_tool_calls = Some(false);
    }
    request.tool_choice = match (fields.take("tool_choice"), fields.take("function_call")) {
        (Some(value), _) => Some(read_choice(value, At::Root.name("tool_choice"), request)?),
        (None, Some(value)) => Some(read_legacy_choice(value, At::Root.name("function_call"))?),
        (None, None) => None,
    };
    Ok(())
}

fn read_tool(value: Value, at: At<'_>, dropped: &mut Dropped) -> Result<Tool, Untranslatable> {
    let mut tool = Fields::new(at, value)?;
    match tool.string("type")?.as_deref() {
        None | Some("function") => {
            let at = at.name("function");
            let mut read = read_function(Fields::new(at, tool.take("function").unwrap_or_default())?, dropped)?;
            read.cache = tool.take("cache_control").or(read.cache);
            Ok(read)
        }
        Some("custom") => {
            let at = at.name("custom");
            let mut custom = Fields::new(at, tool.take("custom").unwrap_or_default())?;
            let name = custom.text("name")?;
            let description = describe_format(custom.string("description")?, custom.take("format"));
            Ok(Tool { name, description, kind: ToolKind::Custom, schema: open_schema(), strict: None, cache: None })
        }
        Some(_) => Err(at.name("type").untranslatable("is a kind of tool that the target has not; use function")),
    }
}

fn read_function(mut function: Fields<'_>, dropped: &mut Dropped) -> Result<Tool, Untranslatable> {
    let tool = Tool {
        name: function.text("name")?,
        description: function.string("description")?,
        kind: ToolKind::Function,
        schema: function.take("parameters").unwrap_or_else(open_schema),
        strict: function.bool("strict")?,
        cache: function.take("cache_control"),
    };
    function.drop_rest(&[], dropped);
    Ok(tool)
}

fn read_choice(value: Value, at: At<'_>, request: &mut Request) -> Result<ToolChoice, Untranslatable> {
    if let Some(mode) = value.as_str() {
        return ToolChoice::from_openai(mode)
            .ok_or_else(|| at.untranslatable("must be auto, none, required or name a tool"));
    }
    let mut choice = Fields::new(at, value)?;
    let kind = choice.text("type")?;
    match kind.as_str() {
        "function" | "custom" => {
            let at = at.name(&kind);
            Ok(ToolChoice::Named(Fields::new(at, choice.take(&kind).unwrap_or_default())?.text("name")?))
        }
        "allowed_tools" => {
            let at = at.name("allowed_tools");
            let mut allowed = Fields::new(at, choice.take("allowed_tools").unwrap_or_default())?;
            let at_tools = at.name("tools");
            let mut names = Vec::new();
            for (index, tool) in allowed.list("tools")?.into_iter().enumerate() {
                let at = at_tools.index(index);
                let mut tool = Fields::new(at, tool)?;
                let kind = tool.text("type")?;
                let at_kind = at.name(&kind);
                names.push(Fields::new(at_kind, tool.take(&kind).unwrap_or_default())?.text("name")?);
            }
            request.tools.retain(|tool| names.contains(&tool.name));
            let mode = allowed.string("mode")?.unwrap_or_default();
            Ok(ToolChoice::from_openai(&mode).unwrap_or(ToolChoice::Auto))
        }
        _ => Err(at.name("type").untranslatable("must be function, custom or allowed_tools")),
    }
}

fn read_legacy_choice(value: Value, at: At<'_>) -> Result<ToolChoice, Untranslatable> {
    match value.as_str() {
        Some("none") => Ok(ToolChoice::None),
        Some("auto") => Ok(ToolChoice::Auto),
        Some(_) => Err(at.untranslatable("must be auto, none or name a function")),
        None => Ok(ToolChoice::Named(Fields::new(at, value)?.text("name")?)),
    }
}

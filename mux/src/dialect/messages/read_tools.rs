//! The tools that a Messages request offers, and how they may be used.

use crate::dialect::Untranslatable;
use crate::dialect::fields::{At, Dropped, Fields};
use crate::dialect::model::{Request, Tool, ToolChoice, ToolKind};
use crate::dialect::tools::{Hosted, open_schema};
use crate::json::Value;

/// Known fields of a tool without a counterpart elsewhere.
const IGNORABLE: &[&str] = &["eager_input_streaming", "defer_loading", "input_examples", "allowed_callers"];

pub fn read(fields: &mut Fields<'_>, request: &mut Request, dropped: &mut Dropped) -> Result<(), Untranslatable> {
    let at = At::Root.name("tools");
    let mut hosted = Vec::new();
    for (index, value) in fields.list("tools")?.into_iter().enumerate() {
        let mut tool = Fields::new(at.index(index), value)?;
        let kind = tool.string("type")?;
        match kind.as_deref() {
            None | Some("custom") => request.tools.push(read_tool(tool, dropped)?),
            Some(kind) => hosted.push((index, tool.string("name")?, is_search(kind))),
        }
    }
    if let Some(value) = fields.take("tool_choice") {
        read_choice(value, request)?;
    }
    for (index, name, optional) in hosted {
        let forced =
            matches!((&request.tool_choice, name), (Some(ToolChoice::Named(chosen)), Some(name)) if *chosen == name);
        let name = if optional { "web_search" } else { "tools" };
        Hosted { name, forced, optional }.settle(request, &at.index(index), dropped)?;
    }
    Ok(())
}

fn is_search(kind: &str) -> bool {
    kind.starts_with("web_search_") || kind.starts_with("web_fetch_")
}

fn read_tool(mut tool: Fields<'_>, dropped: &mut Dropped) -> Result<Tool, Untranslatable> {
    let read = Tool {
        name: tool.text("name")?,
        description: tool.string("description")?,
        kind: ToolKind::Function,
        schema: tool.take("input_schema").unwrap_or_else(open_schema),
        strict: tool.bool("strict")?,
        cache: tool.take("cache_control"),
    };
    tool.drop_rest(IGNORABLE, dropped);
    Ok(read)
}

fn read_choice(value: Value, request: &mut Request) -> Result<(), Untranslatable> {
    let at = At::Root.name("tool_choice");
    let mut choice = Fields::new(at, value)?;
    request.tool_choice = Some(match choice.text("type")?.as_str() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Named(choice.text("name")?),
        _ => return Err(at.name("type").untranslatable("must be auto, any, none or tool")),
    });
    request.parallel_tool_calls = choice.bool("disable_parallel_tool_use")?.map(|disabled| !disabled);
    Ok(())
}

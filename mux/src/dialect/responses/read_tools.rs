//! The tools that a Responses request offers, and how they may be used.

use crate::dialect::fields::{At, Dropped, Fields};
use crate::dialect::model::{Request, Tool, ToolChoice, ToolKind};
use crate::dialect::tools::{Hosted, describe_format, open_schema};
use crate::dialect::{Asked, AskedTool, Untranslatable};

/// The name under which `local_shell`, which has none, is offered.
pub const LOCAL_SHELL: &str = "local_shell";

pub fn read(
    fields: &mut Fields<'_>,
    request: &mut Request,
    asked: &mut Asked,
    dropped: &mut Dropped,
) -> Result<(), Untranslatable> {
    let at = At::Root.name("tools");
    let mut hosted = Vec::new();
    for (index, value) in fields.list("tools")?.into_iter().enumerate() {
        let at = at.index(index);
        let mut tool = Fields::new(at, value)?;
        let kind = tool.text("type")?;
        if kind == "namespace" {
            let namespace = tool.text("name")?;
            let at_tools = at.name("tools");
            for (index, value) in tool.list("tools")?.into_iter().enumerate() {
                let at = at_tools.index(index);
                let mut tool = Fields::new(at, value)?;
                let kind = tool.text("type")?;
                let mut read = read_tool(tool, &kind, dropped)?
                    .ok_or_else(|| at.name("type").untranslatable("must be function or custom"))?;
                join(&mut read, &namespace, asked);
                request.tools.push(read);
            }
            // Its description is for the choice among namespaces.
            dropped.add("namespace");
        } else if let Some(read) = read_tool(tool, &kind, dropped)? {
            request.tools.push(read);
        } else {
            hosted.push((index, kind));
        }
    }
    request.parallel_tool_calls = fields.bool("parallel_tool_calls")?;
    let forced = read_choice(fields, request)?;
    for (index, kind) in hosted {
        let optional = kind.starts_with("web_search") || kind == "image_generation";
        let name = if kind.starts_with("web_search") { "web_search" } else { "image_generation" };
        let forced = forced.as_deref() == Some(kind.as_str());
        Hosted { name, forced, optional }.settle(request, &at.index(index), dropped)?;
    }
    Ok(())
}

/// `None` for a tool that OpenAI would run.
fn read_tool(mut tool: Fields<'_>, kind: &str, dropped: &mut Dropped) -> Result<Option<Tool>, Untranslatable> {
    let read = match kind {
        "function" => Tool {
            name: tool.text("name")?,
            description: tool.string("description")?,
            kind: ToolKind::Function,
            schema: tool.take("parameters").unwrap_or_else(open_schema),
            strict: tool.bool("strict")?,
            cache: None,
        },
        "custom" => Tool {
            name: tool.text("name")?,
            description: describe_format(tool.string("description")?, tool.take("format")),
            kind: ToolKind::Custom,
            schema: open_schema(),
            strict: None,
            cache: None,
        },
        "local_shell" => Tool {
            name: LOCAL_SHELL.to_owned(),
            description: Some("Runs a command on the user's machine and gives its output.".to_owned()),
            kind: ToolKind::LocalShell,
            schema: open_schema(),
            strict: None,
            cache: None,
        },
        _ => return Ok(None),
    };
    tool.drop_rest(&["defer_loading"], dropped);
    Ok(Some(read))
}

/// Others have no namespaces: the tool's name takes it in, and `asked` knows how to part them.
fn join(tool: &mut Tool, namespace: &str, asked: &mut Asked) {
    let joined = joined_name(Some(namespace), &tool.name);
    let name = std::mem::replace(&mut tool.name, joined.clone());
    asked.tools.push(AskedTool { wire_name: joined, name, namespace: Some(namespace.to_owned()), kind: tool.kind });
}

pub fn joined_name(namespace: Option<&str>, name: &str) -> String {
    namespace.map_or_else(|| name.to_owned(), |namespace| format!("{namespace}__{name}"))
}

/// Gives the kind of the hosted tool that is forced, if one is.
fn read_choice(fields: &mut Fields<'_>, request: &mut Request) -> Result<Option<String>, Untranslatable> {
    let at = At::Root.name("tool_choice");
    let Some(value) = fields.take("tool_choice") else { return Ok(None) };
    if let Some(mode) = value.as_str() {
        let choice = ToolChoice::from_openai(mode);
        request.tool_choice =
            Some(choice.ok_or_else(|| at.untranslatable("must be auto, none, required or name a tool"))?);
        return Ok(None);
    }
    let mut choice = Fields::new(at, value)?;
    let kind = choice.text("type")?;
    match kind.as_str() {
        "function" | "custom" => {
            let namespace = choice.string("namespace")?;
            request.tool_choice = Some(ToolChoice::Named(joined_name(namespace.as_deref(), &choice.text("name")?)));
        }
        "local_shell" => request.tool_choice = Some(ToolChoice::Named(LOCAL_SHELL.to_owned())),
        "allowed_tools" => {
            let at_tools = at.name("tools");
            let mut names = Vec::new();
            for (index, value) in choice.list("tools")?.into_iter().enumerate() {
                let mut tool = Fields::new(at_tools.index(index), value)?;
                let kind = tool.text("type")?;
                names.push(tool.string("name")?.unwrap_or(kind));
            }
            request.tools.retain(|tool| names.contains(&tool.name));
            let mode = choice.string("mode")?.unwrap_or_default();
            request.tool_choice = Some(ToolChoice::from_openai(&mode).unwrap_or(ToolChoice::Auto));
        }
        _ => return Ok(Some(kind)),
    }
    Ok(None)
}

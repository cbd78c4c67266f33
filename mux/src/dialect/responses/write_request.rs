//! A Responses request, which keeps nothing at OpenAI.

use super::write_items;
use crate::dialect::fields::{At, Dropped};
use crate::dialect::model::{Format, Request, Thinking, Tool, ToolChoice};
use crate::dialect::shared::{openai_effort, put};
use crate::dialect::thinking::never_thinks;
use crate::dialect::{Context, Untranslatable};
use crate::json::{Map, Value, json};

pub fn write_request(request: Request, context: &Context<'_>, dropped: &mut Dropped) -> Result<Value, Untranslatable> {
    if !request.stop.is_empty() {
        let reason = "has no counterpart in the target's API, which stops at no sequence; leave it out";
        return Err(At::Root.name("stop").untranslatable(reason));
    }
    let mut body = Map::new();
    put(&mut body, "model", Some(context.model));
    put(&mut body, "store", Some(false));
    write_settings(&request, context, &mut body, dropped);
    if !request.tools.is_empty() {
        write_tools(&request, &mut body, dropped);
    }
    let items = write_items::write(request.messages, dropped)?;
    body.insert("input", Value::Array(items));
    Ok(Value::Object(body))
}

fn write_settings(request: &Request, context: &Context<'_>, body: &mut Map, dropped: &mut Dropped) {
    put(body, "stream", Some(true).filter(|_| request.stream));
    put(body, "max_output_tokens", request.max_tokens);
    put(body, "temperature", request.temperature);
    put(body, "top_p", request.top_p);
    dropped.add_if(request.top_k.is_some(), "top_k");
    dropped.add_if(request.seed.is_some(), "seed");
    let is_set = |penalty: Option<f64>| penalty.is_some_and(|penalty| penalty != 0.0);
    dropped.add_if(is_set(request.frequency_penalty), "frequency_penalty");
    dropped.add_if(is_set(request.presence_penalty), "presence_penalty");
    let effort = request.thinking.and_then(Thinking::effort).filter(|_| !never_thinks(context.model));
    dropped.add_if(request.thinking.is_some() && effort.is_none(), "thinking");
    put(body, "reasoning", effort.map(|effort| json!({ "effort": openai_effort(effort) })));
    let mut text = Map::new();
    put(&mut text, "format", request.format.as_ref().map(format));
    put(&mut text, "verbosity", request.verbosity.as_deref());
    put(body, "text", Some(text).filter(|text| !text.is_empty()));
    let user = request.user.as_deref().filter(|user| user.chars().count() <= 64);
    dropped.add_if(request.user.as_deref() != user, "user");
    put(body, "user", user);
    put(body, "metadata", request.metadata.clone());
    put(body, "service_tier", request.service_tier.map(|tier| tier.to_openai()));
    put(body, "prompt_cache_key", request.prompt_cache_key.as_deref());
}

fn format(format: &Format) -> Value {
    let (kind, fields) = format.to_openai();
    let mut written = Map::new();
    put(&mut written, "type", Some(kind));
    written.extend(fields);
    Value::Object(written)
}

fn write_tools(request: &Request, body: &mut Map, dropped: &mut Dropped) {
    dropped.add_if(request.tools.iter().any(|tool| tool.cache.is_some()), "cache_control");
    body.insert("tools", Value::Array(request.tools.iter().map(write_tool).collect()));
    let choice = request.tool_choice.as_ref().map(|choice| match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Named(name) => json!({ "type": "function", "name": name }),
    });
    put(body, "tool_choice", choice);
    put(body, "parallel_tool_calls", request.parallel_tool_calls);
}

fn write_tool(tool: &Tool) -> Value {
    let mut written = Map::new();
    put(&mut written, "type", Some("function"));
    put(&mut written, "name", Some(tool.name.as_str()));
    put(&mut written, "description", tool.description.as_deref());
    written.insert("parameters", tool.schema.clone());
    // Unlike elsewhere, it is on unless told otherwise.
    put(&mut written, "strict", Some(tool.strict.unwrap_or(false)));
    Value::Object(written)
}

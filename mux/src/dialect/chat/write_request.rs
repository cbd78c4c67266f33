//! A Chat Completions request.

use super::write_messages;
use crate::dialect::fields::{At, Dropped};
use crate::dialect::model::{Format, Request, Thinking, Tool, ToolChoice};
use crate::dialect::shared::{openai_effort, put};
use crate::dialect::thinking::{is_openai_reasoning, never_thinks};
use crate::dialect::{Context, Untranslatable};
use crate::json::{Map, Value, json};

const STOP_MAX: usize = 4;
/// Characters of `user` that OpenAI takes.
const USER_CHARACTERS_MAX: usize = 64;

pub fn write_request(request: Request, context: &Context<'_>, dropped: &mut Dropped) -> Result<Value, Untranslatable> {
    let mut body = Map::new();
    put(&mut body, "model", Some(context.model));
    write_settings(&request, context, &mut body, dropped)?;
    write_tools(&request, context, &mut body, dropped);
    let messages = write_messages::write(request.messages, context, dropped)?;
    body.insert("messages", Value::Array(messages));
    Ok(Value::Object(body))
}

fn write_settings(
    request: &Request,
    context: &Context<'_>,
    body: &mut Map,
    dropped: &mut Dropped,
) -> Result<(), Untranslatable> {
    if request.stop.len() > STOP_MAX {
        let at = At::Root;
        return Err(at
            .name("stop_sequences")
            .untranslatable("has more than the 4 that the target's API takes; shorten it"));
    }
    let max_tokens = if is_openai_reasoning(context.model) { "max_completion_tokens" } else { "max_tokens" };
    put(body, max_tokens, request.max_tokens);
    put(body, "temperature", request.temperature);
    put(body, "top_p", request.top_p);
    put(body, "seed", request.seed);
    put(body, "frequency_penalty", request.frequency_penalty);
    put(body, "presence_penalty", request.presence_penalty);
    put(body, "stop", Some(request.stop.clone()).filter(|stop| !stop.is_empty()));
    put(body, "top_k", request.top_k.filter(|_| context.extensions));
    dropped.add_if(request.top_k.is_some() && !context.extensions, "top_k");
    write_thinking(request.thinking, context, body, dropped);
    put(body, "response_format", request.format.as_ref().map(format));
    put(body, "verbosity", request.verbosity.as_deref());
    let user = request.user.as_deref();
    let fitting = user.filter(|user| user.chars().count() <= USER_CHARACTERS_MAX);
    dropped.add_if(user != fitting, "user");
    put(body, "user", fitting);
    // OpenAI takes it only of answers that it is to keep.
    dropped.add_if(request.metadata.is_some(), "metadata");
    put(body, "service_tier", request.service_tier.map(|tier| tier.to_openai()));
    put(body, "prompt_cache_key", request.prompt_cache_key.as_deref());
    if request.stream {
        body.insert("stream", json!(true));
        body.insert("stream_options", json!({ "include_usage": true }));
    }
    Ok(())
}

/// `none` is a word of the newest models alone, and what others do when told nothing.
fn write_thinking(thinking: Option<Thinking>, context: &Context<'_>, body: &mut Map, dropped: &mut Dropped) {
    let effort = thinking.and_then(Thinking::effort).filter(|_| !never_thinks(context.model));
    put(body, "reasoning_effort", effort.map(openai_effort));
    dropped.add_if(thinking.is_some() && effort.is_none(), "thinking");
}

fn format(format: &Format) -> Value {
    let (kind, fields) = format.to_openai();
    if fields.is_empty() { json!({ "type": kind }) } else { json!({ "type": kind, kind: fields }) }
}

/// How tools may be used is told only where there are any: OpenAI refuses it otherwise.
fn write_tools(request: &Request, context: &Context<'_>, body: &mut Map, dropped: &mut Dropped) {
    if request.tools.is_empty() {
        return;
    }
    let tools = request.tools.iter().map(|tool| write_tool(tool, context, dropped)).collect();
    body.insert("tools", Value::Array(tools));
    let choice = request.tool_choice.as_ref().map(|choice| match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Named(name) => json!({ "type": "function", "function": { "name": name } }),
    });
    put(body, "tool_choice", choice);
    put(body, "parallel_tool_calls", request.parallel_tool_calls);
}

fn write_tool(tool: &Tool, context: &Context<'_>, dropped: &mut Dropped) -> Value {
    let mut function = Map::new();
    put(&mut function, "name", Some(tool.name.as_str()));
    put(&mut function, "description", tool.description.as_deref());
    function.insert("parameters", tool.schema.clone());
    put(&mut function, "strict", tool.strict);
    let mut written = json!({ "type": "function", "function": function });
    write_messages::write_cache(&mut written, tool.cache.as_ref(), context, dropped);
    written
}

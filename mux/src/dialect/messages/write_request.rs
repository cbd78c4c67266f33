//! A Messages request.

use super::write_messages;
use crate::dialect::fields::{At, Dropped};
use crate::dialect::model::{Effort, Format, Part, Request, Role, ServiceTier, Thinking, Tool, ToolChoice};
use crate::dialect::shared::put;
use crate::dialect::thinking::{BUDGET_MIN, budget_within, claude_version, is_adaptive, never_thinks, takes_sampling};
use crate::dialect::tools::declare_called;
use crate::dialect::{Context, Untranslatable};
use crate::json::{Map, Value, json};

pub fn write_request(
    mut request: Request,
    context: &Context<'_>,
    dropped: &mut Dropped,
) -> Result<Value, Untranslatable> {
    refuse(&request)?;
    declare_called(&mut request);
    let max_tokens = request.max_tokens.unwrap_or(context.max_tokens_default);
    let thinking = thinking(&request, context, max_tokens, dropped);
    let mut body = Map::new();
    put(&mut body, "model", Some(context.model));
    put(&mut body, "max_tokens", Some(max_tokens));
    write_sampling(&request, context, thinking, &mut body, dropped);
    write_output(&request, context, thinking, &mut body);
    write_tools(&request, &mut body);
    put(&mut body, "metadata", request.user.as_deref().map(|user| json!({ "user_id": user })));
    write_tier(&request, &mut body, dropped);
    put(&mut body, "stream", Some(true).filter(|_| request.stream));
    dropped.add_if(request.verbosity.is_some(), "verbosity");
    dropped.add_if(request.metadata.is_some(), "metadata");
    dropped.add_if(request.prompt_cache_key.is_some(), "prompt_cache_key");
    let (system, messages) = write_messages::write(request.messages, dropped)?;
    put(&mut body, "system", system);
    body.insert("messages", Value::Array(messages));
    Ok(Value::Object(body))
}

fn refuse(request: &Request) -> Result<(), Untranslatable> {
    let at = At::Root;
    if request.temperature.is_some_and(|temperature| temperature > 1.0) {
        return Err(at
            .name("temperature")
            .untranslatable("is above 1, the most that the target's API takes; lower it"));
    }
    if request.format == Some(Format::JsonObject) {
        return Err(at
            .name("response_format")
            .untranslatable("asks for JSON of any shape, which the target's API cannot promise; use json_schema"));
    }
    Ok(())
}

/// What the target may be told about thinking. It thinks only where the answer has room for it and no tool is forced;
/// and, unless it decides by itself, only where an unfinished tool loop has begun with thoughts of its own.
fn thinking(request: &Request, context: &Context<'_>, max_tokens: u64, dropped: &mut Dropped) -> Option<Thinking> {
    let wanted = request.thinking?;
    if !wanted.is_on() {
        return Some(Thinking::Off).filter(|_| !never_thinks(context.model));
    }
    let adaptive = is_adaptive(context.model);
    let is_forced = matches!(request.tool_choice, Some(ToolChoice::Required | ToolChoice::Named(_)));
    let fits = adaptive || budget_within(BUDGET_MIN, max_tokens).is_some();
    let may = fits && !is_forced && !never_thinks(context.model) && (adaptive || !resumes_without_thoughts(request));
    dropped.add_if(!may, "thinking");
    may.then_some(wanted)
}

/// Messages demands that an assistant's turn whose tools have just run begins with its thoughts, signed; those of
/// another provider are not.
fn resumes_without_thoughts(request: &Request) -> bool {
    let is_result = |part: &Part| matches!(part, Part::ToolResult(_));
    // What says nothing is not written.
    let speaks = |parts: &[Part]| !parts.iter().any(is_result) && !parts.iter().all(write_messages::is_blank);
    let last_speech = request.messages.iter().rposition(|message| message.role == Role::User && speaks(&message.parts));
    let since = request.messages.get(last_speech.map_or(0, |at| at + 1)..).unwrap_or_default();
    let mut parts = since.iter().flat_map(|message| &message.parts);
    let calls = parts.clone().any(|part| matches!(part, Part::ToolCall(_)));
    calls && !parts.any(|part| matches!(part, Part::Thinking(thought) if thought.signature.is_some()))
}

/// With thinking on, a temperature and `top_k` are refused; newer models refuse temperature and `top_p` together.
fn write_sampling(
    request: &Request,
    context: &Context<'_>,
    thinking: Option<Thinking>,
    body: &mut Map,
    dropped: &mut Dropped,
) {
    let thinks = thinking.is_some_and(Thinking::is_on);
    let sampled = takes_sampling(context.model);
    let temperature = request.temperature.filter(|temperature| sampled && (!thinks || *temperature == 1.0));
    let top_k = request.top_k.filter(|_| sampled && !thinks);
    let either = claude_version(context.model).is_some_and(|version| version >= (4, 1));
    let top_p =
        request.top_p.filter(|top_p| sampled && (!thinks || *top_p >= 0.95) && !(either && temperature.is_some()));
    put(body, "temperature", temperature);
    put(body, "top_p", top_p);
    put(body, "top_k", top_k);
    put(body, "stop_sequences", Some(request.stop.clone()).filter(|stop| !stop.is_empty()));
    dropped.add_if(request.temperature != temperature, "temperature");
    dropped.add_if(request.top_p != top_p, "top_p");
    dropped.add_if(request.top_k != top_k, "top_k");
    dropped.add_if(request.seed.is_some(), "seed");
    let is_set = |penalty: Option<f64>| penalty.is_some_and(|penalty| penalty != 0.0);
    dropped.add_if(is_set(request.frequency_penalty), "frequency_penalty");
    dropped.add_if(is_set(request.presence_penalty), "presence_penalty");
}

/// `thinking`, and `output_config` with effort and format.
fn write_output(request: &Request, context: &Context<'_>, thinking: Option<Thinking>, body: &mut Map) {
    let mut config = Map::new();
    let max_tokens = body.get("max_tokens").and_then(Value::as_u64).unwrap_or_default();
    let adaptive = is_adaptive(context.model);
    let value = match thinking {
        None => None,
        Some(Thinking::Off) => Some(json!({ "type": "disabled" })),
        Some(on) if adaptive => {
            put(&mut config, "effort", on.effort().map(|effort| adaptive_effort(effort, context.model)));
            Some(json!({ "type": "adaptive" }))
        }
        Some(on) => {
            let wanted = match on {
                Thinking::Budget(budget) => budget,
                on => on.effort().unwrap_or(Effort::Medium).budget(),
            };
            budget_within(wanted, max_tokens).map(|budget| json!({ "type": "enabled", "budget_tokens": budget }))
        }
    };
    put(body, "thinking", value);
    if let Some(Format::JsonSchema { schema, .. }) = &request.format {
        config.insert("format", json!({ "type": "json_schema", "schema": schema }));
    }
    put(body, "output_config", Some(config).filter(|config| !config.is_empty()));
}

/// The words of `output_config.effort`; 4.6 has no `xhigh` yet.
fn adaptive_effort(effort: Effort, model: &str) -> &'static str {
    match effort {
        Effort::Minimal => Effort::Low.as_str(),
        Effort::XHigh if claude_version(model).is_some_and(|version| version < (4, 7)) => Effort::High.as_str(),
        effort => effort.as_str(),
    }
}

/// Whether calls may be parallel is a field of the choice.
fn write_tools(request: &Request, body: &mut Map) {
    if request.tools.is_empty() {
        return;
    }
    body.insert("tools", Value::Array(request.tools.iter().map(write_tool).collect()));
    let choice = match &request.tool_choice {
        Some(ToolChoice::None) => {
            body.insert("tool_choice", json!({ "type": "none" }));
            return;
        }
        None if request.parallel_tool_calls.is_none() => return,
        None | Some(ToolChoice::Auto) => json!({ "type": "auto" }),
        Some(ToolChoice::Required) => json!({ "type": "any" }),
        Some(ToolChoice::Named(name)) => json!({ "type": "tool", "name": name }),
    };
    let mut choice = choice.as_object().cloned().unwrap_or_default();
    put(&mut choice, "disable_parallel_tool_use", request.parallel_tool_calls.map(|parallel| !parallel));
    body.insert("tool_choice", Value::Object(choice));
}

fn write_tool(tool: &Tool) -> Value {
    let mut written = Map::new();
    put(&mut written, "name", Some(tool.name.as_str()));
    put(&mut written, "description", tool.description.as_deref().filter(|text| !text.is_empty()));
    let mut schema = tool.schema.clone();
    if let Some(map) = schema.as_object_mut()
        && !map.contains_key("type")
    {
        // Elsewhere it goes without saying.
        map.insert("type", json!("object"));
    }
    written.insert("input_schema", schema);
    // It is off unless asked for.
    put(&mut written, "strict", tool.strict.filter(|strict| *strict));
    put(&mut written, "cache_control", tool.cache.clone());
    Value::Object(written)
}

fn write_tier(request: &Request, body: &mut Map, dropped: &mut Dropped) {
    match request.service_tier {
        Some(ServiceTier::Auto) => put(body, "service_tier", Some("auto")),
        Some(ServiceTier::Standard) => put(body, "service_tier", Some("standard_only")),
        Some(ServiceTier::Flex | ServiceTier::Priority) => dropped.add("service_tier"),
        None => {}
    }
}

//! A Responses request's settings.

use super::{read_items, read_tools};
use crate::dialect::fields::{At, Dropped, Fields, is_empty};
use crate::dialect::model::{Format, Message, Part, Request, Role, ServiceTier};
use crate::dialect::shared::put;
use crate::dialect::{Reading, Untranslatable, read_effort};
use crate::json::{Map, Value};

/// Known fields without a counterpart elsewhere, which an answer does not depend on.
const IGNORABLE: &[&str] =
    &["client_metadata", "include", "max_tool_calls", "prompt_cache_retention", "stream_options", "truncation"];

/// What an answer repeats of its request.
const ECHOED: &[&str] = &[
    "instructions",
    "max_output_tokens",
    "metadata",
    "parallel_tool_calls",
    "reasoning",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_p",
    "truncation",
    "user",
];

pub fn read_request(body: Value) -> Result<Reading, Untranslatable> {
    let mut fields = Fields::new(At::Root, body)?;
    let mut reading = Reading::default();
    let Reading { request, asked, dropped } = &mut reading;
    asked.include_usage = true;
    asked.echo = echo(&fields);
    refuse(&mut fields)?;
    asked.model = fields.string("model")?.unwrap_or_default();
    if let Some(text) = fields.string("instructions")?.filter(|text| !text.is_empty()) {
        request.messages.push(Message { role: Role::System, parts: vec![Part::text(text)], name: None });
    }
    read_tools::read(&mut fields, request, asked, dropped)?;
    request.messages.extend(read_items::read(fields.take("input"), dropped)?);
    request.stream = fields.bool("stream")?.unwrap_or(false);
    request.max_tokens = fields.count("max_output_tokens")?;
    request.temperature = fields.float("temperature")?;
    request.top_p = fields.float("top_p")?;
    read_text(&mut fields, request, dropped)?;
    if let Some(value) = fields.take("reasoning") {
        let mut reasoning = Fields::new(At::Root.name("reasoning"), value)?;
        request.thinking = read_effort(&mut reasoning, "effort")?;
        reasoning.drop_rest(&["summary", "generate_summary"], dropped);
    }
    let user = fields.string("user")?;
    request.user = fields.string("safety_identifier")?.or(user);
    request.metadata = fields.take("metadata");
    request.prompt_cache_key = fields.string("prompt_cache_key")?;
    request.service_tier = fields.string("service_tier")?.and_then(|name| ServiceTier::from_openai(&name));
    fields.drop_rest(IGNORABLE, dropped);
    Ok(reading)
}

fn echo(fields: &Fields<'_>) -> Map {
    let mut echo = Map::new();
    for name in ECHOED {
        put(&mut echo, name, fields.peek(name));
    }
    echo
}

/// What is kept at OpenAI between requests, and what only OpenAI can do.
fn refuse(fields: &mut Fields<'_>) -> Result<(), Untranslatable> {
    let kept = "refers to what is kept at OpenAI, which the target has not; send the whole conversation in input";
    for name in ["previous_response_id", "conversation", "prompt"] {
        fields.refuse(name, is_empty, kept)?;
    }
    fields.refuse("background", is_empty, "asks to be answered later, which the target cannot; leave it out")?;
    fields.refuse("store", is_empty, "asks for the answer to be kept, which the target cannot; set it to false")?;
    let no_logprobs = "asks for token probabilities, which the target's API does not give; leave it out";
    fields.refuse("top_logprobs", is_empty, no_logprobs)?;
    if let Some(Value::Array(include)) = fields.peek("include")
        && include.iter().any(|item| item == "message.output_text.logprobs")
    {
        return Err(At::Root.name("include").untranslatable(no_logprobs));
    }
    fields.refuse("context_management", is_empty, "asks OpenAI to shorten the conversation; leave it out")
}

fn read_text(fields: &mut Fields<'_>, request: &mut Request, dropped: &mut Dropped) -> Result<(), Untranslatable> {
    let Some(value) = fields.take("text") else { return Ok(()) };
    let at = At::Root.name("text");
    let mut text = Fields::new(at, value)?;
    request.verbosity = text.string("verbosity")?;
    if let Some(value) = text.take("format") {
        let at = at.name("format");
        let mut format = Fields::new(at, value)?;
        request.format = match format.text("type")?.as_str() {
            "text" => None,
            "json_object" => Some(Format::JsonObject),
            "json_schema" => Some(Format::read_schema(&mut format)?),
            _ => return Err(at.name("type").untranslatable("must be text, json_object or json_schema")),
        };
    }
    text.drop_rest(&[], dropped);
    Ok(())
}

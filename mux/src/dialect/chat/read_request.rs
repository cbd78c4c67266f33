//! A Chat Completions request's settings.

use super::{read_messages, read_tools};
use crate::dialect::fields::{At, Fields, is_empty};
use crate::dialect::model::{Effort, Format, Request, ServiceTier, Thinking};
use crate::dialect::{Reading, Untranslatable, read_effort};
use crate::json::Value;

/// Known fields without a counterpart elsewhere, which an answer does not depend on.
const IGNORABLE: &[&str] = &["store", "prediction", "prompt_cache_retention", "stream_options"];

pub fn read_request(body: Value) -> Result<Reading, Untranslatable> {
    let mut fields = Fields::new(At::Root, body)?;
    let mut reading = Reading::default();
    refuse(&mut fields)?;
    read_stream(&mut fields, &mut reading)?;
    let Reading { request, asked, dropped } = &mut reading;
    asked.model = fields.string("model")?.unwrap_or_default();
    read_tools::read(&mut fields, request, asked, dropped)?;
    request.messages = read_messages::read(fields.list("messages")?, &At::Root.name("messages"), dropped)?;
    read_sampling(&mut fields, request)?;
    request.thinking = read_thinking(&mut fields)?;
    request.format = read_format(&mut fields)?;
    request.verbosity = fields.string("verbosity")?;
    let user = fields.string("user")?;
    request.user = fields.string("safety_identifier")?.or(user);
    request.metadata = fields.take("metadata");
    request.prompt_cache_key = fields.string("prompt_cache_key")?;
    request.service_tier = fields.string("service_tier")?.and_then(|name| ServiceTier::from_openai(&name));
    fields.drop_rest(IGNORABLE, dropped);
    Ok(reading)
}

/// What changes the answer and only Chat Completions can say.
fn refuse(fields: &mut Fields<'_>) -> Result<(), Untranslatable> {
    fields.refuse(
        "n",
        |n| n.as_u64() == Some(1),
        "asks for several answers, and the target's API gives one; leave it out",
    )?;
    let reason = "asks for token probabilities, which the target's API does not give; leave it out";
    fields.refuse("logprobs", is_empty, reason)?;
    fields.refuse("top_logprobs", is_empty, reason)?;
    fields.refuse(
        "logit_bias",
        is_empty,
        "changes token probabilities, which the target's API cannot; leave it out",
    )?;
    fields.refuse("audio", is_empty, "asks for audio, which the target's API does not give; leave it out")?;
    let is_text = |value: &Value| value.as_array().is_some_and(|list| list.iter().all(|item| item == "text"));
    fields.refuse(
        "modalities",
        is_text,
        "asks for other than text, which the target's API does not give; use [\"text\"]",
    )?;
    fields.refuse(
        "web_search_options",
        |_| false,
        "asks for a search by OpenAI, which the target has not; leave it out",
    )
}

fn read_stream(fields: &mut Fields<'_>, reading: &mut Reading) -> Result<(), Untranslatable> {
    reading.request.stream = fields.bool("stream")?.unwrap_or(false);
    if let Some(options) = fields.take("stream_options") {
        let at = At::Root.name("stream_options");
        let mut options = Fields::new(at, options)?;
        reading.asked.include_usage = options.bool("include_usage")?.unwrap_or(false);
        options.drop_rest(&["include_obfuscation"], &mut reading.dropped);
    }
    Ok(())
}

fn read_sampling(fields: &mut Fields<'_>, request: &mut Request) -> Result<(), Untranslatable> {
    let max_tokens = fields.count("max_tokens")?;
    request.max_tokens = fields.count("max_completion_tokens")?.or(max_tokens);
    request.temperature = fields.float("temperature")?;
    request.top_p = fields.float("top_p")?;
    request.top_k = fields.count("top_k").ok().flatten();
    request.seed = fields.integer("seed")?;
    request.frequency_penalty = fields.float("frequency_penalty")?;
    request.presence_penalty = fields.float("presence_penalty")?;
    request.stop = match fields.take("stop") {
        None => Vec::new(),
        Some(Value::String(text)) => vec![text.into_string()],
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        Some(_) => return Err(At::Root.name("stop").untranslatable("must be a string or a list of strings")),
    };
    Ok(())
}

/// OpenAI's `reasoning_effort`, or OpenRouter's `reasoning`.
fn read_thinking(fields: &mut Fields<'_>) -> Result<Option<Thinking>, Untranslatable> {
    let effort = read_effort(fields, "reasoning_effort")?;
    if effort.is_some() || !fields.peek("reasoning").is_some_and(Value::is_object) {
        return Ok(effort);
    }
    let at = At::Root.name("reasoning");
    let mut reasoning = Fields::new(at, fields.take("reasoning").unwrap_or_default())?;
    if reasoning.bool("enabled")? == Some(false) {
        return Ok(Some(Thinking::Off));
    }
    if let Some(budget) = reasoning.count("max_tokens")? {
        return Ok(Some(Thinking::Budget(budget)));
    }
    Ok(Some(read_effort(&mut reasoning, "effort")?.unwrap_or(Thinking::Effort(Effort::Medium))))
}

fn read_format(fields: &mut Fields<'_>) -> Result<Option<Format>, Untranslatable> {
    let Some(value) = fields.take("response_format") else { return Ok(None) };
    let at = At::Root.name("response_format");
    let mut format = Fields::new(at, value)?;
    match format.text("type")?.as_str() {
        "text" => Ok(None),
        "json_object" => Ok(Some(Format::JsonObject)),
        "json_schema" => {
            let at = at.name("json_schema");
            let mut inner = Fields::new(at, format.take("json_schema").unwrap_or_default())?;
            Format::read_schema(&mut inner).map(Some)
        }
        _ => Err(at.name("type").untranslatable("must be text, json_object or json_schema")),
    }
}

//! A Messages request's settings.

use super::{read_content, read_tools};
use crate::dialect::fields::{At, Dropped, Fields, is_empty};
use crate::dialect::model::{Effort, Format, Message, Request, Role, ServiceTier, Thinking};
use crate::dialect::{Reading, Untranslatable};
use crate::json::Value;

/// Known fields without a counterpart elsewhere, which an answer does not depend on.
const IGNORABLE: &[&str] = &["context_management", "cache_control", "betas", "speed"];

pub fn read_request(body: Value) -> Result<Reading, Untranslatable> {
    let mut fields = Fields::new(At::Root, body)?;
    let mut reading = Reading::default();
    fields.refuse("mcp_servers", is_empty, "names servers that only Anthropic calls; leave it out")?;
    fields.refuse("container", is_empty, "refers to a container that is kept at Anthropic; leave it out")?;
    fields.refuse(
        "inference_geo",
        is_empty,
        "binds the request to a region, which the target cannot promise; leave it out",
    )?;
    let Reading { request, asked, dropped } = &mut reading;
    // A stream of Messages always tells its usage.
    asked.include_usage = true;
    asked.model = fields.string("model")?.unwrap_or_default();
    read_system(&mut fields, request, dropped)?;
    read_messages(&mut fields, request, dropped)?;
    read_tools::read(&mut fields, request, dropped)?;
    request.stream = fields.bool("stream")?.unwrap_or(false);
    request.max_tokens = fields.count("max_tokens")?;
    request.temperature = fields.float("temperature")?;
    request.top_p = fields.float("top_p")?;
    request.top_k = fields.count("top_k")?;
    request.stop = read_stop(&mut fields)?;
    read_output(&mut fields, request, dropped)?;
    if let Some(value) = fields.take("metadata") {
        let mut metadata = Fields::new(At::Root.name("metadata"), value)?;
        request.user = metadata.string("user_id")?;
        metadata.drop_rest(&[], dropped);
    }
    request.service_tier = match fields.string("service_tier")?.as_deref() {
        Some("auto") => Some(ServiceTier::Auto),
        Some("standard_only") => Some(ServiceTier::Standard),
        _ => None,
    };
    fields.drop_rest(IGNORABLE, dropped);
    Ok(reading)
}

/// A string, or text blocks.
fn read_system(fields: &mut Fields<'_>, request: &mut Request, dropped: &mut Dropped) -> Result<(), Untranslatable> {
    let at = At::Root.name("system");
    let parts = read_content::read(fields.take("system"), &at, dropped)?;
    if !parts.is_empty() {
        request.messages.push(Message { role: Role::System, parts, name: None });
    }
    Ok(())
}

fn read_messages(fields: &mut Fields<'_>, request: &mut Request, dropped: &mut Dropped) -> Result<(), Untranslatable> {
    let at = At::Root.name("messages");
    for (index, value) in fields.list("messages")?.into_iter().enumerate() {
        let at = at.index(index);
        let mut message = Fields::new(at, value)?;
        let role = match message.text("role")?.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            _ => return Err(at.name("role").untranslatable("must be user or assistant")),
        };
        let parts = read_content::read(message.take("content"), &at.name("content"), dropped)?;
        message.drop_rest(&[], dropped);
        request.messages.push(Message { role, parts, name: None });
    }
    Ok(())
}

fn read_stop(fields: &mut Fields<'_>) -> Result<Vec<String>, Untranslatable> {
    let strings = fields.list("stop_sequences")?.into_iter().map(|item| match item {
        Value::String(text) => Ok(text.into_string()),
        _ => Err(At::Root.name("stop_sequences").untranslatable("must be a list of strings")),
    });
    strings.collect()
}

/// `thinking`, and `output_config` with its `effort` and `format` (`output_format` in the beta that came before).
fn read_output(fields: &mut Fields<'_>, request: &mut Request, dropped: &mut Dropped) -> Result<(), Untranslatable> {
    let at = At::Root.name("output_config");
    let mut config =
        Fields::new(at, fields.take("output_config").unwrap_or_else(|| Value::Object(Default::default())))?;
    let effort = config.string("effort")?.and_then(|name| Effort::parse(&name));
    let (value, at) = match config.take("format") {
        Some(value) => (Some(value), at.name("format")),
        None => (fields.take("output_format"), At::Root.name("output_format")),
    };
    config.drop_rest(&[], dropped);
    if let Some(value) = value {
        let mut format = Fields::new(at, value)?;
        if format.text("type")? != "json_schema" {
            return Err(at.name("type").untranslatable("must be json_schema"));
        }
        request.format = Some(Format::read_schema(&mut format)?);
    }
    request.thinking = read_thinking(fields, effort)?;
    Ok(())
}

fn read_thinking(fields: &mut Fields<'_>, effort: Option<Effort>) -> Result<Option<Thinking>, Untranslatable> {
    let Some(value) = fields.take("thinking") else { return Ok(effort.map(Thinking::Effort)) };
    let at = At::Root.name("thinking");
    let mut thinking = Fields::new(at, value)?;
    match thinking.text("type")?.as_str() {
        "disabled" => Ok(Some(Thinking::Off)),
        // Whether it may think before the first call or only between calls is no choice elsewhere.
        "adaptive" | "between_tools" => Ok(Some(Thinking::Adaptive(effort))),
        "enabled" => {
            let budget = thinking.count("budget_tokens")?;
            Ok(Some(budget.map_or(Thinking::Adaptive(effort), Thinking::Budget)))
        }
        _ => Err(at.name("type").untranslatable("must be enabled, adaptive, between_tools or disabled")),
    }
}

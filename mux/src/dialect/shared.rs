//! What several dialects spell alike.

use super::Untranslatable;
use super::fields::{At, Dropped, Fields};
use super::model::{Effort, Format, Part, ServiceTier, Thinking, ToolChoice};
use crate::json::{Map, Value, json};
use crate::usage::Usage;

impl ToolChoice {
    /// OpenAI's words.
    pub fn from_openai(mode: &str) -> Option<Self> {
        match mode {
            "auto" => Some(Self::Auto),
            "none" => Some(Self::None),
            "required" => Some(Self::Required),
            _ => None,
        }
    }
}

impl ServiceTier {
    /// OpenAI's words; others are a provider's own.
    pub fn from_openai(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            "default" => Some(Self::Standard),
            "flex" => Some(Self::Flex),
            "priority" => Some(Self::Priority),
            _ => None,
        }
    }

    pub fn to_openai(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Standard => "default",
            Self::Flex => "flex",
            Self::Priority => "priority",
        }
    }
}

impl Format {
    /// The fields around a JSON schema; Messages has only `schema`.
    pub fn read_schema(fields: &mut Fields<'_>) -> Result<Self, Untranslatable> {
        let Some(schema) = fields.take("schema") else {
            return Err(fields.at().name("schema").untranslatable("is missing and must be a JSON schema"));
        };
        let (name, description) = (fields.string("name")?, fields.string("description")?);
        Ok(Self::JsonSchema { name, description, schema, strict: fields.bool("strict")? })
    }

    /// As OpenAI has it: `type`, and what describes a schema. Chat puts the latter one level deeper.
    pub fn to_openai(&self) -> (&'static str, Map) {
        let mut fields = Map::new();
        let Self::JsonSchema { name, description, schema, strict } = self else { return ("json_object", fields) };
        fields.insert("name", json!(name.as_deref().unwrap_or("response")));
        put(&mut fields, "description", description.as_deref());
        fields.insert("schema", schema.clone());
        put(&mut fields, "strict", *strict);
        ("json_schema", fields)
    }
}

/// `null`, a string, or parts, of which a dialect has its own.
pub fn read_content(
    content: Option<Value>,
    at: &At<'_>,
    dropped: &mut Dropped,
    read_part: fn(Fields<'_>, &mut Dropped) -> Result<Part, Untranslatable>,
) -> Result<Vec<Part>, Untranslatable> {
    match content {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Part::text(text)]),
        Some(Value::Array(items)) => {
            let mut parts = Vec::with_capacity(items.len());
            for (index, value) in items.into_iter().enumerate() {
                parts.push(read_part(Fields::new(at.index(index), value)?, dropped)?);
            }
            Ok(parts)
        }
        Some(_) => Err(at.untranslatable("must be a string or a list of parts")),
    }
}

/// OpenAI's effort under `name`.
pub fn read_effort(fields: &mut Fields<'_>, name: &str) -> Result<Option<Thinking>, Untranslatable> {
    let Some(word) = fields.string(name)? else { return Ok(None) };
    if word == "none" {
        return Ok(Some(Thinking::Off));
    }
    let effort = Effort::parse(&word).map(Thinking::Effort);
    effort
        .map(Some)
        .ok_or_else(|| fields.at().name(name).untranslatable("must be none, minimal, low, medium, high or xhigh"))
}

/// OpenAI has no `max`.
pub fn openai_effort(effort: Effort) -> &'static str {
    effort.min(Effort::XHigh).as_str()
}

/// Sets a field that has a value.
pub fn put(map: &mut Map, name: &'static str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        map.insert(name, value.into());
    }
}

/// A usage object as `dialect` counts: Chat Completions and Responses count cached tokens as input, Messages beside it.
pub fn usage_value(dialect: super::Dialect, usage: &Usage) -> Value {
    let Usage { input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, raw: _ } =
        usage;
    let total = input_tokens.saturating_add(*output_tokens);
    let of_input = json!({ "cached_tokens": cached_input_tokens, "cache_write_tokens": cache_write_tokens });
    let of_output = json!({ "reasoning_tokens": reasoning_tokens });
    match dialect {
        super::Dialect::Messages => {
            let fresh = input_tokens.saturating_sub(*cached_input_tokens).saturating_sub(*cache_write_tokens);
            let mut value = json!({
                "input_tokens": fresh,
                "cache_creation_input_tokens": cache_write_tokens,
                "cache_read_input_tokens": cached_input_tokens,
                "output_tokens": output_tokens,
            });
            if let (Some(map), true) = (value.as_object_mut(), *reasoning_tokens > 0) {
                map.insert("output_tokens_details", json!({ "thinking_tokens": reasoning_tokens }));
            }
            value
        }
        super::Dialect::Responses => json!({
            "input_tokens": input_tokens,
            "input_tokens_details": of_input,
            "output_tokens": output_tokens,
            "output_tokens_details": of_output,
            "total_tokens": total,
        }),
        _ => json!({
            "prompt_tokens": input_tokens,
            "completion_tokens": output_tokens,
            "total_tokens": total,
            "prompt_tokens_details": of_input,
            "completion_tokens_details": of_output,
        }),
    }
}

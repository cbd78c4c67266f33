//! What a client wants, read from a request of any dialect.

use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Chat,
    Messages,
    Responses,
}

impl Dialect {
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Messages => "messages",
            Self::Responses => "responses",
        }
    }

    /// A type of provider that understands it.
    pub fn provider_type(self) -> &'static str {
        match self {
            Self::Chat => "vllm",
            Self::Messages => "anthropic",
            Self::Responses => "openai",
        }
    }

    /// A model as such providers have it: what is translated depends on its name.
    pub fn model(self) -> &'static str {
        match self {
            Self::Chat => "qwen3-coder",
            Self::Messages => "claude-sonnet-4-5",
            Self::Responses => "gpt-5",
        }
    }

    pub fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Messages => "/v1/messages",
            Self::Responses => "/v1/responses",
        }
    }
}

/// A tool that the client runs for the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    pub name: String,
    pub input: Input,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A JSON Schema.
    Json(Value),
    /// Any text.
    Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    Plain,
    Stream,
    /// A stream that says its usage; only chat makes the difference.
    StreamWithUsage,
}

#[derive(Debug)]
pub struct Ask {
    pub model: String,
    pub tools: Vec<Tool>,
    /// Tools that ran so far.
    pub results: usize,
    pub delivery: Delivery,
    /// Whether thoughts come before words and calls.
    pub thinks: bool,
    /// The conversation as it reached the model.
    pub conversation: Conversation,
}

/// Messages, or items, of one request.
#[derive(Debug)]
pub struct Conversation(Value);

impl Conversation {
    /// Whether any text of it holds `words`.
    pub fn holds(&self, words: &str) -> bool {
        fn any(value: &Value, words: &str) -> bool {
            match value {
                Value::String(text) => text.contains(words),
                Value::Array(items) => items.iter().any(|item| any(item, words)),
                Value::Object(fields) => fields.values().any(|field| any(field, words)),
                _ => false,
            }
        }
        any(&self.0, words)
    }
}

impl Ask {
    pub fn read(dialect: Dialect, body: &Value) -> Self {
        let turns = if dialect == Dialect::Responses { &body["input"] } else { &body["messages"] };
        let tools = list(&body["tools"]).filter_map(|tool| read_tool(dialect, tool)).collect();
        let delivery = match (&body["stream"], &body["stream_options"]["include_usage"]) {
            (Value::Bool(true), Value::Bool(true)) => Delivery::StreamWithUsage,
            (Value::Bool(true), _) if dialect == Dialect::Chat => Delivery::Stream,
            (Value::Bool(true), _) => Delivery::StreamWithUsage,
            _ => Delivery::Plain,
        };
        Self {
            model: text(&body["model"]),
            tools,
            results: list(turns).map(|turn| results(dialect, turn)).sum(),
            delivery,
            thinks: thinks(dialect, body),
            conversation: Conversation(turns.clone()),
        }
    }

    /// Whether the answer says what it used.
    pub fn hears_usage(&self) -> bool {
        self.delivery != Delivery::Stream
    }
}

/// Whether the model is to think. Models behind chat that can, do so unasked.
pub fn thinks(dialect: Dialect, body: &Value) -> bool {
    match dialect {
        Dialect::Chat => true,
        Dialect::Messages => body["thinking"].is_object() && body["thinking"]["type"] != "disabled",
        Dialect::Responses => body["reasoning"].is_object(),
    }
}

fn read_tool(dialect: Dialect, tool: &Value) -> Option<Tool> {
    let (named, schema) = match dialect {
        Dialect::Chat => (&tool["function"], &tool["function"]["parameters"]),
        Dialect::Messages => (tool, &tool["input_schema"]),
        Dialect::Responses => (tool, &tool["parameters"]),
    };
    let name = named["name"].as_str()?.to_owned();
    if dialect == Dialect::Responses && tool["type"] == json!("custom") {
        return Some(Tool { name, input: Input::Text });
    }
    schema.is_object().then(|| Tool { name, input: Input::Json(schema.clone()) })
}

/// Results of tools in one message or item.
fn results(dialect: Dialect, turn: &Value) -> usize {
    match dialect {
        Dialect::Chat => usize::from(turn["role"] == "tool"),
        Dialect::Messages => list(&turn["content"]).filter(|block| block["type"] == "tool_result").count(),
        Dialect::Responses => usize::from(turn["type"].as_str().is_some_and(|kind| kind.ends_with("_output"))),
    }
}

pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

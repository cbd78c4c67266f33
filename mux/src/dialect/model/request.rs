//! What a client asks for.

use super::{Cache, Part};
use crate::json::Value;

/// A request without `model`, which the target decides. A field that is `None` was not set by the client and is not
/// sent on, so that the provider's own default holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// In the order of the conversation, roles as they came: neighbours may have the same role.
    pub messages: Vec<Message>,
    pub tools: Vec<Tool>,
    pub tool_choice: Option<ToolChoice>,
    /// Whether the model may call several tools at once.
    pub parallel_tool_calls: Option<bool>,
    pub thinking: Option<Thinking>,
    pub format: Option<Format>,
    /// Tokens that the answer may have, reasoning included.
    pub max_tokens: Option<u64>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
    pub stop: Vec<String>,
    pub seed: Option<i64>,
    pub frequency_penalty: Option<f64>,
    pub presence_penalty: Option<f64>,
    /// How much to say: `low`, `medium`, `high`.
    pub verbosity: Option<String>,
    /// Stands for the end user, for the provider's abuse checks.
    pub user: Option<String>,
    /// OpenAI's 16 free pairs.
    pub metadata: Option<Value>,
    pub service_tier: Option<ServiceTier>,
    pub prompt_cache_key: Option<String>,
    pub stream: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub role: Role,
    pub parts: Vec<Part>,
    /// Who of several participants speaks (`name` of Chat Completions).
    pub name: Option<String>,
}

/// Tool results are parts of `User` messages, as Messages has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    System,
    Developer,
    User,
    Assistant,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    pub name: String,
    pub description: Option<String>,
    pub kind: ToolKind,
    /// JSON Schema of the arguments; an object without properties if the client gave none.
    pub schema: Value,
    /// Whether the arguments must follow the schema exactly.
    pub strict: Option<bool>,
    pub cache: Option<Cache>,
}

/// What a tool takes. Every dialect has function tools; writers spell the other kinds as such, and answers are turned
/// back by what [`crate::dialect::Asked`] remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ToolKind {
    #[default]
    Function,
    /// Free text (OpenAI's `custom` tools). As a function: one string, `input`.
    Custom,
    /// OpenAI's `local_shell`, which the client runs. As a function: the fields of its `exec` action.
    LocalShell,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ToolChoice {
    Auto,
    None,
    /// Any tool, but one.
    Required,
    /// The tool of this name.
    Named(String),
}

/// How much to reason before answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thinking {
    Off,
    Effort(Effort),
    /// Tokens.
    Budget(u64),
    /// As the model sees fit, if wanted within an effort.
    Adaptive(Option<Effort>),
}

/// Ordered: a larger one is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    Minimal,
    Low,
    Medium,
    High,
    XHigh,
    Max,
}

/// What shape the answer's text has.
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    /// Some JSON object, of any schema.
    JsonObject,
    JsonSchema {
        name: Option<String>,
        description: Option<String>,
        schema: Value,
        strict: Option<bool>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceTier {
    Auto,
    /// OpenAI's `default`, Anthropic's `standard_only`.
    Standard,
    Flex,
    Priority,
}

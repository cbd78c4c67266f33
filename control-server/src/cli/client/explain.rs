//! `muxspace explain`: where a request would go, and why.

use std::path::PathBuf;

use clap::Args;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::super::Failure;
use super::{Context, input, table};

pub const EXAMPLES: &str = "\
Examples:
  muxspace explain request.json
  muxspace explain request.json --workspace docs --header 'x-team=red'
  echo '{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}' | muxspace explain -
Nothing is sent to any provider.";

/// What the gateway takes as a prompt.
const BODY_BYTES_MAX: usize = 32 << 20;

#[derive(Args)]
pub struct Arguments {
    /// The body of a request as a client sends it; `-`: standard input
    file: PathBuf,
    /// By whose rules [default: the active workspace of session default]
    #[arg(long, value_name = "NAME", conflicts_with = "session")]
    workspace: Option<String>,
    /// By the rules of this session's active workspace
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// As a client that shows the key with this id
    #[arg(long, value_name = "ID", conflicts_with_all = ["workspace", "session"])]
    key: Option<u64>,
    /// chat, completions, embeddings, responses, messages, or a whole path such as /v1/chat/completions, where the client
    /// names the model [default: told by the body]
    #[arg(long, value_parser = read_endpoint)]
    endpoint: Option<String>,
    /// A header that the request has; may be repeated
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = read_header)]
    headers: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    Chat,
    Completions,
    Embeddings,
    Responses,
    Messages,
}

impl Endpoint {
    fn path(self) -> &'static str {
        match self {
            Self::Chat => "chat/completions",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Responses => "responses",
            Self::Messages => "messages",
        }
    }

    /// The one whose requests look like this.
    fn guess(body: &Value) -> Self {
        let has = |name: &str| body.get(name).is_some();
        let model = body.get("model").and_then(Value::as_str).unwrap_or_default();
        if has("messages") {
            return if is_anthropic(body) { Self::Messages } else { Self::Chat };
        }
        match (has("input"), has("prompt")) {
            (true, _) if has("encoding_format") || has("dimensions") || model.contains("embed") => Self::Embeddings,
            (true, _) => Self::Responses,
            (false, true) => Self::Completions,
            (false, false) => Self::Chat,
        }
    }
}

/// Marks that only Anthropic's Messages have: the system prompt beside the messages, and the types of blocks and tools.
fn is_anthropic(body: &Value) -> bool {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let is_block = |block: &Value| {
        let kind = block.get("type").and_then(Value::as_str).unwrap_or_default();
        matches!(kind, "tool_use" | "tool_result" | "thinking" | "document")
            || block.get("cache_control").is_some()
            || block.get("source").is_some()
    };
    let has_system_role =
        |message: &Value| matches!(message.get("role").and_then(Value::as_str), Some("system" | "developer" | "tool"));
    let messages = list(body.get("messages"));
    if messages.iter().any(has_system_role) {
        return false;
    }
    ["system", "anthropic_version", "stop_sequences", "thinking"].iter().any(|name| body.get(name).is_some())
        || list(body.get("tools")).iter().any(|tool| tool.get("input_schema").is_some())
        || messages.iter().any(|message| list(message.get("content")).iter().any(is_block))
}

/// One of the words, as the path that it stands for, or a path.
fn read_endpoint(text: &str) -> Result<String, String> {
    let endpoint = match text {
        "chat" => Endpoint::Chat,
        "completions" => Endpoint::Completions,
        "embeddings" => Endpoint::Embeddings,
        "responses" => Endpoint::Responses,
        "messages" => Endpoint::Messages,
        path if path.starts_with('/') => return Ok(path.to_owned()),
        _ => return Err("give chat, completions, embeddings, responses, messages, or a path with its `/`".to_owned()),
    };
    Ok(endpoint.path().to_owned())
}

fn read_header(text: &str) -> Result<(String, String), String> {
    // The first of both marks: a value may hold either.
    let (name, value) = text.split_once(['=', ':']).ok_or("give it as name=value")?;
    match name.trim() {
        "" => Err("give it as name=value".to_owned()),
        name => Ok((name.to_ascii_lowercase(), value.trim().to_owned())),
    }
}

pub async fn run(context: &Context, arguments: Arguments) -> Result<(), Failure> {
    let body = input::read(&arguments.file, BODY_BYTES_MAX)?;
    let no_json = |error| Failure::new(format!("{} is not JSON: {error}", input::name(&arguments.file)));
    serde_json::from_str::<IgnoredAny>(&body).map_err(no_json)?;
    let answer = context.api.post_text(&["explain"], question(&arguments, &body)).await?;
    context.out.answer(&answer, |answer| told(&answer.value))
}

/// The body stands in it as it was read: the server judges these very bytes.
fn question(arguments: &Arguments, body: &str) -> String {
    let Arguments { workspace, session, key, endpoint, headers, .. } = arguments;
    let guess = || serde_json::from_str(body).map_or(Endpoint::Chat, |value| Endpoint::guess(&value)).path().to_owned();
    let endpoint = endpoint.clone().unwrap_or_else(guess);
    let mut fields = Map::from_iter([("endpoint".to_owned(), json!(endpoint))]);
    match (workspace, session) {
        _ if key.is_some() => fields.insert("key_id".to_owned(), json!(key)),
        (Some(workspace), _) => fields.insert("workspace".to_owned(), json!(workspace)),
        (None, session) => fields.insert("session".to_owned(), json!(session.as_deref().unwrap_or("default"))),
    };
    if !headers.is_empty() {
        let headers = headers.iter().map(|(name, value)| (name.clone(), json!(value)));
        fields.insert("headers".to_owned(), Value::Object(headers.collect()));
    }
    let fields = Value::Object(fields).to_string();
    let open = fields.strip_suffix('}').unwrap_or(&fields);
    format!("{open},\"body\":{body}}}")
}

fn told(answer: &Value) -> String {
    let files = list(answer, "files");
    let columns = [("FILE", "/path"), ("SEEN IN", "/source"), ("TURN", "/turn")];
    [
        format!(
            "Workspace {}, request {}, about {} tokens.\n",
            table::at(answer, "/workspace"),
            table::at(answer, "/request"),
            table::at(answer, "/estimated_tokens"),
        ),
        table::of(&files, &columns, "No file is in context.\n"),
        judged_rules(&list(answer, "rules")),
        outcome(answer),
    ]
    .join("\n")
}

fn list(answer: &Value, name: &str) -> Vec<Value> {
    answer.get(name).and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Each rule with what became of it. The first that matches decides.
fn judged_rules(rules: &[Value]) -> String {
    let mut is_decided = false;
    let mut rows = Vec::new();
    for (number, rule) in rules.iter().enumerate() {
        let matches = rule.get("matched").and_then(Value::as_bool) == Some(true);
        let outcome = match (matches, is_decided) {
            (true, false) => "matches".to_owned(),
            (true, true) => "would match, but comes later".to_owned(),
            (false, _) => format!("fails: {}", table::at(rule, "/failed_condition")),
        };
        is_decided |= matches;
        rows.push(vec![(number + 1).to_string(), table::at(rule, "/name"), outcome]);
    }
    table::rows(&["#", "RULE", "OUTCOME"], rows, "The workspace has no rules.\n")
}

fn outcome(answer: &Value) -> String {
    let part = |name: &str| answer.get(name).filter(|value| !value.is_null());
    match (part("decision"), part("would_send"), part("refusal")) {
        (_, _, Some(refusal)) => {
            let [status, code, message] = ["/status", "/code", "/message"].map(|field| table::at(refusal, field));
            format!("Nothing would be sent. The client would get a {status} {code}: {message}")
        }
        (Some(decision), Some(sent), None) => {
            let who = match table::at(decision, "/rule") {
                none if none == "-" => "The model that the client names".to_owned(),
                rule => format!("Rule {rule}"),
            };
            let target = table::at(decision, "/target");
            let [model, path, dialect] = ["/model", "/path", "/dialect"].map(|field| table::at(sent, field));
            format!("{who} sends it to {target}: model {model} at {path}, as {dialect}.")
        }
        _ => "Nothing would be sent.".to_owned(),
    }
}

#[cfg(test)]
mod tests;

//! `muxspace provider`

use std::path::Path;

use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};

use super::super::Failure;
use super::table::Column;
use super::{Context, confirm, input, table};

pub const EXAMPLES: &str = "\
Examples:
  muxspace provider add openai --type openai --api-key-env OPENAI_API_KEY
  pass show anthropic | muxspace provider add claude --type anthropic --api-key-stdin
  muxspace provider add local --type ollama --endpoint http://10.0.0.5:11434
  muxspace provider models local
A key is never an argument: other users of the machine could read it.";

const KEY_BYTES_MAX: usize = 64 << 10;

const MODEL_COLUMNS: [Column; 5] = [
    ("MODEL", "/id"),
    ("PROVIDER", "/provider"),
    ("CONTEXT", "/context_tokens"),
    ("CAPABILITIES", "/capabilities"),
    ("MISSING", "/missing"),
];

#[derive(Subcommand)]
pub enum Command {
    /// Add a provider and ask it for its models.
    Add(AddArguments),
    /// List providers and whether they answered when last asked.
    List,
    /// List the models of a provider, or of all.
    Models {
        /// The provider [default: all]
        name: Option<String>,
    },
    /// Ask a provider for its models again.
    Refresh { name: String },
    /// Remove a provider that no rule and no workspace uses, or with --force any.
    Remove {
        name: String,
        /// Also if something uses it: what does stays, and is broken
        #[arg(long)]
        force: bool,
        /// Don't ask
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Args)]
pub struct AddArguments {
    /// The part of a target before its first `/`
    name: String,
    /// openai, anthropic, openrouter, vllm, ollama, lmstudio or llamacpp
    #[arg(long = "type", value_name = "TYPE")]
    kind: String,
    /// Base URL [default: that of the type]
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Environment variable that holds the API key
    #[arg(long, value_name = "VARIABLE", conflicts_with_all = ["api_key_stdin", "auth"])]
    api_key_env: Option<String>,
    /// Read the API key from standard input
    #[arg(long, conflicts_with = "auth")]
    api_key_stdin: bool,
    /// Send no key, or pass the client's own on
    #[arg(long)]
    auth: Option<KeylessAuth>,
    /// For people
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// A model that it serves, for one that does not list them; may be repeated
    #[arg(long = "model", value_name = "ID")]
    models: Vec<String>,
    /// Don't save it if it does not answer
    #[arg(long)]
    require_reachable: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum KeylessAuth {
    None,
    Passthrough,
}

pub async fn run(context: &Context, command: Command) -> Result<(), Failure> {
    let Context { api, out, .. } = context;
    match command {
        Command::Add(arguments) => add(context, arguments).await,
        Command::List => {
            let answer = api.list(&["providers"], &[]).await?;
            out.answer(&answer, |answer| table_of(answer.items()))
        }
        Command::Models { name } => {
            let answer = match &name {
                Some(name) => api.list(&["providers", name, "models"], &[]).await?,
                None => api.list(&["models"], &[]).await?,
            };
            out.answer(&answer, |answer| {
                table::of(answer.items(), &MODEL_COLUMNS, "no models are known; `provider refresh` asks for them")
            })
        }
        Command::Refresh { name } => refresh(context, &name).await,
        Command::Remove { name, force, yes } => {
            if force {
                confirm::destruction(yes, &format!("Remove provider {name}, also if something uses it?"))?;
            }
            let query: &[_] = if force { &[("force", "true")] } else { &[] };
            let answer = api.write(Method::DELETE, &["providers", &name], query, None).await?;
            out.answer(&answer, |answer| format!("provider {name} removed{}", answer.revision_note()))
        }
    }
}

async fn add(context: &Context, arguments: AddArguments) -> Result<(), Failure> {
    let query: &[_] = if arguments.require_reachable { &[("require", "reachable")] } else { &[] };
    let body = new_provider(arguments)?;
    let answer = context.api.write(Method::POST, &["providers"], query, Some(&body)).await?;
    context.out.answer(&answer, |answer| {
        let name = table::at(&answer.value, "/name");
        format!("provider {name} added{}\n{}", answer.revision_note(), reachability(&answer.value))
    })
}

fn new_provider(arguments: AddArguments) -> Result<Value, Failure> {
    let AddArguments { name, kind, endpoint, api_key_env, api_key_stdin, auth, description, models, .. } = arguments;
    let mut body = json!({"name": name, "type": kind});
    let key = match (api_key_env, api_key_stdin) {
        (Some(variable), _) => Some(std::env::var(&variable).map_err(|_| {
            Failure::new(format!("the environment variable {variable} is not set; it must hold the API key"))
        })?),
        (None, true) => Some(input::read(Path::new(input::STDIN), KEY_BYTES_MAX)?),
        (None, false) => None,
    };
    match (key.as_deref().map(str::trim), auth) {
        (Some(""), _) => return Err(Failure::new("the API key is empty")),
        (Some(key), _) => body["auth"] = json!({"type": "api_key", "api_key": key}),
        (None, Some(KeylessAuth::None)) => body["auth"] = json!({"type": "none"}),
        (None, Some(KeylessAuth::Passthrough)) => body["auth"] = json!({"type": "passthrough"}),
        (None, None) => {}
    }
    for (name, value) in [("endpoint", endpoint), ("description", description)] {
        if let Some(text) = value {
            body[name] = text.into();
        }
    }
    if !models.is_empty() {
        body["models"] = models.into();
    }
    Ok(body)
}

/// Its answer lists what is known; whether the provider answered stands in its status.
async fn refresh(context: &Context, name: &str) -> Result<(), Failure> {
    let Context { api, out, .. } = context;
    api.post(Method::POST, &["providers", name, "models", "refresh"], &[], None).await?;
    let models = api.list(&["providers", name, "models"], &[]).await?;
    let provider = api.get(&["providers", name], &[]).await?.value;
    out.answer(&models, |models| table::of(models.items(), &MODEL_COLUMNS, "it has no models"))?;
    match is_reachable(&provider) {
        Some(false) => Err(Failure::new(reachability(&provider))),
        _ => Ok(()),
    }
}

pub fn is_reachable(provider: &Value) -> Option<bool> {
    provider.pointer("/status/reachable").and_then(Value::as_bool)
}

/// Providers with what came of the last question for their models.
pub fn table_of(providers: &[Value]) -> String {
    let row = |provider: &Value| {
        let auth = match provider.pointer("/auth/configured").and_then(Value::as_bool) {
            Some(false) if table::at(provider, "/auth/type") == "api_key" => "no key yet".to_owned(),
            _ => table::at(provider, "/auth/type"),
        };
        let state = match is_reachable(provider) {
            Some(true) => "reachable".to_owned(),
            Some(false) => format!("unreachable: {}", table::at(provider, "/status/error")),
            None => "not asked yet".to_owned(),
        };
        let [name, kind, endpoint] = ["/name", "/type", "/endpoint"].map(|pointer| table::at(provider, pointer));
        vec![name, kind, endpoint, auth, state]
    };
    let rows = providers.iter().map(row).collect();
    table::rows(&["NAME", "TYPE", "ENDPOINT", "AUTH", "STATE"], rows, "there are no providers")
}

fn reachability(provider: &Value) -> String {
    let name = table::at(provider, "/name");
    match is_reachable(provider) {
        Some(true) => format!("provider {name} answers"),
        Some(false) => format!("provider {name} does not answer: {}", table::at(provider, "/status/error")),
        None => format!("provider {name} was not asked for its models yet"),
    }
}

//! `muxspace key`

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::super::Failure;
use super::api::Answer;
use super::model::Of;
use super::out::{self, Out};
use super::table::Column;
use super::{Context, confirm, table};

pub const EXAMPLES: &str = "\
Examples:
  muxspace key add \"Ann's laptop\" -w backend
  muxspace key add ci -w backend --endpoints chat/completions,models --models fast --deployments none --expires-at 2027-01-01
  KEY=$(muxspace key rotate 12 -w backend --grace-s 600)
The key itself is printed once, alone on standard output, and kept nowhere. A client shows it as its API key.";

const COLUMNS: [Column; 7] = [
    ("ID", "/id"),
    ("NAME", "/name"),
    ("ENDS IN", "/last_four"),
    ("SESSION", "/session"),
    ("SCOPES", "/scopes"),
    ("EXPIRES", "/expires_at"),
    ("USED", "/last_used_at"),
];

#[derive(Subcommand)]
pub enum Command {
    /// List the keys of a workspace.
    List {
        #[command(flatten)]
        of: Of,
    },
    /// Add a key to a workspace and print it.
    Add {
        /// For people
        name: String,
        #[command(flatten)]
        of: Of,
        /// Paths such as chat/completions, with commas between them [default: all]
        #[arg(long, value_name = "LIST")]
        endpoints: Option<String>,
        /// Aliases of models, with commas between them; all or none [default: all]
        #[arg(long, value_name = "LIST")]
        models: Option<String>,
        /// Names of deployments, with commas between them; all or none [default: all]
        #[arg(long, value_name = "LIST")]
        deployments: Option<String>,
        /// A time such as 2027-01-31T12:00:00Z, or a day [default: never]
        #[arg(long, value_name = "TIME")]
        expires_at: Option<String>,
        /// Requests that it may make in a minute [default: no limit]
        #[arg(long, value_name = "N")]
        requests_per_minute: Option<u32>,
        /// Tokens that it may use in a minute [default: no limit]
        #[arg(long, value_name = "N")]
        tokens_per_minute: Option<u32>,
        /// Open the workspace that is active in this session
        #[arg(long, value_name = "ID")]
        session: Option<String>,
    },
    /// Put a new key in the place of one and print it.
    Rotate {
        id: u64,
        #[command(flatten)]
        of: Of,
        /// Seconds for which the old key works on [default: 3600]
        #[arg(long, value_name = "SECONDS")]
        grace_s: Option<u32>,
    },
    /// Revoke a key: it stops working at once.
    Revoke {
        id: u64,
        #[command(flatten)]
        of: Of,
        /// Don't ask
        #[arg(long, short)]
        yes: bool,
    },
}

pub async fn run(context: &Context, command: Command) -> Result<(), Failure> {
    let Context { api, out, .. } = context;
    match command {
        Command::List { of: Of { workspace } } => {
            let answer = api.list(&["workspaces", &workspace, "keys"], &[]).await?;
            out.answer(&answer, |answer| table::of(answer.items(), &COLUMNS, "there are no keys"))
        }
        Command::Add {
            name,
            of: Of { workspace },
            endpoints,
            models,
            deployments,
            expires_at,
            requests_per_minute,
            tokens_per_minute,
            session,
        } => {
            let scopes = [("endpoints", endpoints), ("models", models), ("deployments", deployments)];
            let scopes = given(scopes.map(|(field, list)| (field, list.as_deref().map(scope))));
            let body = given([
                ("name", Some(json!(name))),
                ("scopes", (!scopes.is_empty()).then(|| Value::Object(scopes))),
                ("expires_at", expires_at.map(Value::from)),
                ("requests_per_minute", requests_per_minute.map(Value::from)),
                ("tokens_per_minute", tokens_per_minute.map(Value::from)),
                ("session", session.map(Value::from)),
            ]);
            let body = Value::Object(body);
            let answer = api.write(Method::POST, &["workspaces", &workspace, "keys"], &[], Some(&body)).await?;
            show(*out, &answer)
        }
        Command::Rotate { id, of: Of { workspace }, grace_s } => {
            let path = ["workspaces", &workspace, "keys", &id.to_string(), "rotate"];
            let body = Value::Object(given([("grace_s", grace_s.map(Value::from))]));
            let answer = api.write(Method::POST, &path, &[], Some(&body)).await?;
            show(*out, &answer)
        }
        Command::Revoke { id, of: Of { workspace }, yes } => {
            confirm::destruction(yes, &format!("Revoke key {id} of workspace {workspace}?"))?;
            let path = ["workspaces", &workspace, "keys", &id.to_string()];
            let answer = api.write(Method::DELETE, &path, &[], None).await?;
            out.answer(&answer, |answer| format!("key {id} revoked{}", answer.revision_note()))
        }
    }
}

/// The key alone on standard output, for scripts; the rest is for people.
fn show(out: Out, answer: &Answer) -> Result<(), Failure> {
    out.answer(answer, |answer| table::at(&answer.value, "/key"))?;
    let [id, name] = ["/id", "/name"].map(|field| table::at(&answer.value, field));
    let until = match table::at(&answer.value, "/previous_expires_at") {
        none if none == "-" => String::new(),
        until => format!("; the old one works until {until}"),
    };
    out::note(&format!("this is key {id}, {name}{until}{}; it is not shown again", answer.revision_note()));
    Ok(())
}

/// `all`, `none`, or names with commas between them.
fn scope(list: &str) -> Value {
    match list {
        "all" | "none" => json!(list),
        _ => json!(list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect::<Vec<_>>()),
    }
}

/// Only what is given is sent.
fn given<const N: usize>(fields: [(&str, Option<Value>); N]) -> Map<String, Value> {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

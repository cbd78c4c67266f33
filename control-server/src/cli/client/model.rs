//! `muxspace model`: the collection of a workspace.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::super::Failure;
use super::{Context, confirm, table};

pub const EXAMPLES: &str = "\
Examples:
  muxspace model add fast openai/gpt-5-mini -w docs
  muxspace model add deep anthropic/claude-sonnet-5 -w docs --requests-per-minute 60
  muxspace model disable deep -w docs
Clients of workspace docs then name `fast` as their model.";

#[derive(Subcommand)]
pub enum Command {
    /// List the models that a workspace allows.
    List {
        #[command(flatten)]
        of: Of,
    },
    /// Allow a model under an alias.
    Add {
        /// What clients, rules and deployments call it
        alias: String,
        /// provider/model-id
        model: String,
        #[command(flatten)]
        of: Of,
        /// Requests that are let through in a minute [default: no limit]
        #[arg(long, value_name = "NUMBER")]
        requests_per_minute: Option<u32>,
        /// Switched off at first
        #[arg(long)]
        disabled: bool,
    },
    /// Remove a model that no rule and no deployment uses, or with --force any.
    Remove {
        alias: String,
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        force: Force,
    },
    /// Switch a model on.
    Enable {
        alias: String,
        #[command(flatten)]
        of: Of,
    },
    /// Switch a model off: requests for it are refused.
    Disable {
        alias: String,
        #[command(flatten)]
        of: Of,
    },
}

/// Whose it is.
#[derive(Args)]
pub struct Of {
    /// The workspace
    #[arg(long, short, value_name = "NAME", default_value = mux::config::DEFAULT)]
    pub workspace: String,
}

/// Whether something that is used may go.
#[derive(Args)]
pub struct Force {
    /// Also if something uses it: what does stays, and is broken
    #[arg(long)]
    force: bool,
    /// Don't ask
    #[arg(long, short)]
    yes: bool,
}

impl Force {
    /// Asks if need be, and gives the query of the call.
    pub fn query(&self, what: &str) -> Result<&'static [(&'static str, &'static str)], Failure> {
        if !self.force {
            return Ok(&[]);
        }
        confirm::destruction(self.yes, &format!("Remove {what}, also if something uses it?"))?;
        Ok(&[("force", "true")])
    }
}

pub async fn run(context: &Context, command: Command) -> Result<(), Failure> {
    let Context { api, out, .. } = context;
    match command {
        Command::List { of: Of { workspace } } => {
            let answer = api.list(&["workspaces", &workspace, "models"], &[]).await?;
            out.answer(&answer, |answer| table_of(answer.items()))
        }
        Command::Add { alias, model, of: Of { workspace }, requests_per_minute, disabled } => {
            let mut body = json!({"alias": alias, "model": model, "enabled": !disabled});
            if let Some(limit) = requests_per_minute {
                body["requests_per_minute"] = limit.into();
            }
            let answer = api.write(Method::POST, &["workspaces", &workspace, "models"], &[], Some(&body)).await?;
            out.answer(&answer, |answer| {
                format!("workspace {workspace} allows {model} as {alias}{}", answer.revision_note())
            })
        }
        Command::Remove { alias, of: Of { workspace }, force } => {
            let query = force.query(&format!("model {alias} of workspace {workspace}"))?;
            let answer = api.write(Method::DELETE, &["workspaces", &workspace, "models", &alias], query, None).await?;
            out.answer(&answer, |answer| {
                format!("model {alias} of workspace {workspace} removed{}", answer.revision_note())
            })
        }
        Command::Enable { alias, of } => switch(context, &of.workspace, &alias, true).await,
        Command::Disable { alias, of } => switch(context, &of.workspace, &alias, false).await,
    }
}

async fn switch(context: &Context, workspace: &str, alias: &str, enabled: bool) -> Result<(), Failure> {
    let body = json!({"enabled": enabled});
    let path = ["workspaces", workspace, "models", alias];
    let answer = context.api.write(Method::PATCH, &path, &[], Some(&body)).await?;
    let state = if enabled { "on" } else { "off" };
    context.out.answer(&answer, |answer| {
        format!("model {alias} of workspace {workspace} is {state}{}", answer.revision_note())
    })
}

fn table_of(models: &[Value]) -> String {
    let row = |model: &Value| {
        let flag = |name: &str| model.get(name).and_then(Value::as_bool) == Some(true);
        let state = match (flag("broken"), flag("enabled")) {
            (true, _) => "broken: its provider is gone",
            (false, true) => "on",
            (false, false) => "off",
        };
        let [alias, name, limit] = ["/alias", "/model", "/requests_per_minute"].map(|at| table::at(model, at));
        vec![alias, name, state.to_owned(), limit]
    };
    let rows = models.iter().map(row).collect();
    table::rows(&["ALIAS", "MODEL", "STATE", "REQUESTS/MIN"], rows, "the collection is empty")
}

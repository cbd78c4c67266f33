//! `muxspace deployment`

use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};

use super::super::Failure;
use super::model::{Force, Of};
use super::{Context, table};

pub const EXAMPLES: &str = "\
Examples:
  muxspace deployment add steady -w docs --target fast --target deep
  muxspace deployment add split -w docs --policy weighted --target fast=9 --target deep=1
Clients of workspace docs then name `steady` as their model; rules may name it as their target.";

#[derive(Subcommand)]
pub enum Command {
    /// List the deployments of a workspace.
    List {
        #[command(flatten)]
        of: Of,
    },
    /// Add a deployment over models of the workspace's collection.
    Add(AddArguments),
    /// Remove a deployment that no rule uses, or with --force any.
    Remove {
        name: String,
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        force: Force,
    },
}

#[derive(Args)]
pub struct AddArguments {
    /// What clients and rules call it
    name: String,
    #[command(flatten)]
    of: Of,
    /// A model's alias, and its weight if not 1; may be repeated
    #[arg(long = "target", value_name = "ALIAS[=WEIGHT]", required = true, value_parser = read_target)]
    targets: Vec<Target>,
    /// Which target is tried first [default: ordered]
    #[arg(long)]
    policy: Option<Policy>,
    /// Statuses for which the next target is tried [default: 408,429,500,502,503,504,529]
    #[arg(long, value_name = "STATUS,…", value_delimiter = ',')]
    retry_on: Option<Vec<u16>>,
    /// Time for the first byte of a try [default: no limit]
    #[arg(long, value_name = "NUMBER")]
    try_timeout_ms: Option<u32>,
}

#[derive(Clone)]
struct Target {
    alias: String,
    weight: Option<u32>,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Policy {
    Ordered,
    RoundRobin,
    Weighted,
}

fn read_target(text: &str) -> Result<Target, String> {
    match text.split_once('=') {
        None => Ok(Target { alias: text.to_owned(), weight: None }),
        Some((alias, weight)) => match weight.parse() {
            Ok(weight) => Ok(Target { alias: alias.to_owned(), weight: Some(weight) }),
            Err(_) => Err(format!("`{weight}` is no weight: give a number, such as {alias}=3")),
        },
    }
}

pub async fn run(context: &Context, command: Command) -> Result<(), Failure> {
    let Context { api, out, .. } = context;
    match command {
        Command::List { of: Of { workspace } } => {
            let answer = api.list(&["workspaces", &workspace, "deployments"], &[]).await?;
            out.answer(&answer, |answer| table_of(answer.items()))
        }
        Command::Add(arguments) => {
            let (workspace, body) = new_deployment(arguments);
            let answer = api.write(Method::POST, &["workspaces", &workspace, "deployments"], &[], Some(&body)).await?;
            out.answer(&answer, |answer| {
                let name = table::at(&answer.value, "/name");
                format!("workspace {workspace} has deployment {name}{}", answer.revision_note())
            })
        }
        Command::Remove { name, of: Of { workspace }, force } => {
            let query = force.query(&format!("deployment {name} of workspace {workspace}"))?;
            let path = ["workspaces", &workspace, "deployments", &name];
            let answer = api.write(Method::DELETE, &path, query, None).await?;
            out.answer(&answer, |answer| {
                format!("deployment {name} of workspace {workspace} removed{}", answer.revision_note())
            })
        }
    }
}

/// The workspace, and what is sent.
fn new_deployment(arguments: AddArguments) -> (String, Value) {
    let AddArguments { name, of: Of { workspace }, targets, policy, retry_on, try_timeout_ms } = arguments;
    let target = |Target { alias, weight }: Target| match weight {
        None => json!({"model": alias}),
        Some(weight) => json!({"model": alias, "weight": weight}),
    };
    let mut body = json!({"name": name, "targets": targets.into_iter().map(target).collect::<Vec<_>>()});
    if let Some(policy) = policy.as_ref().and_then(ValueEnum::to_possible_value) {
        body["policy"] = policy.get_name().into();
    }
    if let Some(statuses) = retry_on {
        body["retry_on"] = statuses.into();
    }
    if let Some(limit) = try_timeout_ms {
        body["try_timeout_ms"] = limit.into();
    }
    (workspace, body)
}

fn table_of(deployments: &[Value]) -> String {
    let row = |deployment: &Value| {
        let policy = table::at(deployment, "/policy");
        let target = |target: &Value| {
            let alias = table::at(target, "/model");
            let weight =
                if policy == "weighted" { format!("={}", table::at(target, "/weight")) } else { String::new() };
            let is_broken = target.get("broken").and_then(Value::as_bool) == Some(true);
            format!("{alias}{weight}{}", if is_broken { " (broken)" } else { "" })
        };
        let targets = deployment.get("targets").and_then(Value::as_array);
        let targets: Vec<String> = targets.into_iter().flatten().map(target).collect();
        vec![table::at(deployment, "/name"), policy.clone(), targets.join(", ")]
    };
    let rows = deployments.iter().map(row).collect();
    table::rows(&["NAME", "POLICY", "TARGETS"], rows, "there are no deployments")
}

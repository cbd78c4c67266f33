//! `muxspace workspace`

mod edit;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::super::Failure;
use super::{Context, confirm, document, input, rules, table};

pub const EXAMPLES: &str = "\
Examples:
  muxspace workspace create docs --rules rules.yaml
  muxspace workspace activate docs --session agent-1
  muxspace workspace edit docs                 in $VISUAL or $EDITOR
  muxspace workspace archive docs && muxspace workspace delete docs --yes";

/// Bytes of custom instructions that are sent; the server has the last word.
const INSTRUCTIONS_BYTES_MAX: usize = 1 << 20;

#[derive(Subcommand)]
pub enum Command {
    /// List workspaces.
    List {
        /// Only the archived ones
        #[arg(long, conflicts_with = "all")]
        archived: bool,
        /// Also the archived ones
        #[arg(long)]
        all: bool,
    },
    /// Show a workspace and its rules.
    Show { name: String },
    /// Create a workspace.
    Create {
        /// Lower-case letters, digits, `-` and `_`
        name: String,
        /// For people
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// Go in front of the system prompt of each request
        #[arg(long, value_name = "TEXT", conflicts_with = "instructions_file")]
        instructions: Option<String>,
        /// The same, from a file; `-`: standard input
        #[arg(long, value_name = "FILE")]
        instructions_file: Option<PathBuf>,
        /// Rules to begin with: a list, YAML or JSON
        #[arg(long, value_name = "FILE")]
        rules: Option<PathBuf>,
    },
    /// Give a workspace another name; what points at it still does.
    Rename { name: String, new_name: String },
    /// Make a workspace the active one of a session.
    Activate {
        name: String,
        /// The session [default: default]
        #[arg(long, value_name = "ID")]
        session: Option<String>,
    },
    /// Take a workspace out of use; `recover` brings it back.
    Archive { name: String },
    /// Bring an archived workspace back, with everything in it.
    Recover { name: String },
    /// Delete an archived workspace with its history.
    Delete {
        name: String,
        /// Don't ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Edit a workspace's document in $VISUAL or $EDITOR; what is saved replaces it.
    Edit { name: String },
}

pub async fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::List { archived, all } => list(context, archived, all).await,
        Command::Show { name } => show(context, &name).await,
        Command::Create { name, description, instructions, instructions_file, rules } => {
            let instructions = match instructions_file {
                Some(file) => Some(input::read(&file, INSTRUCTIONS_BYTES_MAX)?),
                None => instructions,
            };
            let body = new_workspace(&name, description, instructions, rules.as_deref())?;
            change(context, Method::POST, &["workspaces"], Some(&body), "created").await
        }
        Command::Rename { name, new_name } => {
            let body = json!({"name": new_name});
            change(context, Method::PATCH, &["workspaces", &name], Some(&body), &format!("is the new name of {name}"))
                .await
        }
        Command::Activate { name, session } => activate(context, &name, session.as_deref()).await,
        Command::Archive { name } => {
            change(context, Method::POST, &["workspaces", &name, "archive"], None, "archived").await
        }
        Command::Recover { name } => {
            change(context, Method::POST, &["workspaces", &name, "recover"], None, "recovered").await
        }
        Command::Delete { name, yes } => {
            confirm::destruction(yes, &format!("Delete workspace {name} and its history for good?"))?;
            let answer = context.api.write(Method::DELETE, &["workspaces", &name], &[], None).await?;
            context.out.answer(&answer, |answer| format!("workspace {name} deleted{}", answer.revision_note()))
        }
        Command::Edit { name } => edit::run(context, &name).await,
    }
}

async fn list(context: &Context, archived: bool, all: bool) -> Result<(), Failure> {
    let which = match (archived, all) {
        (true, _) => "true",
        (false, true) => "any",
        (false, false) => "false",
    };
    let answer = context.api.list(&["workspaces"], &[("archived", which)]).await?;
    let mut columns = vec![("NAME", "/name"), ("RULES", "/rules"), ("ACTIVE IN", "/active_in")];
    if which != "false" {
        columns.push(("ARCHIVED", "/archived_at"));
    }
    columns.push(("DESCRIPTION", "/description"));
    context.out.answer(&answer, |answer| table::of(answer.items(), &columns, "there is no such workspace"))
}

async fn show(context: &Context, name: &str) -> Result<(), Failure> {
    let answer = context.api.get(&["workspaces", name], &[]).await?;
    let rules = context.api.list(&["workspaces", name, "rules"], &[]).await?;
    context.out.answer(&answer, |answer| {
        let fields = table::fields(
            &answer.value,
            &[
                ("Name", "/name"),
                ("Description", "/description"),
                ("Active in", "/active_in"),
                ("Archived", "/archived_at"),
                ("Settings", "/settings"),
                ("Instructions", "/custom_instructions"),
                ("Changed", "/updated_at"),
            ],
        );
        format!("{fields}\n{}", rules::table_of(rules.items()))
    })
}

fn new_workspace(
    name: &str,
    description: Option<String>,
    instructions: Option<String>,
    rules: Option<&Path>,
) -> Result<Value, Failure> {
    let mut body = json!({"name": name});
    if let Some(text) = description {
        body["description"] = text.into();
    }
    if let Some(text) = instructions {
        body["custom_instructions"] = text.into();
    }
    if let Some(path) = rules {
        let value = document::read_value(path)?;
        // A bare list, or one in the form in which the API takes and shows it.
        let list = value.get("rules").or_else(|| value.get("items")).cloned().unwrap_or(value);
        body["rules"] = list;
    }
    Ok(body)
}

async fn activate(context: &Context, name: &str, session: Option<&str>) -> Result<(), Failure> {
    let body = session.map_or_else(|| json!({}), |id| json!({"session": id}));
    let answer = context.api.write(Method::POST, &["workspaces", name, "activate"], &[], Some(&body)).await?;
    context.out.answer(&answer, |answer| {
        let (workspace, session) = (table::at(&answer.value, "/active_workspace"), table::at(&answer.value, "/id"));
        format!("workspace {workspace} is active in session {session}{}", answer.revision_note())
    })
}

/// A write that answers with the workspace.
async fn change(
    context: &Context,
    method: Method,
    path: &[&str],
    body: Option<&Value>,
    done: &str,
) -> Result<(), Failure> {
    let answer = context.api.write(method, path, &[], body).await?;
    context.out.answer(&answer, |answer| {
        format!("workspace {} {done}{}", table::at(&answer.value, "/name"), answer.revision_note())
    })
}

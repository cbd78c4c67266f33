//! `muxspace session`

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Map, Value};

use super::super::Failure;
use super::api::Answer;
use super::table::Column;
use super::{Context, confirm, table};

pub const EXAMPLES: &str = "\
Examples:
  muxspace session create agent-1 --workspace docs --label 'Agent on the left'
  muxspace session set agent-1 --workspace backend
A client chooses its session by the path /s/agent-1/v1/mux or the header x-muxspace-session.";

const FIELDS: [Column; 5] = [
    ("ID", "/id"),
    ("WORKSPACE", "/active_workspace"),
    ("LABEL", "/label"),
    ("CHANGED", "/last_update"),
    ("SEEN", "/last_seen"),
];

#[derive(Subcommand)]
pub enum Command {
    /// List sessions.
    List,
    /// Show a session.
    Show { id: String },
    /// Create a session.
    Create {
        /// Made by the server unless given
        id: Option<String>,
        /// Its active workspace
        #[arg(long, value_name = "NAME")]
        workspace: String,
        /// For people
        #[arg(long, value_name = "TEXT")]
        label: Option<String>,
    },
    /// Change a session's active workspace or its label.
    #[command(group(clap::ArgGroup::new("change").required(true).multiple(true)))]
    Set {
        id: String,
        /// Becomes its active workspace
        #[arg(long, value_name = "NAME", group = "change")]
        workspace: Option<String>,
        /// For people
        #[arg(long, value_name = "TEXT", group = "change")]
        label: Option<String>,
    },
    /// Delete a session.
    Delete {
        id: String,
        /// Don't ask
        #[arg(long, short)]
        yes: bool,
    },
}

pub async fn run(context: &Context, command: Command) -> Result<(), Failure> {
    let Context { api, out, .. } = context;
    match command {
        Command::List => {
            let answer = api.list(&["sessions"], &[]).await?;
            out.answer(&answer, |answer| table::of(answer.items(), &FIELDS, "there are no sessions"))
        }
        Command::Show { id } => {
            let answer = api.get(&["sessions", &id], &[]).await?;
            out.answer(&answer, |answer| table::fields(&answer.value, &FIELDS))
        }
        Command::Create { id, workspace, label } => {
            let body = fields([("id", id), ("active_workspace", Some(workspace)), ("label", label)]);
            let answer = api.write(Method::POST, &["sessions"], &[], Some(&body)).await?;
            out.answer(&answer, told)
        }
        Command::Set { id, workspace, label } => {
            let body = fields([("active_workspace", workspace), ("label", label)]);
            let answer = api.write(Method::PATCH, &["sessions", &id], &[], Some(&body)).await?;
            out.answer(&answer, told)
        }
        Command::Delete { id, yes } => {
            confirm::destruction(yes, &format!("Delete session {id}?"))?;
            let answer = api.write(Method::DELETE, &["sessions", &id], &[], None).await?;
            out.answer(&answer, |answer| format!("session {id} deleted{}", answer.revision_note()))
        }
    }
}

/// Only what is given is sent.
fn fields<const N: usize>(given: [(&str, Option<String>); N]) -> Value {
    let given = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::String(value?))));
    Value::Object(given.collect::<Map<_, _>>())
}

fn told(answer: &Answer) -> String {
    let (id, workspace) = (table::at(&answer.value, "/id"), table::at(&answer.value, "/active_workspace"));
    format!("session {id} is in workspace {workspace}{}", answer.revision_note())
}

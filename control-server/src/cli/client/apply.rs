//! `muxspace apply`: workspaces as files say.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::super::Failure;
use super::api::Api;
use super::document::{DOCUMENTS_MAX, Document, ENDINGS};
use super::transfer::{self, Mode};
use super::{Context, diff, document, input, out};

pub const EXAMPLES: &str = "\
Examples:
  muxspace apply -f docs.yaml
  muxspace apply -f workspaces/ --dry-run      all *.yaml, *.yml and *.json below, and what they would change
If one document is refused, nothing is applied.";

#[derive(Args)]
pub struct Arguments {
    /// Workspace documents, or folders of them; `-`: standard input
    #[arg(long = "file", short, value_name = "FILE|FOLDER", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// A document that the server would take.
struct Plan {
    document: Document,
    action: Action,
    /// The answer to the dry run.
    answer: Value,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Send(Mode),
    /// It is there already, the same.
    Nothing,
}

pub async fn run(context: &Context, arguments: Arguments) -> Result<(), Failure> {
    let Arguments { files, dry_run } = arguments;
    let documents = read(&files)?;
    let plans = plan(&context.api, documents).await?;
    for Plan { answer, .. } in &plans {
        transfer::warn(answer);
    }
    if dry_run {
        return show(context, &plans);
    }
    apply(context, plans).await
}

/// All documents; two for the same workspace contradict each other.
fn read(paths: &[PathBuf]) -> Result<Vec<Document>, Failure> {
    let mut documents = Vec::new();
    for file in input::expand(paths, &ENDINGS, DOCUMENTS_MAX)? {
        documents.extend(document::read_all(&file)?);
    }
    let mut seen = BTreeMap::new();
    for Document { file, workspace, .. } in &documents {
        if let Some(other) = seen.insert(workspace, file) {
            let (one, two) = (input::name(other), input::name(file));
            return Err(Failure::new(format!("workspace {workspace} is described twice, in {one} and in {two}")));
        }
    }
    match documents.is_empty() {
        true => Err(Failure::new("the files hold no document")),
        false => Ok(documents),
    }
}

/// Has the server check every document, so that all refusals are told at once.
async fn plan(api: &Api, documents: Vec<Document>) -> Result<Vec<Plan>, Failure> {
    let known = api.list(&["workspaces"], &[("archived", "any")]).await?;
    let is_known = |name: &str| known.items().iter().any(|item| item.get("name").is_some_and(|known| known == name));
    let (mut plans, mut refusal): (Vec<Plan>, Option<Failure>) = (Vec::new(), None);
    for document in documents {
        let mode = if is_known(&document.workspace) { Mode::Replace } else { Mode::Create };
        match transfer::check(api, &document, mode).await {
            Ok(answer) => {
                let is_same = mode == Mode::Replace && diff::changes(&answer.value).is_empty();
                let action = if is_same { Action::Nothing } else { Action::Send(mode) };
                plans.push(Plan { document, action, answer: answer.value });
            }
            Err(failure) => {
                let failure = failure.about(input::name(&document.file));
                refusal = Some(match refusal {
                    Some(first) => first.then(failure),
                    None => failure,
                });
            }
        }
    }
    match refusal {
        Some(failure) => Err(failure.then("nothing was applied")),
        None => Ok(plans),
    }
}

fn show(context: &Context, plans: &[Plan]) -> Result<(), Failure> {
    let text = |Plan { document, action, answer }: &Plan| match action {
        Action::Nothing => format!("workspace {} would stay as it is\n", document.workspace),
        Action::Send(mode) => transfer::told_plan(&document.workspace, *mode, answer),
    };
    match context.out {
        out::Out::Text => out::print(&plans.iter().map(text).collect::<Vec<_>>().join("\n")),
        out::Out::Json => print_items(plans.iter().map(|plan| item(plan, plan.answer.clone())).collect()),
    }
}

async fn apply(context: &Context, plans: Vec<Plan>) -> Result<(), Failure> {
    let mut items = Vec::new();
    for (number, plan) in plans.iter().enumerate() {
        let Plan { document, action, answer } = plan;
        let name = &document.workspace;
        let (line, answer) = match action {
            Action::Nothing => (format!("workspace {name} unchanged"), answer.clone()),
            Action::Send(mode) => match transfer::send(&context.api, document, *mode).await {
                Ok(answer) => (format!("workspace {name} {}{}", mode.done(), answer.revision_note()), answer.value),
                Err(failure) => return Err(stopped(failure, &plans, number)),
            },
        };
        match context.out {
            out::Out::Text => out::print(&line)?,
            out::Out::Json => items.push(item(plan, answer)),
        }
    }
    match context.out {
        out::Out::Text => Ok(()),
        out::Out::Json => print_items(items),
    }
}

/// Says how far it came.
fn stopped(failure: Failure, plans: &[Plan], failed: usize) -> Failure {
    let names = |plans: &[Plan]| {
        let names: Vec<&str> = plans.iter().map(|plan| plan.document.workspace.as_str()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    let (before, rest) = plans.split_at(failed);
    let file = rest.first().map(|plan| input::name(&plan.document.file)).unwrap_or_default();
    failure.about(file).then(format!("applied: {}", names(before))).then(format!("not applied: {}", names(rest)))
}

fn item(plan: &Plan, answer: Value) -> Value {
    let action = match plan.action {
        Action::Send(Mode::Create) => "create",
        Action::Send(Mode::Replace) => "replace",
        Action::Nothing => "none",
    };
    let Document { file, workspace, .. } = &plan.document;
    json!({"file": file.display().to_string(), "workspace": workspace, "action": action, "answer": answer})
}

fn print_items(items: Vec<Value>) -> Result<(), Failure> {
    out::print(&json!({ "items": items }).to_string())
}

//! `muxspace export` and `muxspace import`

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use reqwest::Method;
use serde_json::Value;

use super::super::Failure;
use super::api::{Answer, Api};
use super::document::Document;
use super::{Context, diff, document, out, table};

pub const EXPORT_EXAMPLES: &str = "\
Examples:
  muxspace export docs > docs.yaml
  muxspace export docs --json -o docs.json";

pub const IMPORT_EXAMPLES: &str = "\
Examples:
  muxspace import docs.yaml                    refused if there is a workspace of this name
  muxspace import docs.yaml --mode replace
  muxspace import docs.yaml --mode replace --dry-run";

#[derive(Args)]
pub struct ExportArguments {
    workspace: String,
    /// File to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Args)]
pub struct ImportArguments {
    /// A workspace document, YAML or JSON; `-`: standard input
    file: PathBuf,
    /// `replace`: take the place of a workspace of this name
    #[arg(long, default_value = "create")]
    mode: Mode,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// What an import may do with a workspace that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    Create,
    Replace,
}

impl Mode {
    fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Replace => "replace",
        }
    }

    pub fn done(self) -> &'static str {
        match self {
            Self::Create => "created",
            Self::Replace => "replaced",
        }
    }
}

pub async fn export(context: &Context, arguments: ExportArguments) -> Result<(), Failure> {
    let ExportArguments { workspace, output } = arguments;
    let format = match context.out {
        out::Out::Json => "json",
        out::Out::Text => "yaml",
    };
    let answer = context.api.get(&["workspaces", &workspace, "export"], &[("format", format)]).await?;
    match output {
        Some(path) => {
            std::fs::write(&path, &answer.text).map_err(Failure::of(format!("cannot write {}", path.display())))
        }
        None => out::print(&answer.text),
    }
}

pub async fn import(context: &Context, arguments: ImportArguments) -> Result<(), Failure> {
    let ImportArguments { file, mode, dry_run } = arguments;
    let document = document::read_one(&file)?;
    if dry_run {
        let answer = check(&context.api, &document, mode).await?;
        warn(&answer.value);
        return context.out.answer(&answer, |answer| told_plan(&document.workspace, mode, &answer.value));
    }
    let answer = send(&context.api, &document, mode).await?;
    warn(&answer.value);
    context
        .out
        .answer(&answer, |answer| format!("workspace {} {}{}", document.workspace, mode.done(), answer.revision_note()))
}

/// What an import would change.
pub async fn check(api: &Api, document: &Document, mode: Mode) -> Result<Answer, Failure> {
    let query = [("mode", mode.as_str()), ("dry_run", "true")];
    api.post(Method::POST, &["workspaces", "import"], &query, Some(&document.value)).await
}

pub async fn send(api: &Api, document: &Document, mode: Mode) -> Result<Answer, Failure> {
    api.write(Method::POST, &["workspaces", "import"], &[("mode", mode.as_str())], Some(&document.value)).await
}

/// The outcome of a dry run: the workspace, what would be done to it, and the diff.
pub fn told_plan(workspace: &str, mode: Mode, answer: &Value) -> String {
    match (mode, diff::of(diff::changes(answer))) {
        (Mode::Replace, diff) if diff.is_empty() => format!("workspace {workspace} would stay as it is"),
        (mode, diff) => format!("workspace {workspace} would be {}\n{diff}", mode.done()),
    }
}

/// Shows what an import noticed but did not refuse.
pub fn warn(answer: &Value) {
    let warnings = answer.get("warnings").and_then(Value::as_array);
    for warning in warnings.into_iter().flatten() {
        // A field error has these two; anything else is shown as it is.
        let (pointer, detail) = (table::at(warning, "/pointer"), table::at(warning, "/detail"));
        match warning {
            Value::Object(fields) if fields.contains_key("detail") => {
                out::note(&format!("warning: {pointer}: {detail}"))
            }
            other => out::note(&format!("warning: {}", table::cell(other))),
        }
    }
}

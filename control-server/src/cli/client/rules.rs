//! `muxspace rules`

use std::path::PathBuf;

use clap::Subcommand;
use reqwest::Method;
use serde_json::Value;

use super::super::Failure;
use super::{Context, document, table};

pub const EXAMPLES: &str = "\
Examples:
  muxspace rules show docs
  muxspace rules show docs --json | jq '.items' > rules.json
  muxspace rules set docs -f rules.yaml        replaces all rules, or changes nothing
  muxspace rules lint docs                     exits with 1 if there are errors

A rule file, YAML or JSON:
  - name: markdown
    when: { file: \"*.md\" }
    target: openai/gpt-5-mini
  - name: everything
    target: anthropic/claude-sonnet-5";

#[derive(Subcommand)]
pub enum Command {
    /// Show the rules in the order in which they are tried.
    Show { workspace: String },
    /// Replace all rules by those of a file, or change nothing.
    Set {
        workspace: String,
        /// A list of rules, YAML or JSON; `-`: standard input
        #[arg(long, short, value_name = "FILE")]
        file: PathBuf,
    },
    /// Find rules that can't match, have no target any more, or hide each other.
    Lint { workspace: String },
}

pub async fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Show { workspace } => {
            let answer = context.api.list(&["workspaces", &workspace, "rules"], &[]).await?;
            context.out.answer(&answer, |answer| table_of(answer.items()))
        }
        Command::Set { workspace, file } => {
            let rules = document::read_value(&file)?;
            let path = ["workspaces", &workspace, "rules"];
            let answer = context.api.write(Method::PUT, &path, &[], Some(&rules)).await?;
            context.out.answer(&answer, |answer| {
                format!("workspace {workspace} has {} rules{}", answer.items().len(), answer.revision_note())
            })
        }
        Command::Lint { workspace } => lint(context, &workspace).await,
    }
}

async fn lint(context: &Context, workspace: &str) -> Result<(), Failure> {
    let answer = context.api.list(&["workspaces", workspace, "lint"], &[]).await?;
    context.out.answer(&answer, |answer| {
        let columns = [("SEVERITY", "/severity"), ("RULE", "/rule"), ("FINDING", "/code"), ("DETAIL", "/detail")];
        table::of(answer.items(), &columns, "nothing to complain about")
    })?;
    let is_error = |item: &&Value| item.get("severity").and_then(Value::as_str) == Some("error");
    match answer.items().iter().filter(is_error).count() {
        0 => Ok(()),
        count => Err(Failure::new(format!("{count} errors in the rules of workspace {workspace}"))),
    }
}

/// Rules in order, with what each of them asks for.
pub fn table_of(rules: &[Value]) -> String {
    let row = |(number, rule): (usize, &Value)| {
        let target = table::at(rule, "/target");
        let is_broken = rule.get("broken").and_then(Value::as_bool) == Some(true);
        let gone = if target.contains('/') { "its provider is gone" } else { "it leads nowhere" };
        let target = if is_broken { format!("{target} (broken: {gone})") } else { target };
        vec![(number + 1).to_string(), table::at(rule, "/name"), conditions(rule), target]
    };
    let rows = rules.iter().enumerate().map(row).collect();
    table::rows(&["#", "RULE", "WHEN", "TARGET"], rows, "there are no rules")
}

/// `file *.md, *.txt; tools yes; last turn only`
fn conditions(rule: &Value) -> String {
    let when = rule.get("when").and_then(Value::as_object);
    let mut parts: Vec<String> =
        when.into_iter().flatten().map(|(name, value)| format!("{name} {}", table::cell(value))).collect();
    if rule.get("turns").and_then(Value::as_str) == Some("last") {
        parts.push("last turn only".to_owned());
    }
    if parts.is_empty() { "always".to_owned() } else { parts.join("; ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_are_told_in_words() {
        let rows = [
            (json!({"target": "p/m"}), "always"),
            (json!({"when": {}}), "always"),
            (json!({"when": {"file": ["*.md", "*.txt"]}}), "file *.md, *.txt"),
            (json!({"when": {"tools": true, "min_tokens": 100}}), "tools yes; min_tokens 100"),
            (json!({"when": {"mention": "a"}, "turns": "last"}), "mention a; last turn only"),
            (json!({"when": {"header": [{"name": "x-team", "value": "red*"}]}}), "header name=x-team value=red*"),
        ];
        for (rule, expected) in rows {
            assert_eq!(conditions(&rule), expected, "{rule}");
        }
        let table = table_of(&[json!({"name": "a", "target": "p/m", "broken": true})]);
        assert!(table.contains("p/m (broken: its provider is gone)"), "{table}");
        let table = table_of(&[json!({"name": "a", "target": "fast", "broken": true})]);
        assert!(table.contains("fast (broken: it leads nowhere)"), "{table}");
    }
}

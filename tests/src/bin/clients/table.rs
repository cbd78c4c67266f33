//! The table of all runs.

use std::fmt::Write;

use crate::judge::Outcome;

const HEAD: [&str; 11] = [
    "client",
    "version",
    "speaks",
    "provider",
    "requests",
    "edit",
    "done",
    "statuses",
    "usage (in/out)",
    "seconds",
    "verdict",
];

#[derive(Default)]
pub struct Table {
    rows: Vec<[String; 11]>,
}

impl Table {
    pub fn add(&mut self, client: &str, version: &str, speaks: &str, provider: &str, outcome: &Outcome) {
        let yes = |is: bool| if is { "yes" } else { "NO" }.to_owned();
        let tokens = outcome.usage.tokens;
        let verdict = if outcome.findings().is_empty() { "good" } else { "FAILED" };
        self.rows.push([
            client.to_owned(),
            version.to_owned(),
            speaks.to_owned(),
            provider.to_owned(),
            outcome.prompts.to_string(),
            yes(outcome.edited),
            yes(outcome.done),
            outcome.statuses(),
            format!("{}/{}{}", tokens.input, tokens.output, if tokens == outcome.said { "" } else { " WRONG" }),
            format!("{:.1}", outcome.took.as_secs_f64()),
            verdict.to_owned(),
        ]);
    }

    pub fn add_missing(&mut self, client: &str) {
        let mut row: [String; 11] = Default::default();
        (row[0], row[10]) = (client.to_owned(), "not installed".to_owned());
        self.rows.push(row);
    }

    /// As Markdown.
    pub fn text(&self) -> String {
        let head = HEAD.map(str::to_owned);
        let width = |column: usize| {
            std::iter::once(&head).chain(&self.rows).map(|row| row[column].chars().count()).max().unwrap_or(0)
        };
        let mut text = String::new();
        let mut line = |row: &[String; 11]| {
            for (column, cell) in row.iter().enumerate() {
                let _ = write!(text, "| {cell:<width$} ", width = width(column));
            }
            text.push_str("|\n");
        };
        line(&head);
        line(&std::array::from_fn(|column| "-".repeat(width(column))));
        self.rows.iter().for_each(line);
        text
    }
}

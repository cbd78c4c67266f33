//! What must hold under load. One after the other: they measure time, and the machine may be small.

mod cache;
mod deployments;
mod explain;
mod flips;
mod limits;
mod restart;
mod sessions;
mod usage;

use std::collections::BTreeMap;

use muxspace_tests::provider::answer::tokens;
use muxspace_tests::{Provider, Seen};
use serde_json::Value;
use tokio::sync::Mutex;

/// Held by the test that runs.
static TURN: Mutex<()> = Mutex::const_new(());

/// Requests, input tokens and output tokens.
type Sums = (u64, u64, u64);

/// What honest providers said of the prompts that reached them, by `provider/model`.
fn said<'a>(
    providers: impl IntoIterator<Item = (&'a str, &'a Provider)>,
    counts: impl Fn(&Seen) -> bool,
) -> BTreeMap<String, Sums> {
    let mut sums: BTreeMap<String, Sums> = BTreeMap::new();
    for (name, provider) in providers {
        for seen in provider.prompts() {
            let (input, output) = if counts(&seen) { tokens(&seen) } else { (0, 0) };
            let sum = sums.entry(format!("{name}/{}", seen.model())).or_default();
            *sum = (sum.0 + 1, sum.1 + input, sum.2 + output);
        }
    }
    sums
}

/// What `GET /usage?by=model` says, in the same form.
fn recorded(usage: &Value) -> BTreeMap<String, Sums> {
    let rows = usage["items"].as_array().cloned().unwrap_or_default();
    let number = |row: &Value, field: &str| row[field].as_u64().unwrap_or_default();
    let sums = |row: &Value| (number(row, "requests"), number(row, "input_tokens"), number(row, "output_tokens"));
    rows.iter().map(|row| (model_of(&row["key"]), sums(row))).collect()
}

/// `provider/model` of a row's key.
fn model_of(key: &Value) -> String {
    let model = key["model"].as_str().unwrap_or_default();
    key["provider"].as_str().map_or_else(|| model.to_owned(), |provider| format!("{provider}/{model}"))
}

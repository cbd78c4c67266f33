//! The official Python SDKs through a real Envoy, in every dialect to every kind of provider. The cases, and the providers
//! that judge what reaches them, are Python: `tests/sdk`. Here is what they leave in the records.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

use muxspace_tests::{Options, Stack, stack};
use serde_json::{Value, json};
use tokio::process::Command;

/// The interpreter of an environment that has the SDKs; `make test` makes one.
const PYTHON: &str = "MUXSPACE_SDK_PYTHON";
/// 26 cases for each of 9 pairs of a client's dialect and a provider, 2 more for the 5 pairs that are translated, and 3 times
/// `count_tokens`, `models` of each SDK and a stream without usage, once what cannot be translated.
const CASES: u64 = 9 * 26 + 5 * 2 + 3 * 4 + 1;
const MATRIX_PATIENCE: Duration = Duration::from_secs(120);
const RECORDS_PATIENCE: Duration = Duration::from_secs(10);

/// What is recorded of a model, by the names of the API.
type Recorded = BTreeMap<&'static str, Value>;

#[tokio::test(flavor = "multi_thread")]
async fn every_sdk_speaks_with_every_provider() {
    let Some(python) = std::env::var_os(PYTHON) else {
        eprintln!("skipped: {PYTHON} names no Python that has the official SDKs; `make test` makes one");
        return;
    };
    let stack = Stack::start(Options::default()).await;
    let report = run_matrix(&python, &stack).await;
    assert_eq!(report["cases"], CASES, "cases were lost or added");

    let expected: BTreeMap<&str, Recorded> = models(&report).map(|(model, told)| (model, told_of(told))).collect();
    let requests = expected.values().filter_map(|told| told["requests"].as_u64()).sum();
    let usage = stack.api.usage_of(requests, RECORDS_PATIENCE).await;
    let rows = usage["items"].as_array().expect("rows");
    let recorded: BTreeMap<&str, Recorded> = rows.iter().map(|row| (model_of(row), recorded_in(row))).collect();
    let differing: Vec<String> = expected
        .iter()
        .filter(|(model, told)| recorded.get(*model) != Some(told))
        .map(|(model, told)| format!("{model}: recorded {:?}, the provider told {told:?}", recorded.get(model)))
        .collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    assert_eq!(recorded.len(), expected.len(), "there are records of what nobody asked: {usage}");
    assert_eq!(usage["total"]["requests"], requests);
}

/// Runs the cases and returns the report that ends their output; panics with that output if any failed.
async fn run_matrix(python: &OsString, stack: &Stack) -> Value {
    let mut command = Command::new(python);
    // No byte code: it would lie between the sources.
    command.arg("-B").arg(stack::root().join("tests/sdk/matrix.py"));
    command.args([&stack.url(""), stack.api.base(), stack.api.token()]);
    let run = tokio::time::timeout(MATRIX_PATIENCE, command.kill_on_drop(true).output()).await;
    let output = run.expect("the cases end in time").expect("the interpreter starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    let report = said.lines().last().and_then(|line| serde_json::from_str::<Value>(line).ok());
    match report {
        Some(report) if output.status.success() && report["failed"] == 0 => report,
        _ => panic!("the cases failed ({}):\n{said}\n{complaint}", output.status),
    }
}

fn models(report: &Value) -> impl Iterator<Item = (&str, &Value)> {
    report["models"].as_object().expect("models").iter().map(|(model, told)| (model.as_str(), told))
}

fn told_of(told: &Value) -> Recorded {
    let usage = &told["usage"];
    Recorded::from([
        ("requests", told["requests"].clone()),
        ("errors", told["errors"].clone()),
        ("input_tokens", usage["input"].clone()),
        ("cached_input_tokens", usage["cached"].clone()),
        ("cache_write_tokens", usage["written"].clone()),
        ("output_tokens", usage["output"].clone()),
        ("reasoning_tokens", usage["reasoning"].clone()),
        ("estimated_requests", json!(0)),
    ])
}

fn recorded_in(row: &Value) -> Recorded {
    const FIELDS: [&str; 8] = [
        "requests",
        "errors",
        "input_tokens",
        "cached_input_tokens",
        "cache_write_tokens",
        "output_tokens",
        "reasoning_tokens",
        "estimated_requests",
    ];
    FIELDS.into_iter().map(|name| (name, row[name].clone())).collect()
}

fn model_of(row: &Value) -> &str {
    // Prompts that Muxspace answers by itself have none.
    row["key"]["model"].as_str().unwrap_or_default()
}

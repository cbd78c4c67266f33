//! `make clients`: real coding clients do a small task through a real Envoy, with a model behind it whose every word is
//! known, once as a provider of each dialect. Prints a table, and fails if any client that is installed did.
//!
//! Arguments choose clients by the name of their program; none: all. Clients are looked for on the PATH and below
//! `CLIENTS_HOME`.

mod client;
mod demo;
mod install;
mod judge;
mod model;
mod run;
mod table;

use std::process::ExitCode;
use std::sync::PoisonError;
use std::time::Duration;

use muxspace_tests::{Options, Provider, Stack};
use serde_json::json;

use client::{CLIENTS, Client};
use judge::{Outcome, Usage};
use model::{Dialect, Tokens};
use run::{Outside, Place, Ran};
use table::Table;

/// Within which a filter reports what it served.
const REPORT_PATIENCE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> ExitCode {
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |client: &&Client| chosen.is_empty() || chosen.iter().any(|name| name == client.program);
    let (installed, missing): (Vec<&Client>, Vec<&Client>) =
        CLIENTS.iter().filter(wanted).partition(|client| install::is_installed(client.program));
    if installed.is_empty() && missing.is_empty() {
        let known: std::collections::BTreeSet<&str> = CLIENTS.iter().map(|client| client.program).collect();
        eprintln!("clients: no such client; there are {}", known.into_iter().collect::<Vec<&str>>().join(", "));
        return ExitCode::FAILURE;
    }
    let mut table = Table::default();
    let mut failures = 0;
    if !installed.is_empty() {
        let stack = Stack::start(Options::default()).await;
        let outside = Outside::start().await;
        for client in installed {
            failures += run_all(&stack, &outside, client, &mut table).await;
        }
    }
    let mut hints: Vec<String> = Vec::new();
    for client in missing {
        let hint = format!("{}: {}", client.name, client.install);
        if !hints.contains(&hint) {
            table.add_missing(client.name);
            hints.push(hint);
        }
    }
    println!("\n{}", table.text());
    if !hints.is_empty() {
        println!("Not installed; {} is a folder of your choice:\n\n  {}\n", install::CLIENTS_HOME, hints.join("\n  "));
    }
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One client with every kind of provider behind Envoy; returns how often it failed.
async fn run_all(stack: &Stack, outside: &Outside, client: &Client, table: &mut Table) -> usize {
    let mut failures = 0;
    let home = tempfile::tempdir().expect("a temporary folder");
    let version = install::version(client.program, home.path());
    for dialect in [Dialect::Chat, Dialect::Messages, Dialect::Responses] {
        // A provider of responses speaks chat as well, which is what other clients would get from it.
        if dialect == Dialect::Responses && client.speaks != dialect.name() {
            continue;
        }
        let case = format!("{}-{}-{}", client.program, client.speaks, dialect.name());
        eprintln!("clients: {case}");
        let (outcome, place) = run_one(stack, outside, client, dialect, &case).await;
        let findings = outcome.findings();
        if !findings.is_empty() {
            failures += 1;
            eprintln!("clients: {case} FAILED\n  {}\n{}", findings.join("\n  "), place.keep());
        }
        table.add(client.name, &version, client.speaks, dialect.name(), &outcome);
    }
    failures
}

/// One run in a workspace of its own, which is the active one meanwhile.
async fn run_one(stack: &Stack, outside: &Outside, client: &Client, dialect: Dialect, case: &str) -> (Outcome, Place) {
    let provider = Provider::start().await;
    let place = Place::prepare(&stack.url("/v1/mux"), outside);
    let said = model::play(&provider, dialect, &place.setting.repo);
    stack.api.add_provider_of(case, dialect.provider_type(), &provider.endpoint()).await;
    stack
        .api
        .add_workspace(case, json!([{"name": "everything", "target": format!("{case}/{}", dialect.model())}]))
        .await;
    stack.api.activate(case).await;
    let mut events = stack.api.follow(case).await;
    let refused_before = refused(&stack.envoy_stats().await);

    let Ran { trouble, output, took } = place.run(&(client.launch)(&place.setting)).await;

    let prompts = provider.prompts().len() as u64;
    let usage = recorded(stack, case, prompts).await;
    let mut statuses = Vec::new();
    while (statuses.len() as u64) < usage.requests {
        let Some(event) = events.next("request").await else { break };
        statuses.push(event["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(0));
    }
    let refused = refused(&stack.envoy_stats().await) - refused_before;
    let said = said.lock().unwrap_or_else(PoisonError::into_inner);
    let outcome = Outcome {
        trouble,
        edited: demo::is_edited(&place.setting.repo),
        done: model::is_done(&output),
        prompts,
        objections: said.objections.clone(),
        statuses,
        refused,
        said: said.tokens,
        usage,
        took,
    };
    (outcome, place)
}

/// Usage of the workspace, once it holds `prompts` requests or patience ends.
async fn recorded(stack: &Stack, workspace: &str, prompts: u64) -> Usage {
    let deadline = tokio::time::Instant::now() + REPORT_PATIENCE;
    loop {
        let report = stack.api.get(&format!("/workspaces/{workspace}/usage")).await;
        let count = |field: &str| report["total"][field].as_u64().unwrap_or_default();
        if count("requests") >= prompts || tokio::time::Instant::now() > deadline {
            return Usage {
                requests: count("requests"),
                errors: count("errors"),
                estimated_requests: count("estimated_requests"),
                tokens: Tokens::recorded(&report["total"]),
            };
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Answers of 400 and above to clients, of Envoy's own metrics; those of its admin listener are not among them.
fn refused(stats: &str) -> u64 {
    let is_failure = |line: &&str| {
        line.starts_with("envoy_http_downstream_rq_xx{")
            && !line.contains("=\"admin\"")
            && ["\"4\"", "\"5\""].iter().any(|class| line.contains(class))
    };
    let values = stats.lines().filter(is_failure).filter_map(|line| line.rsplit(' ').next());
    values.filter_map(|value| value.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_of_the_listener_are_counted() {
        let stats = "envoy_http_downstream_rq_xx{envoy_response_code_class=\"2\",envoy_http_conn_manager_prefix=\"in\"} 7\n\
            envoy_http_downstream_rq_xx{envoy_response_code_class=\"4\",envoy_http_conn_manager_prefix=\"in\"} 2\n\
            envoy_http_downstream_rq_xx{envoy_response_code_class=\"5\",envoy_http_conn_manager_prefix=\"in\"} 1\n\
            envoy_http_downstream_rq_xx{envoy_response_code_class=\"4\",envoy_http_conn_manager_prefix=\"admin\"} 9\n";
        assert_eq!(refused(stats), 3);
    }
}

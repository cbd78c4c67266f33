//! `make bench`: what Muxspace costs inside a real Envoy, against the same Envoy without it.
//!
//! Arms of one run, on one machine and one Envoy build: `bare` (the product's own bootstrap and cluster, minus the filter,
//! with a static route) and Muxspace (both roles, usage reporting on) with 20 and with 1,000 rules, and with a provider of
//! another dialect. The arms take turns within each round, and ratios are taken within a round, so that a slow minute of the machine hits all of them.
//! CPU time is that of the whole Envoy process, from the kernel. Prints the table and writes docs/benchmarks.md.

mod agents;
mod bare;
mod body;
mod crowd;
mod latency;
mod load;
mod machine;
mod memory;
mod report;
mod streams;
mod upstream;

use std::time::Instant;

use muxspace_tests::{Options, Stack};
use serde_json::{Value, json};

use bare::Bare;
use crowd::Crowd;
use load::{Arm, CREDENTIAL, Cost};
use report::{CrowdReport, Report};

/// A body's size, and how many requests of it make a round of about half a second.
pub struct Size {
    pub name: &'static str,
    pub bytes: usize,
    pub requests: usize,
    /// Most CPU per request, as a multiple of bare Envoy's, that the project allows itself.
    pub target: f64,
    /// The same where the provider speaks another dialect.
    pub translated_target: Option<f64>,
}

pub const SIZES: [Size; 3] = [
    Size { name: "2 KB", bytes: 2_000, requests: 6_000, target: 2.0, translated_target: None },
    Size { name: "100 KB", bytes: 100_000, requests: 4_000, target: 1.9, translated_target: Some(2.5) },
    Size { name: "1 MB", bytes: 1_000_000, requests: 900, target: 1.7, translated_target: None },
];
/// Most CPU per event of a stream, over bare Envoy's, that the project allows itself.
pub const EVENT_TARGET_US: f64 = 5.0;
/// First argument for the first tables alone, without writing them anywhere: while working on the request path.
const CPU_ONLY: &str = "cpu";
/// The same for what very many workspaces and keys cost.
const CROWD_ONLY: &str = "crowd";
const ROUNDS: usize = 11;
/// Connections that each send the next request when the last one is answered.
const CONNECTIONS: usize = 8;
const FEW_RULES: usize = 20;
const MANY_RULES: usize = 1_000;
/// Path prefix that chooses the workspace with many rules.
const MANY: &str = "many";
/// Path prefix that chooses the workspace whose requests are translated.
const TRANSLATED: &str = "translated";
/// The last rule's target, in the dialect of chat requests and in another one.
const TARGET: &str = "bench/model";
const OTHER_TARGET: &str = "bench-messages/model";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let started = Instant::now();
    let upstream = upstream::start();
    progress("starting the control server and Envoy");
    let stack = start(1, &upstream).await;
    let bare = Bare::start(&stack, 1).await;
    let pinned = machine::spread(&[stack.envoy_id(), bare.envoy_id()]);
    let arm = |prefix: &str| {
        let path = format!("{prefix}/v1/mux/chat/completions");
        Arm { address: stack.proxy(), envoy: stack.envoy_id(), path, credential: CREDENTIAL.into() }
    };
    let bare_arm = Arm { address: bare.address(), envoy: bare.envoy_id(), ..arm("") };
    let arms = [bare_arm, arm(""), arm(&format!("/w/{MANY}")), arm(&format!("/w/{TRANSLATED}"))];
    let only = std::env::args().nth(1);
    if only.as_deref() == Some(CROWD_ONLY) {
        return println!("\n{}", report::crowd(&measure_crowd(&upstream, &stack, &arms[1]).await));
    }
    let mut costs = Vec::new();
    for size in &SIZES {
        progress(&format!("CPU per request, {}", size.name));
        costs.push(take_turns(&arms, size).await);
    }
    progress("CPU per event of a streamed answer");
    let stream_costs = streams::measure(&[&arms[..2], &arms[3..]].concat()).await;
    progress("CPU per request, prompts of coding agents");
    let agents = agents::measure(&arms[..2]).await;
    if only.as_deref() == Some(CPU_ONLY) {
        let tables = [report::cpu(&costs), report::translated(&costs), report::events(&stream_costs)];
        return println!("\n{}{}", tables.concat(), report::agents(&agents));
    }
    progress("latency, one request at a time");
    let latencies = latency::measure(&arms[..2]).await;
    progress("streamed answers");
    let streams = latency::measure_streams(&arms[..2]).await;
    drop(bare);
    let crowd = measure_crowd(&upstream, &stack, &arms[1]).await;
    drop(stack);
    progress("memory per worker");
    let memory = memory::measure(&upstream).await;

    let report =
        Report { pinned, costs, agents, crowd, latencies, streams, stream_costs, memory, took: started.elapsed() };
    let markdown = report.markdown();
    println!("\n{markdown}");
    report::write(&markdown);
    progress("written to docs/benchmarks.md");
}

/// Against one workspace and key of `few`.
async fn measure_crowd(upstream: &str, few: &Stack, arm: &Arm) -> CrowdReport {
    progress(&format!("{} workspaces and {} keys", crowd::WORKSPACES, crowd::KEYS));
    let one_key = Arm { credential: crowd::credential(few).await, ..arm.clone() };
    let Crowd { stack, credential, vm_bytes, start } = crowd::start(upstream).await;
    machine::spread(&[few.envoy_id(), stack.envoy_id()]);
    let pair = [one_key, Arm { address: stack.proxy(), envoy: stack.envoy_id(), credential, path: arm.path.clone() }];
    let mut costs = Vec::new();
    for size in &SIZES {
        costs.push(take_turns(&pair, size).await);
    }
    CrowdReport { costs, vm_bytes, start }
}

fn progress(what: &str) {
    eprintln!("bench: {what}");
}

/// Muxspace in front of the upstream, with both workspaces.
pub async fn start(concurrency: usize, upstream: &str) -> Stack {
    let stack = Stack::start(Options { concurrency, ..Options::default() }).await;
    stack.api.add_provider("bench", upstream).await;
    stack.api.add_provider_of("bench-messages", "anthropic", upstream).await;
    stack.api.put_rules("default", rules(FEW_RULES, TARGET)).await;
    stack.api.add_workspace(MANY, rules(MANY_RULES, TARGET)).await;
    stack.api.add_workspace(TRANSLATED, rules(FEW_RULES, OTHER_TARGET)).await;
    stack
}

/// Rules of which only the last matches, so that all are tried.
fn rules(count: usize, target: &str) -> Value {
    let pattern = |index: usize| match index % 4 {
        0 => format!(".ext{index}"),
        1 => format!("*_{index}.test.ts"),
        2 => format!("area_{index}/**/*.rs"),
        _ => format!("docs/chapter_{index}.md"),
    };
    let rule =
        |index| json!({"name": format!("rule-{index}"), "when": {"file": pattern(index)}, "target": "bench/other"});
    let mut rules: Vec<Value> = (2..count).map(rule).collect();
    rules.push(json!({"name": "messages", "when": {"request": "messages"}, "target": OTHER_TARGET}));
    rules.push(json!({"name": "everything", "target": target}));
    Value::Array(rules)
}

/// Costs by round, each with one entry per arm.
async fn take_turns(arms: &[Arm], size: &Size) -> Vec<Vec<Cost>> {
    let mut clients = Vec::new();
    for arm in arms {
        let mut client = load::Client::connect(arm, CONNECTIONS, &body::chat_request(size.bytes)).await;
        // Buffers grow and code gets compiled before anything counts.
        client.round(size.requests / 4).await;
        assert!(
            client.counts("chat.completion").0.iter().all(|count| *count == 1),
            "not answered in the client's dialect"
        );
        clients.push(client);
    }
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let mut costs = Vec::new();
        for client in &mut clients {
            costs.push(client.round(size.requests).await);
        }
        rounds.push(costs);
    }
    rounds
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The measuring itself, with the upstream in Envoy's place.
    fn arm(path: &str) -> Arm {
        let endpoint = upstream::start();
        let address = endpoint.trim_start_matches("http://").trim_end_matches("/v1").parse().expect("an address");
        Arm { address, envoy: std::process::id(), path: path.into(), credential: CREDENTIAL.into() }
    }

    #[tokio::test]
    async fn every_request_and_event_is_counted() {
        let arm = arm("/v1/mux/chat/completions");
        for size in &SIZES {
            let body = body::chat_request(size.bytes);
            assert_eq!(body.len(), size.bytes);
            assert!(serde_json::from_slice::<Value>(&body).is_ok_and(|body| body["messages"].is_array()));
            let cost = load::Client::connect(&arm, 3, &body).await.round(10).await;
            assert!(cost.cpu_us > 0.0 && cost.requests_per_s > 0.0);
        }
        let streams = latency::measure_streams(&[arm]).await;
        assert_eq!(streams[0].event_delay.len(), streams[0].first_event.len() * upstream::USUAL.deltas);
    }

    #[tokio::test]
    async fn the_upstream_answers_in_the_dialect_of_the_path_at_the_pace_that_the_prompt_asks_for() {
        for (path, answer, event) in [
            ("/v1/chat/completions", r#""object":"chat.completion""#, "chat.completion.chunk"),
            ("/v1/messages?beta=true", r#""type":"message""#, r#""type":"content_block_delta""#),
        ] {
            let arm = arm(path);
            let mut plain = load::Client::connect(&arm, 2, &body::chat_request(2_000)).await;
            plain.round(2).await;
            assert_eq!(plain.counts(answer), (vec![1, 1], 0));
            for (name, pace) in streams::PACES {
                let body = body::streamed(2_000, &pace.wish());
                assert!(serde_json::from_slice::<Value>(&body).is_ok_and(|body| body["stream"] == true));
                let mut client = load::Client::connect(&arm, CONNECTIONS, &body).await;
                let cost = streams::round(&mut client, 1).await;
                assert!(cost.cpu_us_per_event > 0.0 && cost.events_per_chunk < 1.0, "{name}");
                assert_eq!(client.counts(event).0, [streams::DELTAS; CONNECTIONS]);
            }
        }
    }
}

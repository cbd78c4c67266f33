//! A Muxspace with very many workspaces, of which one is used.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use muxspace_tests::Stack;
use reqwest::Method;
use serde_json::json;

pub const WORKSPACES: usize = 10_000;
/// Rules that each of them has.
const RULES: usize = 5;
const AT_ONCE: usize = 8;
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Crowd {
    pub stack: Stack,
    /// WebAssembly memory of one VM, in bytes: with few workspaces, and with all.
    pub vm_bytes: [u64; 2],
    /// From Envoy's start until every VM routes: with few workspaces, and with all.
    pub start: [Duration; 2],
}

pub async fn start(upstream: &str) -> Crowd {
    let mut stack = crate::start(1, upstream).await;
    let few_start = restarted(&mut stack).await;
    let few = vm_bytes(&stack).await;
    let rules: Vec<_> = (0..RULES)
        .map(|index| json!({"name": format!("r{index}"), "when": {"file": format!("*.x{index}")}, "target": "bench/model"}))
        .collect();
    let made = stream::iter(0..WORKSPACES).map(async |number| {
        let body = json!({"name": format!("workspace-{number}"), "rules": rules});
        stack.api.call(Method::POST, "/workspaces", Some(body)).await.accepted()
    });
    let newest = made.buffer_unordered(AT_ONCE).fold(0, async |newest, revision| revision.max(newest)).await;
    applied(&stack, newest).await;
    let all_start = restarted(&mut stack).await;
    applied(&stack, newest).await;
    let vm_bytes = [few, vm_bytes(&stack).await];
    Crowd { stack, vm_bytes, start: [few_start, all_start] }
}

/// New VMs take the full state at once.
async fn restarted(stack: &mut Stack) -> Duration {
    let begun = Instant::now();
    stack.restart_envoy().await;
    begun.elapsed()
}

async fn applied(stack: &Stack, revision: u64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let nodes = stack.api.nodes().await;
        if nodes.len() > 1 && nodes.iter().all(|node| node["revision_acked"].as_u64() >= Some(revision)) {
            return;
        }
        assert!(Instant::now() < deadline, "not every node serves revision {revision}: {nodes:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// All VMs add to one figure, which they tell every 100 ms.
async fn vm_bytes(stack: &Stack) -> u64 {
    tokio::time::sleep(Duration::from_millis(300)).await;
    let stats = stack.envoy_stats().await;
    let line = stats.lines().find(|line| line.starts_with("muxspace_memory_bytes{"));
    let total: u64 = line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).expect("the filter tells its memory");
    total / stack.api.nodes().await.len() as u64
}

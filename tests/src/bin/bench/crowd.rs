//! A Muxspace with very many workspaces and keys, of which one is used.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use muxspace_tests::Stack;
use reqwest::Method;
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

pub const WORKSPACES: usize = 10_000;
/// Over all of them.
pub const KEYS: usize = 100_000;
/// Rules that each of them has.
const RULES: usize = 5;
const AT_ONCE: usize = 8;
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Crowd {
    pub stack: Stack,
    pub credential: String,
    /// WebAssembly memory of one VM, in bytes: with few workspaces, with all, and with all and all keys.
    pub vm_bytes: [u64; 3],
    /// From Envoy's start until every VM routes, likewise.
    pub start: [Duration; 3],
}

pub async fn start(upstream: &str) -> Crowd {
    let mut stack = crate::start(1, upstream).await;
    let credential = credential(&stack).await;
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
    let all = vm_bytes(&stack).await;
    add_keys(&mut stack).await;
    let keys_start = restarted(&mut stack).await;
    applied(&stack, newest).await;
    let vm_bytes = [few, all, vm_bytes(&stack).await];
    Crowd { stack, credential, vm_bytes, start: [few_start, all_start, keys_start] }
}

/// What a client with a key of workspace `default` shows.
pub async fn credential(stack: &Stack) -> String {
    let made = stack.api.post("/workspaces/default/keys?wait=applied", json!({"name": "bench"})).await;
    format!("Bearer {}", made.body["key"].as_str().expect("the key is shown once"))
}

/// Puts keys straight into the database: one by one they would take minutes.
async fn add_keys(stack: &mut Stack) {
    stack.kill_server();
    let options = SqliteConnectOptions::new().filename(stack.database());
    let mut database = options.connect().await.expect("the database opens");
    let like = "SELECT scopes, created_at FROM virtual_keys LIMIT 1";
    let sql = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {}), \
         places AS (SELECT id, ROW_NUMBER() OVER (ORDER BY id) - 1 AS place, COUNT(*) OVER () AS places FROM workspaces), \
         model AS ({like}) \
         INSERT INTO virtual_keys (id, workspace_id, name, hash, last_four, scopes, created_at, updated_at) \
         SELECT 1000000 + n, places.id, 'k' || n, lower(hex(randomblob(16))), 'abcd', scopes, created_at, created_at \
         FROM numbers JOIN places ON place = n % places JOIN model",
        KEYS - 1
    );
    let inserted = sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut database).await.expect("keys are inserted");
    assert_eq!(inserted.rows_affected(), KEYS as u64 - 1);
    database.close().await.expect("the database closes");
    stack.start_server().await;
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

//! Deployments under load: targets that fail, targets that are edited, and how requests are spread.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use muxspace_tests::client::{self, Reply};
use muxspace_tests::provider::{HangsUp, answer, refusing_endpoint};
use muxspace_tests::{Answer, Options, Provider, Stack};
use reqwest::Method;
use serde_json::{Value, json};

use crate::TURN;

/// Envoy's workers.
const WORKERS: usize = 4;
const CLIENTS: usize = 32;
const EDITED_REQUESTS: usize = 20_000;
const DEAD_REQUESTS: usize = 6_000;
const WEIGHED_REQUESTS: usize = 10_000;
const PAUSE_BETWEEN_EDITS: Duration = Duration::from_millis(30);

/// What became of requests: by target, by how many targets were tried, and those that failed.
#[derive(Default)]
struct Outcome {
    targets: BTreeMap<String, usize>,
    moved_on: usize,
    errors: Vec<String>,
}

impl Outcome {
    fn add(&mut self, reply: &Reply) {
        if reply.status != 200 {
            let headers =
                ["x-muxspace-target", "x-muxspace-attempts", "x-muxspace-revision"].map(|name| reply.header(name));
            self.errors.push(format!("{} {headers:?} {}", reply.status, reply.text()));
        }
        *self.targets.entry(reply.header("x-muxspace-target").to_owned()).or_default() += 1;
        self.moved_on += usize::from(!reply.header("x-muxspace-attempts").is_empty());
    }

    fn merge(mut self, other: Self) -> Self {
        for (target, count) in other.targets {
            *self.targets.entry(target).or_default() += count;
        }
        self.moved_on += other.moved_on;
        self.errors.extend(other.errors);
        self
    }

    fn share(&self, target: &str) -> f64 {
        let all: usize = self.targets.values().sum();
        self.targets.get(target).copied().unwrap_or(0) as f64 / all as f64
    }
}

/// Sends so many requests for a model, over all clients.
async fn send(stack: &Stack, model: &str, requests: usize) -> Outcome {
    let left = Arc::new(AtomicUsize::new(requests));
    let url = stack.url("/v1/chat/completions");
    let body = json!({"model": model, "messages": [{"role": "user", "content": "hi"}]}).to_string();
    let one = |url: String, body: String, left: Arc<AtomicUsize>| async move {
        let http = client::http();
        let mut outcome = Outcome::default();
        let take = |left: usize| left.checked_sub(1);
        while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
            outcome.add(&client::send(http.post(&url).body(body.clone())).await.expect("an answer"));
        }
        outcome
    };
    let clients: Vec<_> =
        (0..CLIENTS).map(|_| tokio::spawn(one(url.clone(), body.clone(), Arc::clone(&left)))).collect();
    let mut all = Outcome::default();
    for client in clients {
        all = all.merge(client.await.expect("the client ends"));
    }
    all
}

async fn deploy(stack: &Stack, deployment: Value) {
    stack.api.post("/workspaces/default/deployments?wait=applied", deployment).await;
}

fn targets(names: &[&str]) -> Value {
    names.iter().map(|name| json!({"model": name})).collect()
}

/// Providers `a`, `b` and `c`, each with a model in the collection; `dead` refuses connections, `rude` breaks them.
async fn start() -> (Stack, [Provider; 3], HangsUp) {
    let providers = [Provider::start().await, Provider::start().await, Provider::start().await];
    let stack = Stack::start(Options { concurrency: WORKERS, ..Options::default() }).await;
    let (dead, rude) = (refusing_endpoint().await, HangsUp::start().await);
    let endpoints = providers.each_ref().map(Provider::endpoint);
    for (name, endpoint) in
        ["a", "b", "c"].into_iter().zip(&endpoints).chain([("dead", &dead), ("rude", &rude.endpoint)])
    {
        stack.api.add_provider(name, endpoint).await;
        let model = json!({"alias": name, "model": format!("{name}/m")});
        stack.api.post("/workspaces/default/models?wait=applied", model).await;
    }
    (stack, providers, rude)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_client_sees_an_error_while_a_target_is_healthy() {
    let _turn = TURN.lock().await;
    let (stack, [a, _b, _c], _rude) = start().await;
    let count = AtomicUsize::new(0);
    // Half of the time it fails, in all ways there are.
    a.answer(move |seen| match count.fetch_add(1, Ordering::Relaxed) % 8 {
        0 => Answer::error(503, "down"),
        2 => Answer::error(429, "slow down"),
        4 => Answer::json(500, ""),
        6 => Answer::error(529, "overloaded"),
        _ => answer::honest(seen),
    });
    deploy(&stack, json!({"name": "d", "policy": "round_robin", "targets": targets(&["a", "b", "c"])})).await;
    let edits = AtomicUsize::new(0);
    let editing = async {
        let lists = [&["a", "b", "c"][..], &["a", "c"], &["c", "a", "b"], &["a", "dead", "b"], &["rude", "b"]];
        let policies = ["ordered", "round_robin", "weighted"];
        loop {
            let edit = edits.fetch_add(1, Ordering::Relaxed);
            let (targets, policy) = (targets(lists[edit % lists.len()]), policies[edit % policies.len()]);
            let patch = json!({"targets": targets, "policy": policy,
                "breaker": {"failures": edit % 4, "window_s": 5, "cooldown_s": 1}});
            stack.api.call(Method::PATCH, "/workspaces/default/deployments/d", Some(patch)).await.accepted();
            tokio::time::sleep(PAUSE_BETWEEN_EDITS).await;
        }
    };
    let outcome = tokio::select! {
        outcome = send(&stack, "d", EDITED_REQUESTS) => outcome,
        () = editing => unreachable!("it edits until the requests are done"),
    };
    let edits = edits.into_inner();
    println!(
        "{EDITED_REQUESTS} requests, {edits} edits: {} went on to another target; by target {:?}",
        outcome.moved_on, outcome.targets
    );
    assert_eq!(outcome.errors, [""; 0]);
    assert!(edits > 50, "{edits} edits");
    // Not half of all: the breaker keeps most of them from the one that fails.
    assert!(outcome.moved_on > EDITED_REQUESTS / 100, "hardly any try failed: {}", outcome.moved_on);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_target_is_hardly_ever_tried_first_and_weights_are_kept() {
    let _turn = TURN.lock().await;
    let (stack, _providers, _rude) = start().await;
    deploy(&stack, json!({"name": "third_dead", "policy": "round_robin", "targets": targets(&["a", "dead", "b"])}))
        .await;
    // Until every worker has found out.
    send(&stack, "third_dead", 600).await;
    let outcome = send(&stack, "third_dead", DEAD_REQUESTS).await;
    let percent = outcome.moved_on as f64 * 100.0 / DEAD_REQUESTS as f64;
    println!("{DEAD_REQUESTS} requests: {percent:.2}% tried the dead target first");
    assert_eq!(outcome.errors, [""; 0]);
    assert!(percent <= 2.0, "{percent}%");

    let weighed = json!([{"model": "a", "weight": 70}, {"model": "b", "weight": 20}, {"model": "c", "weight": 10}]);
    deploy(&stack, json!({"name": "weighed", "policy": "weighted", "targets": weighed})).await;
    let outcome = send(&stack, "weighed", WEIGHED_REQUESTS).await;
    let shares = ["a/m", "b/m", "c/m"].map(|target| outcome.share(target) * 100.0);
    println!("weights 70, 20, 10 over {WEIGHED_REQUESTS} requests: {shares:.1?}%");
    for (share, weight) in shares.iter().zip([70.0, 20.0, 10.0]) {
        assert!((share - weight).abs() <= 2.0, "{shares:?}");
    }
}

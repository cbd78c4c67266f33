use std::rc::Rc;

use mux::config::{
    Auth, Breaker, Collection, CollectionModel, Deployment, DeploymentTarget, Policy, Provider, RETRY_ON_DEFAULT,
};
use mux::route::{Aim, Balancer, Tries};
use mux::snapshot::Workspace;

use super::{Balances, Verdict};

const FAILED: Verdict = Verdict::Failure { retry_after_ms: None };

fn deployment(policy: Policy, weights: &[u32]) -> Deployment {
    let target = |(index, weight): (usize, &u32)| DeploymentTarget { alias: alias(index), weight: *weight };
    Deployment {
        name: "d".parse().unwrap(),
        policy,
        targets: weights.iter().enumerate().map(target).collect(),
        retry_on: RETRY_ON_DEFAULT.to_vec(),
        try_timeout_ms: 0,
        breaker: Breaker { failures: 3, window_s: 10, cooldown_s: 20 },
        cache_ttl_s: None,
    }
}

fn alias(index: usize) -> mux::config::Alias {
    format!("m{index}").parse().unwrap()
}

fn workspace() -> Workspace {
    let models = Vec::<CollectionModel>::new();
    let collection = Collection { is_open: false, models };
    mux::config::Workspace { collection, ..mux::config::Workspace::new("w".parse().unwrap(), Vec::new()) }.into()
}

fn tries(deployment: &Deployment) -> Tries {
    let provider = Rc::new(Provider {
        name: "p".parse().unwrap(),
        cluster: "c".into(),
        authority: "h".into(),
        base_path: "".into(),
        auth: Auth::None,
        dialects: Box::default(),
        extensions: false,
        output_limits: Box::default(),
    });
    let aim = |target: &DeploymentTarget| Aim {
        provider: Rc::clone(&provider),
        model: "p/m".parse().unwrap(),
        alias: Some(target.alias.clone()),
        requests_per_minute: None,
    };
    let mut aims = deployment.targets.iter().map(aim);
    Tries { first: aims.next().unwrap(), others: aims.collect() }
}

/// A deployment with what happened to it.
struct Bench {
    balances: Balances,
    workspace: Workspace,
    deployment: Deployment,
    tries: Tries,
}

impl Bench {
    fn new(policy: Policy, weights: &[u32]) -> Self {
        let deployment = deployment(policy, weights);
        let tries = tries(&deployment);
        Self { balances: Balances::new(7), workspace: workspace(), deployment, tries }
    }

    fn first(&mut self, now_ms: u64) -> usize {
        self.order(now_ms)[0]
    }

    fn order(&mut self, now_ms: u64) -> Vec<usize> {
        self.balances.at(now_ms).order(&self.workspace, &self.deployment, &self.tries)
    }

    fn note(&mut self, target: usize, verdict: Verdict, now_ms: u64) {
        self.balances.note(&self.workspace.name, &self.deployment, &alias(target), verdict, now_ms);
    }

    fn is_open(&self, target: usize, now_ms: u64) -> bool {
        let states = self.balances.states.values();
        let health = states.filter_map(|state| state.targets.get(&alias(target))).next();
        health.is_some_and(|health| health.circuit.is_open(now_ms))
    }
}

#[test]
fn policies_choose_the_first() {
    let mut ordered = Bench::new(Policy::Ordered, &[1, 1, 1]);
    assert_eq!([0; 4].map(|_| ordered.first(0)), [0; 4]);
    let mut round = Bench::new(Policy::RoundRobin, &[1, 1, 1]);
    assert_eq!([0; 6].map(|_| round.first(0)), [0, 1, 2, 0, 1, 2]);
    let mut weighted = Bench::new(Policy::Weighted, &[70, 20, 10]);
    let mut counts = [0_i32; 3];
    for _ in 0..10_000 {
        counts[weighted.first(0)] += 1;
    }
    for (count, percent) in counts.iter().zip([70, 20, 10]) {
        assert!((count - percent * 100).abs() <= 200, "{counts:?}");
    }
}

#[test]
fn open_targets_are_left_out_and_the_others_go_round() {
    let mut bench = Bench::new(Policy::RoundRobin, &[1, 1, 1]);
    assert_eq!([bench.order(0), bench.order(0)], [vec![0, 1, 2], vec![1, 2, 0]]);
    bench.note(0, Verdict::Failure { retry_after_ms: Some(1_000) }, 0);
    assert_eq!([bench.order(1), bench.order(1), bench.order(1)], [vec![2, 1], vec![1, 2], vec![1, 2]]);
}

#[test]
fn failures_within_the_window_open_a_target_for_its_cooldown() {
    let mut bench = Bench::new(Policy::Ordered, &[1, 1]);
    for now_ms in [0, 6_000, 12_000] {
        bench.note(0, FAILED, now_ms);
    }
    assert!(!bench.is_open(0, 12_000), "the first is out of the window");
    bench.note(0, FAILED, 13_000);
    assert!(bench.is_open(0, 13_000));
    assert_eq!(bench.first(13_000), 1);
    assert_eq!(bench.first(32_999), 1);
    assert_eq!(bench.first(33_000), 0, "one probes it");
    assert_eq!(bench.first(33_001), 1, "the others wait for the probe");
    bench.note(0, FAILED, 33_500);
    assert_eq!(bench.first(34_000), 1);
    assert_eq!(bench.first(53_500), 0, "the next probe");
    bench.note(0, Verdict::Success, 53_600);
    assert_eq!([bench.first(53_700), bench.first(53_701)], [0, 0]);
}

#[test]
fn a_probe_that_is_never_heard_of_does_not_block_its_target() {
    let mut bench = Bench::new(Policy::Ordered, &[1, 1]);
    (0..3).for_each(|_| bench.note(0, FAILED, 0));
    assert_eq!([bench.first(20_000), bench.first(39_999), bench.first(40_000)], [0, 1, 0]);
}

#[test]
fn retry_after_opens_at_once_and_has_a_limit() {
    let mut bench = Bench::new(Policy::RoundRobin, &[1, 1]);
    bench.note(1, Verdict::Failure { retry_after_ms: Some(90_000) }, 0);
    assert_eq!([0; 4].map(|_| bench.first(89_999)), [0; 4]);
    assert!(!bench.is_open(1, 90_000));
    bench.note(0, Verdict::Failure { retry_after_ms: Some(u64::MAX) }, 100_000);
    assert!(!bench.is_open(0, 100_000 + super::RETRY_AFTER_MS_MAX));
}

#[test]
fn when_all_are_open_the_policy_alone_decides() {
    let mut bench = Bench::new(Policy::Ordered, &[1, 1]);
    for target in [0, 1] {
        (0..3).for_each(|_| bench.note(target, FAILED, 0));
    }
    assert_eq!([bench.first(1), bench.first(2)], [0, 0]);
    bench.note(0, Verdict::Success, 3);
    assert!(!bench.is_open(0, 3), "it answered, so it is well");
}

#[test]
fn weights_of_open_targets_go_to_the_others() {
    let mut bench = Bench::new(Policy::Weighted, &[98, 1, 1]);
    (0..3).for_each(|_| bench.note(0, FAILED, 0));
    let mut counts = [0; 3];
    for _ in 0..1_000 {
        counts[bench.first(1)] += 1;
    }
    assert!(counts[0] == 0 && counts[1] > 400 && counts[2] > 400, "{counts:?}");
}

#[test]
fn the_state_is_bounded() {
    let mut bench = Bench::new(Policy::Ordered, &[1, 1]);
    for number in 0..=super::DEPLOYMENTS_MAX {
        let name = format!("d{number}").parse().unwrap();
        bench.balances.note(
            &bench.workspace.name,
            &Deployment { name, ..bench.deployment.clone() },
            &alias(0),
            FAILED,
            0,
        );
    }
    assert!(bench.balances.states.len() <= super::DEPLOYMENTS_MAX);
}

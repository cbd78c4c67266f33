//! Which target of a deployment comes first, and which are left alone for a while.
//!
//! Each VM keeps count for itself: a target that fails is found out by every worker on its own, within so many failures.

use std::collections::HashMap;

use fastrand::Rng;
use mux::config::{Alias, Breaker, Deployment, Name, Policy};
use mux::route::{Balancer, Tries};
use mux::snapshot::Workspace;

/// Deployments whose state one VM keeps. Past it all are forgotten, and begin anew.
pub const DEPLOYMENTS_MAX: usize = 10_000;
/// Longest time that a provider's `retry-after` keeps a target open.
pub const RETRY_AFTER_MS_MAX: u64 = 60 * 60 * 1_000;

/// What happened to the deployments of this VM.
#[derive(Debug)]
pub struct Balances {
    states: HashMap<(Name, Alias), State>,
    random: Rng,
}

#[derive(Debug, Default)]
struct State {
    /// Requests that went round so far.
    turns: usize,
    targets: HashMap<Alias, Health>,
}

/// What is known of a target.
#[derive(Debug, Default)]
struct Health {
    /// When it failed of late, oldest first; at most as many as open it.
    failures: Vec<u64>,
    circuit: Circuit,
}

/// As in the circuit-breaker pattern: closed lets requests through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Circuit {
    #[default]
    Closed,
    Open {
        until_ms: u64,
    },
    /// One request tries it; if nothing is heard of that one, another may from then on.
    Probing {
        until_ms: u64,
    },
}

/// How a try ended, as far as its target is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Success,
    Failure {
        /// From the provider's `retry-after`.
        retry_after_ms: Option<u64>,
    },
}

/// [`Balances`] at a time.
pub struct At<'b> {
    balances: &'b mut Balances,
    now_ms: u64,
}

impl Balances {
    pub fn new(seed: u64) -> Self {
        Self { states: HashMap::new(), random: Rng::with_seed(seed) }
    }

    pub fn at(&mut self, now_ms: u64) -> At<'_> {
        At { balances: self, now_ms }
    }

    /// A try at a target has ended.
    pub fn note(&mut self, workspace: &Name, deployment: &Deployment, target: &Alias, verdict: Verdict, now_ms: u64) {
        let targets = &mut self.state(workspace, &deployment.name).targets;
        match targets.get_mut(target) {
            Some(health) => health.note(&deployment.breaker, verdict, now_ms),
            None if verdict == Verdict::Success => {}
            None => targets.entry(target.clone()).or_default().note(&deployment.breaker, verdict, now_ms),
        }
    }

    fn state(&mut self, workspace: &Name, deployment: &Alias) -> &mut State {
        let key = (workspace.clone(), deployment.clone());
        if self.states.len() >= DEPLOYMENTS_MAX && !self.states.contains_key(&key) {
            self.states.clear();
        }
        self.states.entry(key).or_default()
    }
}

impl Health {
    fn note(&mut self, breaker: &Breaker, verdict: Verdict, now_ms: u64) {
        let cooldown_ms = u64::from(breaker.cooldown_s) * 1_000;
        match verdict {
            Verdict::Success if self.circuit == Circuit::Closed => {}
            Verdict::Success => *self = Self::default(),
            Verdict::Failure { retry_after_ms: Some(wait_ms) } => self.open(now_ms + wait_ms.min(RETRY_AFTER_MS_MAX)),
            Verdict::Failure { retry_after_ms: None } if self.circuit != Circuit::Closed => {
                self.open(now_ms + cooldown_ms);
            }
            Verdict::Failure { retry_after_ms: None } => {
                let since_ms = now_ms.saturating_sub(u64::from(breaker.window_s) * 1_000);
                self.failures.retain(|failed_ms| *failed_ms >= since_ms);
                self.failures.push(now_ms);
                match breaker.failures as usize {
                    0 => self.failures.clear(),
                    most if self.failures.len() >= most => self.open(now_ms + cooldown_ms),
                    _ => {}
                }
            }
        }
    }

    fn open(&mut self, until_ms: u64) {
        self.failures.clear();
        let longest = match self.circuit {
            Circuit::Open { until_ms: own } => own.max(until_ms),
            Circuit::Closed | Circuit::Probing { .. } => until_ms,
        };
        self.circuit = Circuit::Open { until_ms: longest };
    }
}

impl Circuit {
    fn is_open(self, now_ms: u64) -> bool {
        match self {
            Self::Closed => false,
            Self::Open { until_ms } | Self::Probing { until_ms } => now_ms < until_ms,
        }
    }
}

impl Balancer for At<'_> {
    fn order(&mut self, workspace: &Workspace, deployment: &Deployment, tries: &Tries) -> Vec<usize> {
        let (now_ms, mut random) = (self.now_ms, self.balances.random.fork());
        let state = self.balances.state(&workspace.name, &deployment.name);
        let count = tries.count();
        let aliases = || tries.iter().filter_map(|aim| aim.alias.as_ref());
        let is_closed = |alias: &Alias| state.targets.get(alias).is_none_or(|own| !own.circuit.is_open(now_ms));
        let mut may: Vec<bool> = aliases().map(is_closed).collect();
        let all_open = !may.contains(&true);
        may.iter_mut().for_each(|may| *may |= all_open);
        let from = match deployment.policy {
            Policy::Ordered => 0,
            Policy::RoundRobin => state.turns % count,
            Policy::Weighted => {
                let weight = |(alias, may): (&Alias, &bool)| {
                    let own = deployment.targets.iter().find(|target| target.alias == *alias);
                    if *may { own.map_or(0, |own| u64::from(own.weight)) } else { 0 }
                };
                let weights: Vec<u64> = aliases().zip(&may).map(weight).collect();
                by_weight(&weights, &mut random)
            }
        };
        state.turns = state.turns.wrapping_add(1);
        let round = (from..from + count).map(|index| index % count);
        let order: Vec<usize> = round.filter(|index| may.get(*index) == Some(&true)).collect();
        let first = order.first().and_then(|first| aliases().nth(*first));
        if let Some(health) = first.and_then(|alias| state.targets.get_mut(alias))
            && health.circuit != Circuit::Closed
            && !all_open
        {
            let until_ms = now_ms + u64::from(deployment.breaker.cooldown_s) * 1_000;
            health.circuit = Circuit::Probing { until_ms };
        }
        order
    }
}

/// An index by chance, in proportion to the weights.
fn by_weight(weights: &[u64], random: &mut Rng) -> usize {
    let sum: u64 = weights.iter().sum();
    let mut left = if sum == 0 { 0 } else { random.u64(0..sum) };
    for (index, weight) in weights.iter().enumerate() {
        if left < *weight {
            return index;
        }
        left -= weight;
    }
    0
}

#[cfg(test)]
mod tests;

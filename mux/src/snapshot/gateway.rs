//! What is wrong with the models and deployments of a workspace.

use std::collections::HashSet;

use super::CompileError;
use crate::config::{
    Alias, Breaker, COLLECTION_MAX, Collection, CollectionModel, DEPLOYMENTS_MAX, Deployment, DeploymentTarget, Policy,
    TARGETS_MAX,
};

/// Seconds of a breaker's window or cooldown.
const BREAKER_S_MAX: u32 = 24 * 60 * 60;
/// Milliseconds that a try may be given.
const TRY_TIMEOUT_MS_MAX: u32 = 60 * 60 * 1_000;
const WEIGHT_MAX: u32 = 1_000_000;
/// Failures after which a breaker opens.
const FAILURES_MAX: u32 = 1_000;

/// Everything that is wrong with them; pointers go into the workspace.
pub fn check(collection: &Collection, deployments: &[Deployment]) -> Vec<CompileError> {
    let mut errors = Vec::new();
    let mut refuse = |pointer: String, message: String| errors.push(CompileError { pointer, message });
    let Collection { is_open: _, models } = collection;
    if models.len() > COLLECTION_MAX {
        refuse("/models".into(), format!("at most {COLLECTION_MAX} models, not {}", models.len()));
    }
    if deployments.len() > DEPLOYMENTS_MAX {
        refuse("/deployments".into(), format!("at most {DEPLOYMENTS_MAX} deployments, not {}", deployments.len()));
    }
    let mut names: HashSet<&Alias> = HashSet::new();
    for (index, CollectionModel { alias, model: _, enabled: _, requests_per_minute }) in models.iter().enumerate() {
        if !names.insert(alias) {
            refuse(format!("/models/{index}/alias"), format!("`{alias}` is the name of another model already"));
        }
        if *requests_per_minute == Some(0) {
            refuse(format!("/models/{index}/requests_per_minute"), "at least 1; switch the model off instead".into());
        }
    }
    let aliases = names.clone();
    for (index, deployment) in deployments.iter().enumerate() {
        if !names.insert(&deployment.name) {
            let message = format!("`{}` is the name of a model or another deployment already", deployment.name);
            refuse(format!("/deployments/{index}/name"), message);
        }
        for CompileError { pointer, message } in check_deployment(deployment, &aliases) {
            refuse(format!("/deployments/{index}{pointer}"), message);
        }
    }
    errors
}

/// Pointers go into the deployment.
fn check_deployment(deployment: &Deployment, aliases: &HashSet<&Alias>) -> Vec<CompileError> {
    let mut errors = Vec::new();
    let mut refuse = |pointer: String, message: String| errors.push(CompileError { pointer, message });
    let Deployment { name: _, policy, targets, retry_on, try_timeout_ms, breaker, cache_ttl_s: _ } = deployment;
    if targets.is_empty() || targets.len() > TARGETS_MAX {
        refuse("/targets".into(), format!("1 to {TARGETS_MAX} targets, not {}", targets.len()));
    }
    let mut seen = HashSet::new();
    let few = if targets.len() > TARGETS_MAX { &[][..] } else { targets };
    for (index, DeploymentTarget { alias, weight }) in few.iter().enumerate() {
        if !seen.insert(alias) {
            refuse(format!("/targets/{index}/model"), format!("`{alias}` is a target already"));
        }
        if !aliases.contains(alias) {
            refuse(format!("/targets/{index}/model"), format!("`{alias}` is no model of the workspace's collection"));
        }
        if *weight > WEIGHT_MAX {
            refuse(format!("/targets/{index}/weight"), format!("at most {WEIGHT_MAX}"));
        }
    }
    if *policy == Policy::Weighted && targets.iter().all(|target| target.weight == 0) {
        refuse("/targets".into(), "at least one target needs a weight".into());
    }
    for (index, status) in retry_on.iter().enumerate() {
        if !(400..600).contains(status) {
            refuse(format!("/retry_on/{index}"), format!("a status of 400 to 599, not {status}"));
        }
    }
    if *try_timeout_ms > TRY_TIMEOUT_MS_MAX {
        refuse("/try_timeout_ms".into(), format!("at most {TRY_TIMEOUT_MS_MAX}"));
    }
    let Breaker { failures, window_s, cooldown_s } = breaker;
    if *failures > FAILURES_MAX {
        refuse("/breaker/failures".into(), format!("at most {FAILURES_MAX}"));
    }
    for (field, value) in [("window_s", window_s), ("cooldown_s", cooldown_s)] {
        if *failures > 0 && !(1..=BREAKER_S_MAX).contains(value) {
            refuse(format!("/breaker/{field}"), format!("1 to {BREAKER_S_MAX} seconds, not {value}"));
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::check;
    use crate::config::{Breaker, Collection, CollectionModel, Deployment, DeploymentTarget, Policy, RETRY_ON_DEFAULT};

    fn model(alias: &str) -> CollectionModel {
        let (alias, model) = (alias.parse().unwrap(), "p/m".parse().unwrap());
        CollectionModel { alias, model, enabled: true, requests_per_minute: None }
    }

    fn deployment(name: &str, targets: &[&str]) -> Deployment {
        let target = |alias: &&str| DeploymentTarget { alias: alias.parse().unwrap(), weight: 1 };
        Deployment {
            name: name.parse().unwrap(),
            policy: Policy::Ordered,
            targets: targets.iter().map(target).collect(),
            retry_on: RETRY_ON_DEFAULT.to_vec(),
            try_timeout_ms: 0,
            breaker: Breaker::default(),
            cache_ttl_s: None,
        }
    }

    fn pointers(aliases: &[&str], deployments: Vec<Deployment>) -> Vec<String> {
        let models = aliases.iter().map(|alias| model(alias)).collect();
        let errors = check(&Collection { is_open: false, models }, &deployments);
        errors.into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn what_is_wrong_is_pointed_at() {
        let good = || deployment("d", &["a", "b"]);
        assert_eq!(pointers(&["a", "b"], vec![good()]), [""; 0]);
        assert_eq!(pointers(&["a", "b", "a"], vec![]), ["/models/2/alias"]);
        let aliases: Vec<String> = (0..9).map(|number| format!("m{number}")).collect();
        let aliases: Vec<&str> = aliases.iter().map(String::as_str).collect();
        assert_eq!(pointers(&aliases, vec![deployment("d", &aliases)]), ["/deployments/0/targets"]);
        for (bad, pointer) in [
            (deployment("a", &["a"]), "/deployments/0/name"),
            (deployment("d", &["x"]), "/deployments/0/targets/0/model"),
            (deployment("d", &[]), "/deployments/0/targets"),
            (deployment("d", &["a", "a"]), "/deployments/0/targets/1/model"),
            (
                Deployment { breaker: Breaker { failures: 9_999, ..Breaker::default() }, ..good() },
                "/deployments/0/breaker/failures",
            ),
            (Deployment { retry_on: vec![429, 200], ..good() }, "/deployments/0/retry_on/1"),
            (Deployment { try_timeout_ms: u32::MAX, ..good() }, "/deployments/0/try_timeout_ms"),
            (
                Deployment { breaker: Breaker { cooldown_s: 0, ..Breaker::default() }, ..good() },
                "/deployments/0/breaker/cooldown_s",
            ),
        ] {
            assert_eq!(pointers(&["a", "b"], vec![bad]), [pointer]);
        }
        let mut weightless = Deployment { policy: Policy::Weighted, ..good() };
        weightless.targets.iter_mut().for_each(|target| target.weight = 0);
        assert_eq!(pointers(&["a", "b"], vec![weightless]), ["/deployments/0/targets"]);
    }
}

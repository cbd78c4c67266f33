//! Virtual models of a workspace: as people write them, and as they are kept.

use mux::config::{
    Alias, Breaker, CollectionModel, Deployment, DeploymentTarget, Model, Name, Policy, RETRY_ON_DEFAULT,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cache::DeploymentCache;
use super::collection::{self, ModelDraft};
use super::error::FieldError;

/// A deployment as it is written, in workspace files among others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeploymentDraft {
    pub name: String,
    #[serde(default)]
    pub policy: Policy,
    pub targets: Vec<TargetDraft>,
    #[serde(default = "retry_on_default")]
    pub retry_on: Vec<u16>,
    /// 0: no limit.
    #[serde(default)]
    pub try_timeout_ms: u32,
    #[serde(default)]
    pub breaker: BreakerDraft,
    /// Unless said: as the workspace has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<DeploymentCache>,
}

/// What is not given stays; in a new one, it is at its default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentPatch {
    pub name: Option<String>,
    pub policy: Option<Policy>,
    pub targets: Option<Vec<TargetDraft>>,
    pub retry_on: Option<Vec<u16>>,
    pub try_timeout_ms: Option<u32>,
    pub breaker: BreakerPatch,
    /// `Some(None)`: as the workspace has it.
    pub cache: Option<Option<DeploymentCache>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetDraft {
    /// An alias.
    pub model: String,
    #[serde(default = "one")]
    pub weight: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerDraft {
    pub failures: u32,
    pub window_s: u32,
    pub cooldown_s: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BreakerPatch {
    pub failures: Option<u32>,
    pub window_s: Option<u32>,
    pub cooldown_s: Option<u32>,
}

/// A deployment as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDeployment {
    pub deployment: Deployment,
    /// For each target, whether it leads nowhere: its model is gone, or that model's provider.
    pub broken: Vec<bool>,
}

fn retry_on_default() -> Vec<u16> {
    RETRY_ON_DEFAULT.to_vec()
}

fn one() -> u32 {
    1
}

impl Default for BreakerDraft {
    fn default() -> Self {
        Breaker::default().into()
    }
}

impl From<Breaker> for BreakerDraft {
    fn from(breaker: Breaker) -> Self {
        let Breaker { failures, window_s, cooldown_s } = breaker;
        Self { failures, window_s, cooldown_s }
    }
}

impl BreakerDraft {
    fn patched(self, patch: &BreakerPatch) -> Self {
        let BreakerPatch { failures, window_s, cooldown_s } = patch;
        Self {
            failures: failures.unwrap_or(self.failures),
            window_s: window_s.unwrap_or(self.window_s),
            cooldown_s: cooldown_s.unwrap_or(self.cooldown_s),
        }
    }
}

impl DeploymentDraft {
    /// With everything but its name and its targets at its default.
    pub fn new(name: String, targets: Vec<TargetDraft>) -> Self {
        Self {
            name,
            policy: Policy::default(),
            targets,
            retry_on: retry_on_default(),
            try_timeout_ms: 0,
            breaker: BreakerDraft::default(),
            cache: None,
        }
    }

    /// The deployment that it describes, or everything that is wrong with its names.
    fn read(self) -> Result<Deployment, Vec<FieldError>> {
        let Self { name, policy, targets, retry_on, try_timeout_ms, breaker, cache } = self;
        let mut errors = Vec::new();
        let name: Option<Alias> = name.parse().map_err(|error| errors.push(FieldError::new("/name", error))).ok();
        let mut read = Vec::with_capacity(targets.len());
        for (index, TargetDraft { model, weight }) in targets.into_iter().enumerate() {
            match model.parse() {
                Ok(alias) => read.push(DeploymentTarget { alias, weight }),
                Err(_) => {
                    let message = format!("`{model}` is no model of the workspace's collection: give an alias");
                    errors.push(FieldError::new(format!("/targets/{index}/model"), message));
                }
            }
        }
        let BreakerDraft { failures, window_s, cooldown_s } = breaker;
        let breaker = Breaker { failures, window_s, cooldown_s };
        let cache_ttl_s = cache.map(DeploymentCache::in_force_s);
        match name {
            Some(name) if errors.is_empty() => {
                Ok(Deployment { name, policy, targets: read, retry_on, try_timeout_ms, breaker, cache_ttl_s })
            }
            _ => Err(errors),
        }
    }

    /// The same, as one of a workspace that has models under these aliases.
    pub fn check(
        self,
        workspace: &Name,
        aliases: impl IntoIterator<Item = Alias>,
    ) -> Result<Deployment, Vec<FieldError>> {
        let deployment = self.read()?;
        let stand_in = Model { provider: workspace.clone(), id: "model".into() };
        let model =
            |alias| CollectionModel { alias, model: stand_in.clone(), enabled: true, requests_per_minute: None };
        let models = aliases.into_iter().map(model).collect();
        let errors = collection::check(workspace, models, vec![deployment.clone()]);
        let errors = FieldError::rebase(errors, "/deployments/0", "");
        if errors.is_empty() { Ok(deployment) } else { Err(errors) }
    }

    pub fn patched(self, patch: &DeploymentPatch) -> Self {
        let DeploymentPatch { name, policy, targets, retry_on, try_timeout_ms, breaker, cache } = patch.clone();
        Self {
            name: name.unwrap_or(self.name),
            policy: policy.unwrap_or(self.policy),
            targets: targets.unwrap_or(self.targets),
            retry_on: retry_on.unwrap_or(self.retry_on),
            try_timeout_ms: try_timeout_ms.unwrap_or(self.try_timeout_ms),
            breaker: self.breaker.patched(&breaker),
            cache: match cache {
                Some(given) => given.map(|cache| cache.instead_of(self.cache)),
                None => self.cache,
            },
        }
    }
}

impl From<&Deployment> for DeploymentDraft {
    fn from(deployment: &Deployment) -> Self {
        let Deployment { name, policy, targets, retry_on, try_timeout_ms, breaker, cache_ttl_s } = deployment;
        let target = |target: &DeploymentTarget| TargetDraft { model: target.alias.to_string(), weight: target.weight };
        Self {
            name: name.to_string(),
            policy: *policy,
            targets: targets.iter().map(target).collect(),
            retry_on: retry_on.clone(),
            try_timeout_ms: *try_timeout_ms,
            breaker: (*breaker).into(),
            cache: cache_ttl_s.map(DeploymentCache::from),
        }
    }
}

/// Deployments as they are written.
pub fn deployments_json(deployments: &[Deployment]) -> Value {
    json!(deployments.iter().map(DeploymentDraft::from).collect::<Vec<_>>())
}

impl StoredDeployment {
    /// Whether no target is left.
    pub fn is_broken(&self) -> bool {
        self.broken.iter().all(|broken| *broken)
    }

    /// Without broken targets, as nodes get it; `None`: there is no other.
    pub fn whole(self) -> Option<Deployment> {
        let Self { deployment: Deployment { targets, policy, .. }, broken } = &self;
        let targets: Vec<DeploymentTarget> =
            targets.iter().zip(broken).filter(|(_, broken)| !**broken).map(|(target, _)| target.clone()).collect();
        if targets.is_empty() {
            return None;
        }
        // Only those are left that are never first by chance.
        let is_weightless = *policy == Policy::Weighted && targets.iter().all(|target| target.weight == 0);
        let policy = if is_weightless { Policy::Ordered } else { *policy };
        Some(Deployment { targets, policy, ..self.deployment })
    }
}

/// What a workspace offers, or everything that is wrong with it. Errors point into
/// `{"models": […], "deployments": […]}`.
pub fn check_all(
    workspace: &Name,
    models: Vec<ModelDraft>,
    deployments: Vec<DeploymentDraft>,
) -> Result<(Vec<CollectionModel>, Vec<Deployment>), Vec<FieldError>> {
    let mut errors = Vec::new();
    let models = read_all("/models", models, ModelDraft::read, &mut errors);
    let deployments = read_all("/deployments", deployments, DeploymentDraft::read, &mut errors);
    // The engine counts as they stand, so it only sees whole lists.
    if errors.is_empty() {
        errors = collection::check(workspace, models.clone(), deployments.clone());
    }
    if errors.is_empty() { Ok((models, deployments)) } else { Err(errors) }
}

fn read_all<D, T>(
    base: &str,
    drafts: Vec<D>,
    read: impl Fn(D) -> Result<T, Vec<FieldError>>,
    errors: &mut Vec<FieldError>,
) -> Vec<T> {
    let mut values = Vec::with_capacity(drafts.len());
    for (index, draft) in drafts.into_iter().enumerate() {
        match read(draft) {
            Ok(value) => values.push(value),
            Err(wrong) => errors.extend(FieldError::rebase(wrong, "", &format!("{base}/{index}"))),
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(json: Value) -> DeploymentDraft {
        serde_json::from_value(json).unwrap()
    }

    fn aliases() -> Vec<Alias> {
        ["a", "b"].map(|text| text.parse().unwrap()).to_vec()
    }

    #[test]
    fn what_is_not_given_is_at_its_default() {
        let made = draft(json!({"name": "d", "targets": [{"model": "a"}]}));
        assert_eq!(made, DeploymentDraft::new("d".to_owned(), vec![TargetDraft { model: "a".to_owned(), weight: 1 }]));
        let deployment = made.clone().check(&"w".parse().unwrap(), aliases()).unwrap();
        assert_eq!(deployment.retry_on, RETRY_ON_DEFAULT);
        assert_eq!((deployment.policy, deployment.breaker), (Policy::Ordered, Breaker::default()));
        assert_eq!(DeploymentDraft::from(&deployment), made);
    }

    #[test]
    fn what_is_wrong_is_pointed_at() {
        for (json, expected) in [
            (json!({"name": "a", "targets": [{"model": "a"}]}), "/name"),
            (json!({"name": "mux", "targets": [{"model": "a"}]}), "/name"),
            (json!({"name": "d", "targets": []}), "/targets"),
            (json!({"name": "d", "targets": [{"model": "a"}, {"model": "c"}]}), "/targets/1/model"),
            (json!({"name": "d", "targets": [{"model": "p/m"}]}), "/targets/0/model"),
            (json!({"name": "d", "targets": [{"model": "a"}], "retry_on": [500, 99]}), "/retry_on/1"),
            (json!({"name": "d", "targets": [{"model": "a"}], "breaker": {"window_s": 0}}), "/breaker/window_s"),
        ] {
            let errors = draft(json.clone()).check(&"w".parse().unwrap(), aliases()).unwrap_err();
            assert_eq!(errors[0].pointer, expected, "{json}");
        }
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let model = |alias: &str, model: &str| ModelDraft {
            alias: alias.to_owned(),
            model: model.to_owned(),
            enabled: true,
            requests_per_minute: None,
        };
        let pointers = |models, deployments| -> Vec<String> {
            let checked = check_all(&"w".parse().unwrap(), models, deployments);
            checked.err().into_iter().flatten().map(|error| error.pointer).collect()
        };
        let one = |name: &str, target: &str| draft(json!({"name": name, "targets": [{"model": target}]}));
        assert_eq!(pointers(vec![model("a", "p/m")], vec![one("d", "a")]), [""; 0]);
        assert_eq!(
            pointers(vec![model("a", "p/m"), model("", "p")], vec![one("", "a"), one("d", "p/m")]),
            ["/models/1/alias", "/models/1/model", "/deployments/0/name", "/deployments/1/targets/0/model"]
        );
        assert_eq!(
            pointers(vec![model("a", "p/m"), model("a", "p/n")], vec![one("a", "a"), one("d", "x")]),
            ["/models/1/alias", "/deployments/0/name", "/deployments/1/targets/0/model"]
        );
    }

    #[test]
    fn nodes_get_no_broken_target() {
        let json = json!({"name": "d", "policy": "weighted", "targets": [{"model": "a"}, {"model": "b", "weight": 0}]});
        let deployment = draft(json).check(&"w".parse().unwrap(), aliases()).unwrap();
        let whole = |broken: [bool; 2]| {
            let stored = StoredDeployment { deployment: deployment.clone(), broken: broken.to_vec() };
            let whole = stored.clone().whole();
            assert_eq!(stored.is_broken(), whole.is_none());
            whole.map(|whole| (whole.policy, whole.targets.len()))
        };
        assert_eq!(whole([false, false]), Some((Policy::Weighted, 2)));
        assert_eq!(whole([false, true]), Some((Policy::Weighted, 1)));
        assert_eq!(whole([true, false]), Some((Policy::Ordered, 1)));
        assert_eq!(whole([true, true]), None);
    }
}

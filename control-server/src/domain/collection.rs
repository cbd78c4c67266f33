//! The models that a workspace allows: as people write them, and as they are kept.

use mux::config::{Alias, Collection, CollectionModel, Deployment, Model, Name, Workspace};
use mux::snapshot::{CompileError, check_workspace};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::FieldError;

/// A model of a collection as it is written, in workspace files among others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelDraft {
    pub alias: String,
    /// `provider/model-id`
    pub model: String,
    #[serde(default = "on")]
    pub enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
}

fn on() -> bool {
    true
}

/// `None`: stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelPatch {
    pub alias: Option<String>,
    pub model: Option<String>,
    pub enabled: Option<bool>,
    /// `Some(None)`: no limit any more.
    pub requests_per_minute: Option<Option<u32>>,
}

/// A model as it is stored: one whose provider is gone leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredModel {
    pub model: CollectionModel,
    pub broken: bool,
}

impl ModelDraft {
    /// The model that it describes, or everything that is wrong with its fields.
    pub fn read(self) -> Result<CollectionModel, Vec<FieldError>> {
        let Self { alias, model, enabled, requests_per_minute } = self;
        match (alias.parse::<Alias>(), model.parse::<Model>()) {
            (Ok(alias), Ok(model)) => Ok(CollectionModel { alias, model, enabled, requests_per_minute }),
            (alias, model) => Err([
                alias.err().map(|error| FieldError::new("/alias", error)),
                model.err().map(|_| FieldError::new("/model", "a model is `provider/model-id`")),
            ]
            .into_iter()
            .flatten()
            .collect()),
        }
    }

    /// The same, as one of a workspace's.
    pub fn check(self, workspace: &Name) -> Result<CollectionModel, Vec<FieldError>> {
        let model = self.read()?;
        let errors = FieldError::rebase(check(workspace, vec![model.clone()], Vec::new()), "/models/0", "");
        if errors.is_empty() { Ok(model) } else { Err(errors) }
    }

    pub fn patched(self, patch: &ModelPatch) -> Self {
        let ModelPatch { alias, model, enabled, requests_per_minute } = patch.clone();
        Self {
            alias: alias.unwrap_or(self.alias),
            model: model.unwrap_or(self.model),
            enabled: enabled.unwrap_or(self.enabled),
            requests_per_minute: requests_per_minute.unwrap_or(self.requests_per_minute),
        }
    }
}

impl From<&CollectionModel> for ModelDraft {
    fn from(model: &CollectionModel) -> Self {
        let CollectionModel { alias, model, enabled, requests_per_minute } = model;
        Self {
            alias: alias.to_string(),
            model: model.to_string(),
            enabled: *enabled,
            requests_per_minute: *requests_per_minute,
        }
    }
}

/// Models as they are written.
pub fn models_json(models: &[CollectionModel]) -> Value {
    json!(models.iter().map(ModelDraft::from).collect::<Vec<_>>())
}

/// What the engine has against them. Errors point into `{"models": […], "deployments": […]}`.
pub(super) fn check(workspace: &Name, models: Vec<CollectionModel>, deployments: Vec<Deployment>) -> Vec<FieldError> {
    let collection = Collection { is_open: false, models };
    let workspace = Workspace { collection, deployments, ..Workspace::new(workspace.clone(), Vec::new()) };
    let errors = check_workspace(&workspace).into_iter();
    errors.map(|CompileError { pointer, message }| FieldError { pointer, message }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(alias: &str, model: &str) -> ModelDraft {
        ModelDraft { alias: alias.to_owned(), model: model.to_owned(), enabled: true, requests_per_minute: None }
    }

    #[test]
    fn what_is_wrong_is_pointed_at() {
        let limited = |limit| ModelDraft { requests_per_minute: Some(limit), ..draft("a", "p/m") };
        let rows: [(ModelDraft, &[&str]); 7] = [
            (draft("gpt-4.1:mini", "p/vendor/m"), &[]),
            (limited(1), &[]),
            (limited(0), &["/requests_per_minute"]),
            (draft("mux", "p/m"), &["/alias"]),
            (draft("a/b", "m"), &["/alias", "/model"]),
            (draft("a", "p/"), &["/model"]),
            (draft("a", "P q/m"), &["/model"]),
        ];
        for (draft, expected) in rows {
            let checked = draft.clone().check(&"w".parse().unwrap());
            let pointers: Vec<_> = checked.err().into_iter().flatten().map(|error| error.pointer).collect();
            assert_eq!(pointers, expected, "{draft:?}");
        }
    }

    #[test]
    fn only_what_a_patch_gives_changes() {
        let before = ModelDraft { enabled: false, requests_per_minute: Some(7), ..draft("a", "p/m") };
        assert_eq!(before.clone().patched(&ModelPatch::default()), before);
        let patch = ModelPatch { enabled: Some(true), requests_per_minute: Some(None), ..ModelPatch::default() };
        assert_eq!(before.patched(&patch), draft("a", "p/m"));
    }
}

//! A workspace as a file: what it routes by, and never keys, members, history or usage.

use std::collections::{BTreeMap, BTreeSet};

use mux::config::Name;
use mux::rules::check_instructions;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::collection::ModelDraft;
use super::deployment::{self, DeploymentDraft};
use super::error::FieldError;
use super::rules::{self, RuleDraft};
use super::settings::Settings;
use super::workspace::{NewWorkspace, check_description};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Document {
    pub api_version: ApiVersion,
    pub kind: DocumentKind,
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: Spec,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApiVersion {
    #[serde(rename = "muxspace/v1")]
    V1,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DocumentKind {
    Workspace,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    pub name: Name,
}

/// What is not there is empty, or at its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    pub description: String,
    pub custom_instructions: String,
    pub models: Vec<ModelDraft>,
    pub deployments: Vec<DeploymentDraft>,
    pub rules: Vec<RuleDraft>,
    pub settings: Settings,
}

/// What to do about a workspace of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportMode {
    /// Refuse.
    Create,
    /// Make it what the document says.
    Replace,
}

/// One difference between a workspace as it is and as a document has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Where in the document; a rule, model or deployment by its name: `/spec/rules/docs`. Empty: the document as a whole.
    pub path: String,
    /// `None`: it was not there.
    pub before: Option<Value>,
    /// `None`: it goes.
    pub after: Option<Value>,
}

/// Something that an import does not refuse, and that may not be what was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    pub code: &'static str,
    /// JSON pointer into the document.
    pub pointer: String,
    pub detail: String,
}

impl From<&NewWorkspace> for Document {
    fn from(workspace: &NewWorkspace) -> Self {
        let NewWorkspace { name, description, instructions, rules, models, deployments, settings } = workspace;
        Self {
            api_version: ApiVersion::V1,
            kind: DocumentKind::Workspace,
            metadata: Metadata { name: name.clone() },
            spec: Spec {
                description: description.clone(),
                custom_instructions: instructions.clone(),
                models: models.iter().map(ModelDraft::from).collect(),
                deployments: deployments.iter().map(DeploymentDraft::from).collect(),
                rules: rules.iter().map(RuleDraft::from).collect(),
                settings: settings.clone(),
            },
        }
    }
}

impl Document {
    /// The workspace that it describes, or everything that is wrong with it.
    pub fn check(self) -> Result<NewWorkspace, Vec<FieldError>> {
        let Self { api_version: ApiVersion::V1, kind: DocumentKind::Workspace, metadata: Metadata { name }, spec } =
            self;
        let Spec { description, custom_instructions: instructions, models, deployments, rules, settings } = spec;
        let mut errors = Vec::new();
        let mut take = |pointer: &str, checked: Result<(), String>| {
            errors.extend(checked.err().map(|message| FieldError::new(pointer, message)));
        };
        take("/spec/description", check_description(&description));
        take("/spec/custom_instructions", check_instructions(&instructions));
        match (deployment::check_all(&name, models, deployments), rules::check(&name, rules)) {
            (Ok((models, deployments)), Ok(rules)) if errors.is_empty() => {
                Ok(NewWorkspace { name, description, instructions, rules, models, deployments, settings })
            }
            (offered, rules) => {
                let wrong = offered.err().into_iter().chain(rules.err());
                errors.extend(wrong.flatten().map(in_spec));
                Err(errors)
            }
        }
    }
}

/// Errors about what a workspace holds point into `{"rules": […], "models": […], "deployments": […]}`.
pub fn in_spec(error: FieldError) -> FieldError {
    let FieldError { pointer, message } = error;
    FieldError { pointer: format!("/spec{pointer}"), message }
}

/// What turns one workspace into another, or into a first one.
pub fn differences(before: Option<&NewWorkspace>, after: &NewWorkspace) -> Vec<Difference> {
    let document = Document::from(after);
    let Some(before) = before else {
        return vec![Difference { path: String::new(), before: None, after: Some(json!(document)) }];
    };
    let Spec { description, custom_instructions, models, deployments, rules, settings } = Document::from(before).spec;
    let mut found = Vec::new();
    compare("/spec/description", &json!(description), &json!(document.spec.description), &mut found);
    let instructions = json!(document.spec.custom_instructions);
    compare("/spec/custom_instructions", &json!(custom_instructions), &instructions, &mut found);
    let by_alias = |model: &ModelDraft| (model.alias.clone(), json!(model));
    compare_named("/spec/models", &models, &document.spec.models, by_alias, &mut found);
    let by_name = |deployment: &DeploymentDraft| (deployment.name.clone(), json!(deployment));
    compare_named("/spec/deployments", &deployments, &document.spec.deployments, by_name, &mut found);
    compare_rules(&rules, &document.spec.rules, &mut found);
    compare("/spec/settings", &json!(settings), &json!(document.spec.settings), &mut found);
    found
}

/// Objects are compared by their fields, everything else as a whole.
fn compare(path: &str, before: &Value, after: &Value, found: &mut Vec<Difference>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let mut fields: Vec<&String> = old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))).collect();
            fields.sort();
            for field in fields {
                let path = format!("{path}/{field}");
                match (old.get(field), new.get(field)) {
                    (Some(old), Some(new)) => compare(&path, old, new, found),
                    (old, new) => found.push(Difference { path, before: old.cloned(), after: new.cloned() }),
                }
            }
        }
        (before, after) if before == after => {}
        (before, after) => {
            let (before, after) = (Some(before.clone()), Some(after.clone()));
            found.push(Difference { path: path.to_owned(), before, after });
        }
    }
}

/// What has a name and no order is compared by name.
fn compare_named<T>(
    base: &str,
    before: &[T],
    after: &[T],
    named: impl Fn(&T) -> (String, Value),
    found: &mut Vec<Difference>,
) {
    let (old, new): (BTreeMap<_, _>, BTreeMap<_, _>) =
        (before.iter().map(&named).collect(), after.iter().map(&named).collect());
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let (was, is) = (old.get(name), new.get(name));
        if was != is {
            // Such names hold nothing that a pointer would escape.
            found.push(Difference { path: format!("{base}/{name}"), before: was.cloned(), after: is.cloned() });
        }
    }
}

/// Rules are compared by name, and their order apart from that.
fn compare_rules(before: &[RuleDraft], after: &[RuleDraft], found: &mut Vec<Difference>) {
    let by_name = |rules: &'_ [RuleDraft]| -> BTreeMap<String, Value> {
        rules.iter().map(|rule| (rule.name.clone().unwrap_or_default(), json!(rule))).collect()
    };
    let (old, new) = (by_name(before), by_name(after));
    let names = |rules: &[RuleDraft], other: &BTreeMap<String, Value>| -> Vec<String> {
        rules.iter().filter_map(|rule| rule.name.clone()).filter(|name| other.contains_key(name)).collect()
    };
    let (kept_before, kept_after) = (names(before, &new), names(after, &old));
    let all =
        before.iter().chain(after.iter().filter(|rule| !old.contains_key(rule.name.as_deref().unwrap_or_default())));
    for name in all.filter_map(|rule| rule.name.as_ref()) {
        let (was, is) = (old.get(name), new.get(name));
        if was != is {
            let path = format!("/spec/rules/{}", name.replace('~', "~0").replace('/', "~1"));
            found.push(Difference { path, before: was.cloned(), after: is.cloned() });
        }
    }
    if kept_before != kept_after {
        let (before, after) = (Some(json!(kept_before)), Some(json!(kept_after)));
        found.push(Difference { path: "/spec/rules".to_owned(), before, after });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(rules: &[(&str, &str)], description: &str) -> NewWorkspace {
        let rules = rules.iter().map(|(name, target)| json!({"name": name, "target": target})).collect::<Vec<_>>();
        let document: Document = serde_json::from_value(json!({
            "apiVersion": "muxspace/v1", "kind": "Workspace", "metadata": {"name": "w"},
            "spec": {"description": description, "rules": rules},
        }))
        .unwrap();
        document.check().unwrap()
    }

    #[test]
    fn a_document_read_back_is_the_same() {
        let text = json!({
            "apiVersion": "muxspace/v1", "kind": "Workspace", "metadata": {"name": "w"},
            "spec": {
                "description": "d", "custom_instructions": "i",
                "models": [{"alias": "fast", "model": "p/m", "enabled": false, "requests_per_minute": 60}],
                "deployments": [{
                    "name": "both", "policy": "weighted", "targets": [{"model": "fast", "weight": 3}], "retry_on": [429],
                    "try_timeout_ms": 1000, "breaker": {"failures": 1, "window_s": 2, "cooldown_s": 3},
                    "cache": {"enabled": true, "ttl_s": 60},
                }],
                "rules": [{"name": "a", "when": {"file": ["*.md"]}, "turns": "last", "target": "p/m", "instructions": "x"},
                          {"name": "b", "target": "requested"}],
                "settings": {"switch": "user_turn", "anonymous": false, "cache": {"enabled": true, "ttl_s": 600}},
            },
        });
        let document: Document = serde_json::from_value(text.clone()).unwrap();
        assert_eq!(json!(Document::from(&document.clone().check().unwrap())), text);
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let spec = Spec {
            description: "x".repeat(5_000),
            custom_instructions: "x".repeat(65_537),
            models: vec![ModelDraft {
                alias: "a b".to_owned(),
                model: "p/m".to_owned(),
                enabled: true,
                requests_per_minute: None,
            }],
            deployments: vec![DeploymentDraft::new("mux".to_owned(), Vec::new())],
            rules: vec![RuleDraft::from(&workspace(&[("a", "p/m")], "").rules[0]); 2],
            settings: Settings::default(),
        };
        let document = Document { spec, ..Document::from(&workspace(&[], "")) };
        let pointers: Vec<_> = document.check().unwrap_err().into_iter().map(|error| error.pointer).collect();
        assert_eq!(
            pointers,
            [
                "/spec/description",
                "/spec/custom_instructions",
                "/spec/models/0/alias",
                "/spec/deployments/0/name",
                "/spec/rules/1/name",
            ]
        );
    }

    #[test]
    fn differences_name_what_changes() {
        let before = workspace(&[("a", "p/1"), ("b", "p/1"), ("c/d", "p/1")], "old");
        assert!(differences(Some(&before), &before).is_empty());
        let paths = |after: &NewWorkspace| -> Vec<(String, bool, bool)> {
            let found = differences(Some(&before), after).into_iter();
            found.map(|one| (one.path, one.before.is_some(), one.after.is_some())).collect()
        };
        let after = workspace(&[("new", "p/1"), ("b", "p/1"), ("a", "p/2")], "new");
        let expected = [
            ("/spec/description", true, true),
            ("/spec/rules/a", true, true),
            ("/spec/rules/c~1d", true, false),
            ("/spec/rules/new", false, true),
            ("/spec/rules", true, true),
        ];
        assert_eq!(paths(&after), expected.map(|(path, before, after)| (path.to_owned(), before, after)));
        let settings = Settings { anonymous: false, ..Settings::default() };
        let stricter = NewWorkspace { settings, ..before.clone() };
        assert_eq!(paths(&stricter), [("/spec/settings/anonymous".to_owned(), true, true)]);
        assert_eq!(differences(None, &before)[0].path, "");
    }
}

//! A workspace as a file: what it routes by, and never keys, members, history or usage.

use std::collections::BTreeMap;

use mux::config::Name;
use mux::rules::check_instructions;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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
    /// Where in the document; a rule by its name: `/spec/rules/docs`. Empty: the document as a whole.
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
        let NewWorkspace { name, description, instructions, rules, settings } = workspace;
        Self {
            api_version: ApiVersion::V1,
            kind: DocumentKind::Workspace,
            metadata: Metadata { name: name.clone() },
            spec: Spec {
                description: description.clone(),
                custom_instructions: instructions.clone(),
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
        let Spec { description, custom_instructions: instructions, rules, settings } = spec;
        let mut errors = Vec::new();
        let mut take = |pointer: &str, checked: Result<(), String>| {
            errors.extend(checked.err().map(|message| FieldError::new(pointer, message)));
        };
        take("/spec/description", check_description(&description));
        take("/spec/custom_instructions", check_instructions(&instructions));
        match rules::check(&name, rules) {
            Ok(rules) if errors.is_empty() => Ok(NewWorkspace { name, description, instructions, rules, settings }),
            checked => {
                errors.extend(checked.err().into_iter().flatten().map(in_spec));
                Err(errors)
            }
        }
    }
}

/// Errors about rules point into `{"rules": […]}`.
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
    let Spec { description, custom_instructions, rules, settings } = Document::from(before).spec;
    let mut found = Vec::new();
    compare("/spec/description", &json!(description), &json!(document.spec.description), &mut found);
    let instructions = json!(document.spec.custom_instructions);
    compare("/spec/custom_instructions", &json!(custom_instructions), &instructions, &mut found);
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
                "rules": [{"name": "a", "when": {"file": ["*.md"]}, "turns": "last", "target": "p/m", "instructions": "x"},
                          {"name": "b", "target": "requested"}],
                "settings": {"switch": "user_turn", "anonymous": false},
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
            rules: vec![RuleDraft::from(&workspace(&[("a", "p/m")], "").rules[0]); 2],
            settings: Settings::default(),
        };
        let document = Document { spec, ..Document::from(&workspace(&[], "")) };
        let pointers: Vec<_> = document.check().unwrap_err().into_iter().map(|error| error.pointer).collect();
        assert_eq!(pointers, ["/spec/description", "/spec/custom_instructions", "/spec/rules/1/name"]);
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

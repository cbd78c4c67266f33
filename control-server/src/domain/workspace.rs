//! A workspace, as people see it.

use jiff::Timestamp;
use mux::config::{CollectionModel, Deployment, Name, Rule};
use serde_json::{Value, json};

use super::collection::models_json;
use super::deployment::deployments_json;
use super::error::FieldError;
use super::provider::DESCRIPTION_BYTES_MAX;
use super::rules::RuleDraft;
use super::settings::{Settings, SettingsPatch};

/// Sessions that are named of those in which a workspace is active.
pub const ACTIVE_IN_MAX: i64 = 1_000;

/// What a list shows of a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub name: Name,
    pub description: String,
    pub archived_at_ms: Option<i64>,
    /// Sessions in which it is active, at most [`ACTIVE_IN_MAX`].
    pub active_in: Vec<Name>,
    pub rule_count: u64,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
}

/// A workspace without its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    pub summary: Summary,
    pub instructions: String,
    pub settings: Settings,
}

impl Workspace {
    /// What of it people change, but for its rules, as the API shows it.
    pub fn to_json(&self) -> Value {
        let Self { summary, instructions, settings } = self;
        let Summary {
            name,
            description,
            archived_at_ms,
            active_in: _,
            rule_count: _,
            created_at_ms: _,
            updated_at_ms: _,
        } = summary;
        let archived_at = archived_at_ms.and_then(|unix_ms| Timestamp::from_millisecond(unix_ms).ok());
        json!({
            "name": name,
            "description": description,
            "custom_instructions": instructions,
            "settings": settings,
            "archived_at": archived_at.map(|time| time.to_string()),
        })
    }

    /// With what the patch gives.
    pub fn patched(&self, patch: &WorkspacePatch) -> Result<Self, Vec<FieldError>> {
        let WorkspacePatch { name, description, instructions, settings } = patch;
        let Self { summary, instructions: old_instructions, settings: old_settings } = self;
        Ok(Self {
            summary: Summary {
                name: name.as_ref().unwrap_or(&summary.name).clone(),
                description: description.as_ref().unwrap_or(&summary.description).clone(),
                ..summary.clone()
            },
            instructions: instructions.as_ref().unwrap_or(old_instructions).clone(),
            settings: match settings {
                Some(patch) => old_settings.patched(patch)?,
                None => old_settings.clone(),
            },
        })
    }

    /// With what it holds beside that, which `whole` has.
    pub fn to_json_with(&self, whole: &NewWorkspace) -> Value {
        let mut value = self.to_json();
        value["models"] = models_json(&whole.models);
        value["deployments"] = deployments_json(&whole.deployments);
        value["rules"] = rules_json(&whole.rules);
        value
    }
}

/// Rules as they are written.
pub fn rules_json(rules: &[Rule]) -> Value {
    json!(rules.iter().map(RuleDraft::from).collect::<Vec<_>>())
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWorkspace {
    pub name: Name,
    pub description: String,
    pub instructions: String,
    pub rules: Vec<Rule>,
    pub models: Vec<CollectionModel>,
    pub deployments: Vec<Deployment>,
    pub settings: Settings,
}

/// `None`: stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkspacePatch {
    pub name: Option<Name>,
    pub description: Option<String>,
    pub instructions: Option<String>,
    pub settings: Option<SettingsPatch>,
}

/// A rule as it is stored: one whose target is gone never matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRule {
    pub rule: Rule,
    pub broken: bool,
}

pub fn check_description(text: &str) -> Result<(), String> {
    if text.len() <= DESCRIPTION_BYTES_MAX {
        Ok(())
    } else {
        Err(format!("a description has at most {DESCRIPTION_BYTES_MAX} bytes"))
    }
}

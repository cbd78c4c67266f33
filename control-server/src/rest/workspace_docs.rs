//! Workspaces as documents.

use mux::config::Name;
use mux::rules::check_instructions;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::Problem;
use super::rules::{NewRuleDoc, drafts};
use super::time;
use crate::domain::error::FieldError;
use crate::domain::rules;
use crate::domain::settings::{Settings, SettingsPatch};
use crate::domain::workspace::{NewWorkspace, Summary, Workspace, WorkspacePatch, check_description};

#[derive(Serialize, ToSchema)]
pub(super) struct WorkspaceDoc {
    #[serde(flatten)]
    summary: SummaryDoc,
    /// In front of every request's own system prompt.
    custom_instructions: String,
    #[schema(value_type = SettingsDoc)]
    settings: Settings,
}

/// What a list shows of a workspace.
#[derive(Serialize, ToSchema)]
pub(super) struct SummaryDoc {
    name: String,
    description: String,
    archived_at: Option<String>,
    /// Ids of sessions, at most 1,000.
    active_in: Vec<String>,
    /// How many.
    rules: u64,
    created_at: String,
    updated_at: String,
}

/// What is not given is at its default; in a patch, as it was.
#[derive(ToSchema)]
#[schema(as = Settings)]
#[allow(dead_code, reason = "it only describes what `Settings` reads and writes")]
pub(super) struct SettingsDoc {
    /// When a conversation may move to another target: `anytime`, or `user_turn`, which keeps the target while tool
    /// calls answer a user's turn. Unless given: `anytime`.
    switch: Option<SwitchDoc>,
    /// Whether clients without a key of this gateway may use the workspace. Unless given: true.
    anonymous: Option<bool>,
    /// Whether clients may also name models that are not in the workspace's collection, as `provider/model-id`. Unless
    /// given: true in workspace `default`, else false; what holds is always shown.
    open_collection: Option<bool>,
    cache: Option<CacheDoc>,
}

/// Whether answers are kept, and served again to whoever asks the same in this workspace. A deployment may say otherwise.
#[derive(ToSchema)]
#[schema(as = Cache)]
#[allow(dead_code, reason = "it only describes what `CacheSettings` reads and writes")]
struct CacheDoc {
    /// Unless given: false.
    enabled: Option<bool>,
    /// Seconds for which an answer is kept. Unless given: 300.
    #[schema(minimum = 1, maximum = 86_400)]
    ttl_s: Option<u32>,
}

#[derive(ToSchema)]
#[schema(as = Switch, rename_all = "snake_case")]
#[allow(dead_code, reason = "it only describes what `Switch` reads and writes")]
enum SwitchDoc {
    Anytime,
    UserTurn,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewWorkspaceDoc {
    #[schema(value_type = String)]
    pub(super) name: Name,
    description: Option<String>,
    /// In front of every request's own system prompt.
    custom_instructions: Option<String>,
    rules: Option<Vec<NewRuleDoc>>,
    #[schema(value_type = Option<SettingsDoc>)]
    settings: Option<Settings>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkspacePatchDoc {
    #[schema(value_type = Option<String>)]
    name: Option<Name>,
    description: Option<String>,
    custom_instructions: Option<String>,
    /// A merge patch: only what it gives changes, and null brings a setting back to its default.
    #[schema(value_type = Option<SettingsDoc>)]
    settings: Option<SettingsPatch>,
}

impl From<Summary> for SummaryDoc {
    fn from(summary: Summary) -> Self {
        let Summary { name, description, archived_at_ms, active_in, rule_count, created_at_ms, updated_at_ms } =
            summary;
        Self {
            name: name.to_string(),
            description,
            archived_at: archived_at_ms.map(time::write),
            active_in: active_in.iter().map(Name::to_string).collect(),
            rules: rule_count,
            created_at: time::write(created_at_ms),
            updated_at: time::write(updated_at_ms),
        }
    }
}

impl From<Workspace> for WorkspaceDoc {
    fn from(workspace: Workspace) -> Self {
        let Workspace { summary, instructions, settings } = workspace;
        let settings = settings.in_effect(&summary.name);
        Self { summary: summary.into(), custom_instructions: instructions, settings }
    }
}

impl NewWorkspaceDoc {
    pub(super) fn check(self) -> Result<NewWorkspace, Problem> {
        let Self { name, description, custom_instructions, rules, settings } = self;
        check_texts(description.as_deref(), custom_instructions.as_deref())?;
        Ok(NewWorkspace {
            rules: rules::check(&name, drafts(rules.unwrap_or_default())).map_err(Problem::invalid)?,
            models: Vec::new(),
            deployments: Vec::new(),
            name,
            description: description.unwrap_or_default(),
            instructions: custom_instructions.unwrap_or_default(),
            settings: settings.unwrap_or_default(),
        })
    }
}

impl WorkspacePatchDoc {
    pub(super) fn check(self) -> Result<WorkspacePatch, Problem> {
        let Self { name, description, custom_instructions: instructions, settings } = self;
        check_texts(description.as_deref(), instructions.as_deref())?;
        Ok(WorkspacePatch { name, description, instructions, settings })
    }
}

fn check_texts(description: Option<&str>, instructions: Option<&str>) -> Result<(), Problem> {
    let refused = |pointer, checked: Result<(), String>| checked.err().map(|message| FieldError::new(pointer, message));
    let errors: Vec<FieldError> = [
        refused("/description", description.map_or(Ok(()), check_description)),
        refused("/custom_instructions", instructions.map_or(Ok(()), check_instructions)),
    ]
    .into_iter()
    .flatten()
    .collect();
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

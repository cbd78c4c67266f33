//! Workspaces as documents: read whole, and written whole.

use mux::config::{Name, Rule, Target};

use super::error::{Kind, StoreError};
use super::workspaces::Found;
use super::write::Write;
use super::{Store, lint, rules, workspaces};
use crate::domain::audit::Change;
use crate::domain::document::{Difference, ImportMode, Warning, differences};
use crate::domain::lint::{RuleFacts, TargetState, missing_model};
use crate::domain::workspace::{NewWorkspace, Summary, Workspace};

/// Whether an import is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    Real,
    /// Everything is tried, and nothing kept.
    Dry,
}

/// What an import did, or would do.
#[derive(Clone, Debug)]
pub struct Imported {
    pub workspace: Workspace,
    pub created: bool,
    pub differences: Vec<Difference>,
    pub warnings: Vec<Warning>,
    /// The revision that holds it; of a dry run, the present one.
    pub revision: u64,
}

impl Store {
    /// What a document of a workspace says.
    pub async fn export_workspace(&self, name: &Name) -> Result<NewWorkspace, StoreError> {
        let mut transaction = self.read().await?;
        let Found { id, workspace } = workspaces::find(&mut transaction, name).await?;
        Ok(whole(workspace, rules::read(&mut transaction, id).await?))
    }

    /// Makes a workspace what a document says, or changes nothing.
    pub async fn import_workspace(
        &self,
        new: &NewWorkspace,
        mode: ImportMode,
        run: Run,
    ) -> Result<Imported, StoreError> {
        let mut write = self.write().await?;
        let existing = workspaces::lookup(write.connection(), &new.name).await?;
        let created = existing.is_none();
        let (id, differences) = match existing {
            None => (workspaces::insert(&mut write, new, "import").await?.id, differences(None, new)),
            Some(found) => (found.id, replace(&mut write, found, new, mode).await?),
        };
        let facts = lint::facts(write.connection(), id).await?;
        let workspace = workspaces::find(write.connection(), &new.name).await?.workspace;
        let revision = match run {
            Run::Real => write.commit().await?,
            Run::Dry => write.abandon().await?,
        };
        Ok(Imported { workspace, created, differences, warnings: warnings(&facts), revision })
    }
}

async fn replace(
    write: &mut Write<'_>,
    found: Found,
    new: &NewWorkspace,
    mode: ImportMode,
) -> Result<Vec<Difference>, StoreError> {
    let Found { id, workspace: before } = found;
    match (mode, before.summary.archived_at_ms) {
        (ImportMode::Create, None) => {
            return Err(StoreError::Taken { kind: Kind::Workspace, name: new.name.clone() });
        }
        (ImportMode::Create, Some(_)) => return Err(StoreError::TakenByArchived(new.name.clone())),
        (ImportMode::Replace, Some(_)) => return Err(StoreError::Archived(new.name.clone())),
        (ImportMode::Replace, None) => {}
    }
    rules::check_providers(write.connection(), &new.rules).await?;
    let old = whole(before.clone(), rules::read(write.connection(), id).await?);
    let found = differences(Some(&old), new);
    if found.is_empty() {
        return Ok(found);
    }
    let after = Workspace {
        summary: Summary { description: new.description.clone(), ..before.summary.clone() },
        instructions: new.instructions.clone(),
        settings: new.settings.clone(),
    };
    workspaces::update(write, id, &before, &after).await?;
    if old.rules != new.rules {
        rules::replace(write.connection(), id, &new.rules).await?;
        write.touch(Kind::Workspace, new.name.as_str());
    }
    let (before, after) = (before.to_json_with_rules(&old.rules), after.to_json_with_rules(&new.rules));
    let (name, before, after) = (new.name.to_string(), Some(before), Some(after));
    write.note(Change { action: "import", kind: "workspace", name, before, after });
    Ok(found)
}

fn whole(workspace: Workspace, rules: Vec<Rule>) -> NewWorkspace {
    let Workspace { summary, instructions, settings } = workspace;
    NewWorkspace { name: summary.name, description: summary.description, instructions, rules, settings }
}

fn warnings(facts: &[RuleFacts]) -> Vec<Warning> {
    let missing = facts.iter().enumerate().filter(|(_, facts)| facts.target == TargetState::NoModel);
    missing
        .filter_map(|(index, facts)| match &facts.rule.target {
            Target::Model(model) => Some(Warning {
                code: "missing_model",
                pointer: format!("/spec/rules/{index}/target"),
                detail: missing_model(model.provider.as_str(), &model.id),
            }),
            Target::Requested | Target::Named(_) => None,
        })
        .collect()
}

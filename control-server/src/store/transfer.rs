//! Workspaces as documents: read whole, and written whole.

use mux::config::{Name, Target};
use sqlx::AnyConnection;

use super::error::{Kind, StoreError};
use super::workspaces::Found;
use super::write::Write;
use super::{Store, collection, deployments, lint, providers, rules, workspaces};
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
        whole(&mut transaction, id, workspace).await
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
        let unlisted = collection::unlisted(write.connection(), id).await?;
        let mut warnings = warnings(&facts);
        let models = new.models.iter().enumerate().filter(|(_, own)| unlisted.contains(&own.alias));
        warnings.extend(models.map(|(index, own)| Warning {
            code: "missing_model",
            pointer: format!("/spec/models/{index}/model"),
            detail: missing_model(own.model.provider.as_str(), &own.model.id),
        }));
        let workspace = workspaces::find(write.connection(), &new.name).await?.workspace;
        let revision = match run {
            Run::Real => write.commit().await?,
            Run::Dry => write.abandon().await?,
        };
        Ok(Imported { workspace, created, differences, warnings, revision })
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
            return Err(StoreError::Taken { kind: Kind::Workspace, name: new.name.to_string() });
        }
        (ImportMode::Create, Some(_)) => return Err(StoreError::TakenByArchived(new.name.clone())),
        (ImportMode::Replace, Some(_)) => return Err(StoreError::Archived(new.name.clone())),
        (ImportMode::Replace, None) => {}
    }
    check_references(write.connection(), new).await?;
    let old = whole(write.connection(), id, before.clone()).await?;
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
    if (&old.models, &old.deployments) != (&new.models, &new.deployments) {
        collection::replace(write.connection(), id, &new.models, &new.deployments).await?;
        write.touch(Kind::Workspace, new.name.as_str());
    }
    if old.rules != new.rules {
        rules::replace(write.connection(), id, &new.rules).await?;
        write.touch(Kind::Workspace, new.name.as_str());
    }
    let (before, after) = (before.to_json_with(&old), after.to_json_with(new));
    let (name, before, after) = (new.name.to_string(), Some(before), Some(after));
    write.note(Change { action: "import", kind: "workspace", name, before, after });
    Ok(found)
}

/// A workspace with all that it holds.
pub(super) async fn whole(
    connection: &mut AnyConnection,
    id: i64,
    workspace: Workspace,
) -> Result<NewWorkspace, StoreError> {
    let Workspace { summary, instructions, settings } = workspace;
    Ok(NewWorkspace {
        name: summary.name,
        description: summary.description,
        instructions,
        rules: rules::read(connection, id).await?,
        models: collection::read(connection, id).await?,
        deployments: deployments::read(connection, id).await?,
        settings,
    })
}

/// Refuses models and rules that name what is not there.
pub(super) async fn check_references(connection: &mut AnyConnection, new: &NewWorkspace) -> Result<(), StoreError> {
    let known = providers::names(connection).await?;
    let unknown = new.models.iter().enumerate().filter(|(_, own)| !known.contains(&own.model.provider));
    let mut errors: Vec<_> = unknown
        .map(|(index, own)| collection::no_provider(format!("/models/{index}/model"), &own.model.provider))
        .collect();
    let aliases = new.models.iter().map(|own| own.alias.clone());
    let names = aliases.chain(new.deployments.iter().map(|own| own.name.clone())).collect();
    errors.extend(rules::wrong_targets(&new.rules, &known, &names));
    if errors.is_empty() { Ok(()) } else { Err(StoreError::Invalid(errors)) }
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

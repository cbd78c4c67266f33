//! What the target of a rule, or the name that a client gave, leads to.

use std::rc::Rc;

use super::{Caller, MUX, Tries};
use crate::config::{self, Alias, Deployment, Model, Scope, Target};
use crate::refusal::{Code, Refusal};
use crate::snapshot::{Snapshot, Workspace};

/// Names that a refusal lists of those that would work.
const NAMES_LISTED_MAX: usize = 20;

/// One place that a request may be sent to.
#[derive(Clone, Debug)]
pub struct Aim {
    pub provider: Rc<config::Provider>,
    pub model: Model,
    /// Under which the workspace allows it; none: it was named in full.
    pub alias: Option<Alias>,
    /// Of the alias.
    pub requests_per_minute: Option<u32>,
}

/// Where a name leads.
#[derive(Clone, Debug)]
pub enum Destination {
    Model(Aim),
    /// One of these, which are in the deployment's own order.
    Deployment(Rc<Deployment>, Tries),
}

/// Why a name leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nowhere {
    Unknown,
    SwitchedOff,
}

/// Where a rule sends a request.
pub fn of_target(
    snapshot: &Snapshot,
    workspace: &Workspace,
    target: &Target,
    requested: &str,
) -> Result<Destination, Nowhere> {
    match target {
        Target::Model(model) => of_model(snapshot, workspace, model.clone()),
        Target::Named(alias) => of_alias(snapshot, workspace, alias.as_str()),
        Target::Requested => of_name(snapshot, workspace, requested),
    }
}

/// Where a client goes that names a model.
pub fn of_name(snapshot: &Snapshot, workspace: &Workspace, name: &str) -> Result<Destination, Nowhere> {
    if !name.contains('/') {
        return of_alias(snapshot, workspace, name);
    }
    let model = if workspace.is_open { name.parse().ok() } else { None };
    of_model(snapshot, workspace, model.ok_or(Nowhere::Unknown)?)
}

fn of_alias(snapshot: &Snapshot, workspace: &Workspace, name: &str) -> Result<Destination, Nowhere> {
    if workspace.models.contains_key(name) {
        return aim(snapshot, workspace, name).map(Destination::Model);
    }
    let deployment = workspace.deployments.get(name).ok_or(Nowhere::Unknown)?;
    let targets = deployment.targets.iter();
    let mut aims = targets.filter_map(|target| aim(snapshot, workspace, target.alias.as_str()).ok());
    let first = aims.next().ok_or(Nowhere::SwitchedOff)?;
    Ok(Destination::Deployment(Rc::clone(deployment), Tries { first, others: aims.collect() }))
}

fn aim(snapshot: &Snapshot, workspace: &Workspace, alias: &str) -> Result<Aim, Nowhere> {
    let own = workspace.models.get(alias).ok_or(Nowhere::Unknown)?;
    if !own.enabled {
        return Err(Nowhere::SwitchedOff);
    }
    let provider = snapshot.provider(own.model.provider.as_str()).ok_or(Nowhere::Unknown)?;
    Ok(Aim {
        provider: Rc::clone(provider),
        model: own.model.clone(),
        alias: Some(own.alias.clone()),
        requests_per_minute: own.requests_per_minute,
    })
}

/// A model that is named in full. What the workspace has switched off is off under every name.
fn of_model(snapshot: &Snapshot, workspace: &Workspace, model: Model) -> Result<Destination, Nowhere> {
    if workspace.models.values().any(|own| own.model == model && !own.enabled) {
        return Err(Nowhere::SwitchedOff);
    }
    let provider = Rc::clone(snapshot.provider(model.provider.as_str()).ok_or(Nowhere::Unknown)?);
    Ok(Destination::Model(Aim { provider, model, alias: None, requests_per_minute: None }))
}

/// Refuses what the caller's key may not use.
pub fn check_scope(caller: &Caller, destination: &Destination) -> Result<(), Refusal> {
    let Some(key) = &caller.key else { return Ok(()) };
    let (is_held, name) = match destination {
        Destination::Deployment(deployment, _) => {
            (key.scopes().deployments.holds(deployment.name.as_str()), deployment.name.to_string())
        }
        Destination::Model(Aim { alias: Some(alias), .. }) => {
            (key.scopes().models.holds(alias.as_str()), alias.to_string())
        }
        Destination::Model(Aim { model, alias: None, .. }) => {
            (holds_model(&key.scopes().models, &caller.workspace, model), model.to_string())
        }
    };
    if is_held { Ok(()) } else { Err(out_of_scope(&name)) }
}

/// Whether a scope over aliases holds a model that is named in full.
fn holds_model(scope: &Scope, workspace: &Workspace, model: &Model) -> bool {
    match scope {
        Scope::All => true,
        Scope::Only(_) => workspace.models.values().any(|own| own.model == *model && scope.holds(own.alias.as_str())),
    }
}

fn out_of_scope(name: &str) -> Refusal {
    let message = format!("This key may not use `{name}`; `GET /v1/models` lists what it may.");
    Refusal { param: Some("model".into()), ..Refusal::new(Code::NotAllowed, message) }
}

/// For a client that named what leads nowhere.
pub fn no_such_model(snapshot: &Snapshot, caller: &Caller, requested: &str, why: Nowhere) -> Refusal {
    let short: String = requested.chars().take(config::MODEL_BYTES_MAX).collect();
    let (code, message) = match why {
        Nowhere::SwitchedOff => {
            (Code::NotAllowed, format!("`{short}` is switched off in workspace `{}`.", caller.workspace.name))
        }
        Nowhere::Unknown => {
            let mut names = super::models(snapshot, caller);
            let more = names.len().saturating_sub(NAMES_LISTED_MAX);
            names.truncate(NAMES_LISTED_MAX);
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
            let names_all = caller.key.as_ref().is_none_or(|key| key.scopes().models == Scope::All);
            let open = if caller.workspace.is_open && names_all { ", or any model as `provider/model`" } else { "" };
            let message = format!(
                "There is no model `{short}` here. These would work: {}{tail}{open}. `{MUX}` lets the workspace's rules decide.",
                names.join(", ")
            );
            (Code::ModelNotFound, message)
        }
    };
    Refusal { param: Some("model".into()), ..Refusal::new(code, message) }
}

//! The list of models that a caller may name.

use serde_json::json;

use super::{Caller, MUX, resolve};
use crate::config::Target;
use crate::dialect::Dialect;
use crate::snapshot::Snapshot;

/// What a caller may name as a model: `mux` if rules lead anywhere, the models and deployments of the workspace, and in an open one the models
/// that its rules name in full; of all these what the caller's key holds.
pub fn models(snapshot: &Snapshot, caller: &Caller) -> Vec<String> {
    let workspace = &caller.workspace;
    let by_rules = workspace.rules.iter().filter_map(|rule| match &rule.target {
        Target::Model(model) if workspace.is_open => Some(model.to_string()),
        _ => None,
    });
    let mut names: Vec<String> =
        workspace.models.keys().chain(workspace.deployments.keys()).map(ToString::to_string).collect();
    names.sort_unstable();
    for name in by_rules {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.retain(|name| {
        let destination = resolve::of_name(snapshot, workspace, name);
        destination.is_ok_and(|destination| resolve::check_scope(caller, &destination).is_ok())
    });
    if rules_lead_on(snapshot, caller, &names) {
        names.insert(0, MUX.to_owned());
    }
    names
}

/// Whether the rules may lead the caller anywhere: a key's scope may leave nothing of where they lead. `names` is what
/// else the caller may name.
fn rules_lead_on(snapshot: &Snapshot, caller: &Caller, names: &[String]) -> bool {
    let workspace = &caller.workspace;
    let leads_on = |target: &Target| match target {
        Target::Requested => !names.is_empty() || workspace.is_open,
        Target::Model(_) | Target::Named(_) => resolve::of_target(snapshot, workspace, target, "")
            .is_ok_and(|destination| resolve::check_scope(caller, &destination).is_ok()),
    };
    caller.key.is_none() || workspace.rules.iter().any(|rule| leads_on(&rule.target))
}

/// The answer to `GET …/models` in the shape of a dialect: OpenAI's "List models", or Anthropic's.
pub fn models_body(ids: &[String], dialect: Dialect) -> Vec<u8> {
    let body = match dialect {
        Dialect::Messages => {
            let items: Vec<_> = ids
                .iter()
                .map(|id| {
                    json!({ "type": "model", "id": id, "display_name": id, "created_at": UNKNOWN_TIME, "lifecycle": "active" })
                })
                .collect();
            json!({ "data": items, "has_more": false, "first_id": ids.first(), "last_id": ids.last() })
        }
        _ => {
            let owner = |id: &str| id.split_once('/').map_or("muxspace", |(provider, _)| provider).to_owned();
            let items: Vec<_> = ids
                .iter()
                .map(|id| json!({ "id": id, "object": "model", "created": 0, "owned_by": owner(id) }))
                .collect();
            json!({ "object": "list", "data": items })
        }
    };
    body.to_string().into_bytes()
}

/// What Anthropic says of a model whose release is not known.
const UNKNOWN_TIME: &str = "1970-01-01T00:00:00Z";

//! The list of models that a caller may name.

use super::{Caller, MUX};
use crate::config::Target;
use crate::snapshot::Snapshot;

/// What a caller may name as a model: `mux`, and the models that the workspace's rules name.
pub fn models(snapshot: &Snapshot, caller: &Caller) -> Vec<String> {
    let mut ids = vec![MUX.to_owned()];
    for rule in caller.workspace.rules.iter() {
        if let Target::Model(model) = &rule.target
            && snapshot.provider(model.provider.as_str()).is_some()
        {
            let id = model.to_string();
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    ids
}

/// The answer to `GET …/models` (OpenAI's "List models").
pub fn models_body(ids: &[String]) -> Vec<u8> {
    let items: Vec<_> = ids
        .iter()
        .map(|id| {
            let owner = id.split_once('/').map_or("muxspace", |(provider, _)| provider);
            serde_json::json!({ "id": id, "object": "model", "created": 0, "owned_by": owner })
        })
        .collect();
    serde_json::json!({ "object": "list", "data": items }).to_string().into_bytes()
}

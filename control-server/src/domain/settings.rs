//! Settings of a workspace, as people write them and as the database keeps them.

use mux::config::{Access, DEFAULT, Name, Switch};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::cache::CacheSettings;
use super::error::FieldError;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// When a conversation may move to another target.
    pub switch: Switch,
    /// Whether clients without a key of this gateway may use the workspace.
    pub anonymous: bool,
    /// Whether clients may name models that are not in the workspace's collection; unless said: in `default` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_collection: Option<bool>,
    pub cache: CacheSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self { switch: Switch::Anytime, anonymous: true, open_collection: None, cache: CacheSettings::default() }
    }
}

impl Settings {
    pub fn access(&self) -> Access {
        if self.anonymous { Access::Anonymous } else { Access::KeyOnly }
    }

    pub fn has_open_collection(&self, workspace: &Name) -> bool {
        self.open_collection.unwrap_or(workspace.as_str() == DEFAULT)
    }

    /// With what is not said as it holds.
    pub fn in_effect(self, workspace: &Name) -> Self {
        Self { open_collection: Some(self.has_open_collection(workspace)), ..self }
    }

    /// With what the patch gives; `null` brings a setting back to its default. Errors point into `{"settings": {…}}`.
    pub fn patched(&self, patch: &SettingsPatch) -> Result<Self, Vec<FieldError>> {
        let mut merged = serde_json::to_value(self).map_err(|error| vec![FieldError::new("/settings", error)])?;
        merge(&mut merged, Value::Object(patch.0.clone()));
        serde_path_to_error::deserialize(merged).map_err(|error| {
            let pointer = format!("/settings{}", FieldError::pointer_of(error.path()));
            vec![FieldError::new(pointer, error.into_inner())]
        })
    }
}

/// A JSON merge patch (RFC 7396).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct SettingsPatch(Map<String, Value>);

fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(&key);
        } else {
            merge(target.entry(key).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_a_patch_gives_changes() {
        let before = Settings { switch: Switch::UserTurn, anonymous: false, ..Settings::default() };
        let patch = |patch: Value| before.patched(&serde_json::from_value(patch).unwrap());
        assert_eq!(patch(json!({})), Ok(before.clone()));
        assert_eq!(patch(json!({"anonymous": true})), Ok(Settings { anonymous: true, ..before.clone() }));
        assert_eq!(patch(json!({"switch": null})), Ok(Settings { switch: Switch::Anytime, ..before.clone() }));
        for (bad, pointer) in [
            (json!({"colour": 1}), "/settings/colour"),
            (json!({"switch": "never"}), "/settings/switch"),
            (json!({"anonymous": {"a": 1}}), "/settings/anonymous"),
            (json!({"open_collection": "yes"}), "/settings/open_collection"),
            (json!({"cache": true}), "/settings/cache"),
            (json!({"cache": {"enabled": 1}}), "/settings/cache/enabled"),
            (json!({"cache": {"ttl_s": 0}}), "/settings/cache/ttl_s"),
            (json!({"cache": {"size": 1}}), "/settings/cache/size"),
        ] {
            assert_eq!(patch(bad).unwrap_err()[0].pointer, pointer);
        }
    }

    #[test]
    fn only_default_has_an_open_collection_unless_said() {
        let in_effect = |open_collection, workspace: &str| {
            let settings = Settings { open_collection, ..Settings::default() };
            settings.in_effect(&workspace.parse().unwrap()).open_collection
        };
        assert_eq!(in_effect(None, "default"), Some(true));
        assert_eq!(in_effect(None, "w"), Some(false));
        assert_eq!(in_effect(Some(false), "default"), Some(false));
        assert_eq!(in_effect(Some(true), "w"), Some(true));
    }

    #[test]
    fn objects_merge_and_everything_else_replaces() {
        for (mut target, patch, expected) in [
            (json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": null, "d": 3}}), json!({"a": {"c": 2, "d": 3}})),
            (json!({"a": [1, 2]}), json!({"a": [3]}), json!({"a": [3]})),
            (json!({"a": 1}), json!({"a": {"b": {"c": null}}}), json!({"a": {"b": {}}})),
        ] {
            merge(&mut target, patch);
            assert_eq!(target, expected);
        }
    }
}

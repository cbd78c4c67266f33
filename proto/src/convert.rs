//! Messages to `mux` values and back. Every field is named on both sides, so that a new one does not get lost.

use mux::config;

use crate::v1;

/// A message that no snapshot can be built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

impl std::fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

fn name(field: &str, text: &str) -> Result<config::Name, Malformed> {
    text.parse().map_err(|error| Malformed(format!("{field} `{text}`: {error}")))
}

impl TryFrom<v1::Workspace> for config::Workspace {
    type Error = Malformed;

    fn try_from(message: v1::Workspace) -> Result<Self, Malformed> {
        let v1::Workspace { name: workspace, rules } = message;
        Ok(Self {
            name: name("workspace", &workspace)?,
            rules: rules.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        })
    }
}

impl From<config::Workspace> for v1::Workspace {
    fn from(value: config::Workspace) -> Self {
        let config::Workspace { name, rules } = value;
        Self { name: name.to_string(), rules: rules.into_iter().map(Into::into).collect() }
    }
}

impl TryFrom<v1::Rule> for config::Rule {
    type Error = Malformed;

    fn try_from(message: v1::Rule) -> Result<Self, Malformed> {
        let v1::Rule { name, when, target } = message;
        let target = target.parse().map_err(|error| Malformed(format!("rule `{name}`: target `{target}`: {error}")))?;
        let v1::When { file } = when.unwrap_or_default();
        Ok(Self { name, when: config::When { file }, target })
    }
}

impl From<config::Rule> for v1::Rule {
    fn from(value: config::Rule) -> Self {
        let config::Rule { name, when, target } = value;
        let config::When { file } = when;
        Self { name, when: Some(v1::When { file }), target: target.to_string() }
    }
}

impl TryFrom<v1::Session> for config::Session {
    type Error = Malformed;

    fn try_from(message: v1::Session) -> Result<Self, Malformed> {
        let v1::Session { id, active_workspace } = message;
        Ok(Self { id: name("session", &id)?, active_workspace: name("workspace", &active_workspace)? })
    }
}

impl From<config::Session> for v1::Session {
    fn from(value: config::Session) -> Self {
        let config::Session { id, active_workspace } = value;
        Self { id: id.to_string(), active_workspace: active_workspace.to_string() }
    }
}

impl TryFrom<v1::Provider> for config::Provider {
    type Error = Malformed;

    fn try_from(message: v1::Provider) -> Result<Self, Malformed> {
        let v1::Provider { name: provider, cluster, authority, base_path, api_key } = message;
        Ok(Self {
            name: name("provider", &provider)?,
            cluster: cluster.into(),
            authority: authority.into(),
            base_path: base_path.into(),
            api_key: api_key.into(),
        })
    }
}

impl From<config::Provider> for v1::Provider {
    fn from(value: config::Provider) -> Self {
        let config::Provider { name, cluster, authority, base_path, api_key } = value;
        Self {
            name: name.to_string(),
            cluster: cluster.into(),
            authority: authority.into(),
            base_path: base_path.into(),
            api_key: api_key.into(),
        }
    }
}

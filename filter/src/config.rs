//! The plugin configuration, as it stands in Envoy's own.

use serde::Deserialize;

/// JSON: `{"role":"route","control_cluster":"muxspace_control"}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub role: Role,
    /// The Envoy cluster that reaches the control server.
    #[serde(default = "default_control_cluster")]
    pub control_cluster: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Route,
    Attempt,
}

fn default_control_cluster() -> String {
    "muxspace_control".into()
}

impl Config {
    /// The message says what is wrong, for Envoy's log.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(json).map_err(|error| format!("plugin configuration: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Config, Role};

    #[test]
    fn reads_what_the_bootstrap_holds() {
        let config = Config::parse(br#"{"role":"attempt"}"#).unwrap();
        assert_eq!((config.role, config.control_cluster.as_str()), (Role::Attempt, "muxspace_control"));
        assert!(Config::parse(br#"{"role":"route","x":1}"#).is_err());
        assert!(Config::parse(b"").is_err());
    }
}

//! An Envoy configuration, taken apart: a bootstrap file and a dump of a running Envoy hold the same things in different
//! places, and field names in two spellings.

use serde_json::{Map, Value};

/// What the checks look at.
#[derive(Debug, Default)]
pub struct Parts {
    pub listeners: Vec<Value>,
    pub clusters: Vec<Value>,
    /// Routes that came by discovery.
    pub routes: Vec<Value>,
    pub dynamic_resources: Value,
    /// Names of what is compiled in; only a dump has them.
    pub extensions: Vec<String>,
    pub is_dump: bool,
}

impl Parts {
    /// Reads a bootstrap, or the answer of `/config_dump`.
    pub fn read(config: Value) -> Self {
        let config = in_snake_case(config);
        match config.get("configs").and_then(Value::as_array) {
            Some(configs) => Self::of_dump(configs),
            None => Self::of_bootstrap(&config),
        }
    }

    fn of_bootstrap(config: &Value) -> Self {
        let (listeners, clusters) =
            (list(config, "/static_resources/listeners"), list(config, "/static_resources/clusters"));
        let extensions = list(config, "/node/extensions").iter().filter_map(name).collect();
        let dynamic_resources = config.get("dynamic_resources").cloned().unwrap_or(Value::Null);
        Self { listeners, clusters, dynamic_resources, extensions, ..Self::default() }
    }

    fn of_dump(configs: &[Value]) -> Self {
        let mut parts = Self::default();
        for config in configs {
            match kind(config) {
                "BootstrapConfigDump" => {
                    let Self { dynamic_resources, extensions, .. } =
                        config.get("bootstrap").map(Self::of_bootstrap).unwrap_or_default();
                    (parts.dynamic_resources, parts.extensions) = (dynamic_resources, extensions);
                }
                "ListenersConfigDump" => {
                    parts.listeners.extend(each(config, "static_listeners", "/listener"));
                    parts.listeners.extend(each(config, "dynamic_listeners", "/active_state/listener"));
                }
                "ClustersConfigDump" => {
                    parts.clusters.extend(each(config, "static_clusters", "/cluster"));
                    parts.clusters.extend(each(config, "dynamic_active_clusters", "/cluster"));
                }
                "RoutesConfigDump" => parts.routes.extend(each(config, "dynamic_route_configs", "/route_config")),
                _ => {}
            }
        }
        parts.is_dump = true;
        parts
    }
}

/// The last word of a value's type, such as `HttpConnectionManager`.
pub fn kind(value: &Value) -> &str {
    let uri = value.get("@type").and_then(Value::as_str).unwrap_or_default();
    uri.rsplit('.').next().unwrap_or_default()
}

pub fn name(value: &Value) -> Option<String> {
    value.get("name").and_then(Value::as_str).map(str::to_owned)
}

/// The list at a pointer; what is no list is an empty one.
pub fn list(value: &Value, pointer: &str) -> Vec<Value> {
    value.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default()
}

/// A number, which JSON of protobuf may also write as a text.
pub fn number(value: &Value, pointer: &str) -> Option<u64> {
    match value.pointer(pointer)? {
        Value::String(text) => text.parse().ok(),
        value => value.as_u64(),
    }
}

/// Seconds of a duration such as `0s` or `1.5s`.
pub fn seconds(value: &Value, pointer: &str) -> Option<f64> {
    value.pointer(pointer)?.as_str()?.strip_suffix('s')?.parse().ok()
}

fn each(config: &Value, field: &str, pointer: &str) -> Vec<Value> {
    let items = list(config, &format!("/{field}"));
    items.iter().filter_map(|item| item.pointer(pointer).cloned()).collect()
}

/// Protobuf's JSON takes `bufferLimit` and `buffer_limit`. Keys that are no such names, such as `@type`, stay.
fn in_snake_case(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields.into_iter().map(|(key, value)| (snake(&key), in_snake_case(value))).collect::<Map<_, _>>(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(in_snake_case).collect()),
        other => other,
    }
}

fn snake(key: &str) -> String {
    if !key.chars().all(|letter| letter.is_ascii_alphanumeric()) {
        return key.to_owned();
    }
    let mut out = String::with_capacity(key.len() + 4);
    for letter in key.chars() {
        if letter.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_shapes_and_both_spellings_are_read() {
        let listener = json!({"name": "l", "perConnectionBufferLimitBytes": "7"});
        let bootstrap = json!({"staticResources": {"listeners": [listener.clone()], "clusters": [{"name": "c"}]}});
        let dump = json!({"configs": [
            {"@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump",
                "bootstrap": {"node": {"extensions": [{"name": "envoy.wasm.runtime.v8"}]}, "dynamic_resources": {"cds_config": {}}}},
            {"@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", "static_listeners": [{"listener": listener}]},
            {"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump", "dynamic_active_clusters": [{"cluster": {"name": "c"}}]},
        ]});
        for (config, is_dump) in [(bootstrap, false), (dump, true)] {
            let parts = Parts::read(config);
            assert_eq!(parts.is_dump, is_dump);
            assert_eq!(parts.clusters, [json!({"name": "c"})]);
            assert_eq!(number(&parts.listeners[0], "/per_connection_buffer_limit_bytes"), Some(7));
            assert_eq!(parts.extensions.len(), usize::from(is_dump));
        }
    }

    #[test]
    fn durations_are_read() {
        for (text, expected) in [("0s", Some(0.0)), ("1.5s", Some(1.5)), ("1m", None), ("", None)] {
            assert_eq!(seconds(&json!({ "t": text }), "/t"), expected, "{text}");
        }
    }
}

//! The filter's own place in Envoy: the chain of a listener, or a cluster's.

use serde_json::Value;

use super::finding::Finding;
use super::parts::{Parts, kind, name};

const CHECK: &str = "filter";
/// Names of the resources that the control server hands out begin with this.
const RESOURCE_PREFIX: &str = "muxspace.";
const NODE_TOKEN_VARIABLE: &str = "MUXSPACE_NODE_TOKEN";
const RUNTIME: &str = "envoy.wasm.runtime.v8";

/// Whether this is the filter: by discovery, or as a wasm filter of a name that says so.
pub fn is_ours(filter: &Value) -> bool {
    let name = name(filter).unwrap_or_default();
    match filter.get("config_discovery") {
        Some(_) => name.starts_with(RESOURCE_PREFIX),
        None => filter.get("typed_config").is_some_and(|config| kind(config) == "Wasm" && says_muxspace(filter)),
    }
}

/// A wasm filter tells by its own name, its root or its VM.
fn says_muxspace(filter: &Value) -> bool {
    let places = ["/name", "/typed_config/config/name", "/typed_config/config/vm_config/vm_id"];
    places
        .iter()
        .any(|place| filter.pointer(place).and_then(Value::as_str).is_some_and(|text| text.contains("muxspace")))
}

/// Judges a chain that holds the filter.
pub fn check(filters: &[Value], parts: &Parts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for filter in filters.iter().filter(|filter| is_ours(filter)) {
        match filter.get("config_discovery") {
            Some(discovery) => findings.push(discovered(discovery, parts)),
            None => findings.extend(inline(filter)),
        }
    }
    let at = |wanted: fn(&Value) -> bool| filters.iter().position(wanted);
    let is_router = |filter: &Value| filter.get("typed_config").is_some_and(|config| kind(config) == "Router");
    findings.push(Finding::demand(
        CHECK,
        matches!((at(is_ours), at(is_router)), (Some(ours), Some(router)) if ours < router),
        "stands before the router",
        || "the filter must stand before envoy.filters.http.router in http_filters".to_owned(),
    ));
    findings
}

/// By discovery the server configures it; all that can be wrong here is where from.
fn discovered(discovery: &Value, parts: &Parts) -> Finding {
    let place = "/config_source/api_config_source/grpc_services/0/envoy_grpc/cluster_name";
    let is_ads = discovery.pointer("/config_source/ads").is_some();
    let cluster = discovery.pointer(place).and_then(Value::as_str);
    let is_known =
        cluster.is_some_and(|cluster| parts.clusters.iter().any(|known| name(known).as_deref() == Some(cluster)));
    Finding::demand(CHECK, is_known || is_ads, "comes from the control server by discovery", || {
        match cluster {
        Some(cluster) => format!("config_discovery asks cluster {cluster}, which is not there; add it"),
        None => "config_discovery names no cluster; add api_config_source with envoy_grpc: { cluster_name: muxspace_control }".to_owned(),
    }
    })
}

fn inline(filter: &Value) -> Vec<Finding> {
    let Some(config) = filter.pointer("/typed_config/config") else {
        return vec![Finding::fail(CHECK, "the wasm filter has no config")];
    };
    let at = |pointer: &str| config.pointer(pointer);
    let text = |pointer: &str| at(pointer).and_then(Value::as_str).unwrap_or_default();
    let hands_token = at("/vm_config/environment_variables").is_some_and(|variables| {
        let keys = variables.get("host_env_keys").and_then(Value::as_array);
        keys.into_iter().flatten().any(|key| key == NODE_TOKEN_VARIABLE)
            || variables.pointer(&format!("/key_values/{NODE_TOKEN_VARIABLE}")).is_some()
    });
    let mut findings = vec![
        Finding::demand(
            CHECK,
            at("/allow_on_headers_stop_iteration") == Some(&Value::Bool(true)),
            "may pause at the headers",
            || "set allow_on_headers_stop_iteration: true in the wasm filter's config, or requests hang".to_owned(),
        ),
        Finding::demand(CHECK, hands_token, "gets the node token", || {
            format!("add host_env_keys: [{NODE_TOKEN_VARIABLE}] to vm_config.environment_variables")
        }),
        Finding::demand(CHECK, text("/vm_config/runtime") == RUNTIME, "runs in V8", || {
            format!("set vm_config.runtime: {RUNTIME}")
        }),
    ];
    if text("/failure_policy") != "FAIL_RELOAD" {
        let advice = "set failure_policy: FAIL_RELOAD, or a filter that breaks down stays so";
        findings.push(Finding::warn(CHECK, advice));
    }
    findings
}

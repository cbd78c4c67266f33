//! What the filter needs of the Envoy around it.

use serde_json::Value;

use super::finding::Finding;
use super::http_filters;
use super::parts::{Parts, kind, list, name, number, seconds};
use crate::xds::CONTROL_CLUSTER;

const LISTENER: &str = "listener";
const BODY_LIMIT: &str = "body limit";
const ROUTE: &str = "route";
const CONTROL: &str = "control cluster";
const DISCOVERY: &str = "discovery";
const RUNTIME: &str = "Envoy";
/// The largest prompt that the gateway takes.
const BODY_BYTES: u64 = 32 << 20;
const CLUSTER_HEADER: &str = "x-muxspace-cluster";
const NODE_TOKEN_VARIABLE: &str = "MUXSPACE_NODE_TOKEN";
const V8: &str = "envoy.wasm.runtime.v8";
/// A model may pause for this long within a stream.
const STREAM_IDLE_S: f64 = 600.0;
const STREAM_IDLE_DEFAULT_S: f64 = 300.0;

/// Checks a bootstrap, or the answer of `/config_dump`.
pub fn check(config: Value) -> Vec<Finding> {
    let parts = Parts::read(config);
    let mut findings = Vec::new();
    let mut is_there = false;
    for listener in &parts.listeners {
        for manager in managers(listener) {
            let filters = list(&manager, "/http_filters");
            if filters.iter().any(http_filters::is_ours) {
                is_there = true;
                findings.extend(http_filters::check(&filters, &parts));
                findings.extend(connection(listener, &manager));
                findings.extend(routes(listener, &manager, &parts));
            }
        }
    }
    if !is_there {
        findings.push(Finding::fail(
            LISTENER,
            "no listener has the filter; `muxspace envoy-config` prints a configuration that does: take over its http_filters",
        ));
    }
    findings.extend(control_cluster(&parts));
    findings.push(Finding::demand(
        DISCOVERY,
        ["cds_config", "ads_config"].iter().any(|name| parts.dynamic_resources.get(*name).is_some()),
        "clusters come by discovery",
        || format!("add dynamic_resources.cds_config that asks cluster {CONTROL_CLUSTER}: each provider is a cluster"),
    ));
    if parts.is_dump {
        findings.push(Finding::demand(
            RUNTIME,
            parts.extensions.iter().any(|extension| extension == V8),
            "has V8",
            || format!("this build lacks {V8} and can't run the filter; use another one (`make envoy` gets one)"),
        ));
    }
    findings
}

/// The HTTP connection managers of a listener.
fn managers(listener: &Value) -> Vec<Value> {
    let mut chains = list(listener, "/filter_chains");
    chains.extend(listener.get("default_filter_chain").cloned());
    let filters = chains.iter().flat_map(|chain| list(chain, "/filters"));
    let configs = filters.filter_map(|filter| filter.get("typed_config").cloned());
    configs.filter(|config| kind(config) == "HttpConnectionManager").collect()
}

fn connection(listener: &Value, manager: &Value) -> Vec<Finding> {
    let limit = number(listener, "/per_connection_buffer_limit_bytes");
    let mut findings = vec![Finding::demand(
        BODY_LIMIT,
        limit.is_some_and(|bytes| bytes >= BODY_BYTES),
        "the listener takes large prompts",
        || {
            let now = limit.map_or_else(|| "1 MiB, by default".to_owned(), |bytes| format!("{bytes} bytes"));
            format!(
                "the listener buffers {now}; set per_connection_buffer_limit_bytes: {BODY_BYTES}, or large prompts get a 413"
            )
        },
    )];
    if manager.get("use_remote_address") != Some(&Value::Bool(true)) {
        let advice =
            "set use_remote_address: true, so that Envoy drops x-envoy-* headers with which clients could steer it";
        findings.push(Finding::warn(LISTENER, advice));
    }
    let idle = seconds(manager, "/stream_idle_timeout").unwrap_or(STREAM_IDLE_DEFAULT_S);
    if idle > 0.0 && idle < STREAM_IDLE_S {
        let advice =
            format!("a model that thinks for more than {idle} s is cut off; set stream_idle_timeout: {STREAM_IDLE_S}s");
        findings.push(Finding::warn(LISTENER, advice));
    }
    findings
}

fn routes(listener: &Value, manager: &Value, parts: &Parts) -> Vec<Finding> {
    let discovered = manager.pointer("/rds/route_config_name").and_then(Value::as_str);
    let config = match discovered {
        None => manager.get("route_config"),
        Some(wanted) => parts.routes.iter().find(|config| name(config).as_deref() == Some(wanted)),
    };
    let Some(config) = config else {
        let advice = "routes come by discovery and cannot be seen here; check the Envoy that runs with --envoy-admin";
        return vec![Finding::warn(ROUTE, advice)];
    };
    let hosts = list(config, "/virtual_hosts");
    let by_header = |route: &Value| route.pointer("/route/cluster_header").is_some_and(|name| name == CLUSTER_HEADER);
    let routed = hosts.iter().flat_map(|host| list(host, "/routes").into_iter().map(move |route| (host, route)));
    let routed: Vec<(&Value, Value)> = routed.filter(|(_, route)| by_header(route)).collect();
    if routed.is_empty() {
        let advice = format!(
            "no route follows the filter; give the route of prompts cluster_header: {CLUSTER_HEADER} instead of a cluster"
        );
        return vec![Finding::fail(ROUTE, advice)];
    }
    routed.into_iter().flat_map(|(host, route)| route_of(listener, host, &route)).collect()
}

fn route_of(listener: &Value, host: &Value, route: &Value) -> [Finding; 2] {
    let own = |value: &Value| {
        // The second is what Envoys before 1.36 call it.
        number(value, "/request_body_buffer_limit").or_else(|| number(value, "/per_request_buffer_limit_bytes"))
    };
    let limit = own(route).or_else(|| own(host));
    let connection = number(listener, "/per_connection_buffer_limit_bytes");
    let body_limit = match (limit, connection) {
        (None, _) => Finding::fail(
            BODY_LIMIT,
            format!("add request_body_buffer_limit: {BODY_BYTES} to the virtual host, or large prompts get a 413"),
        ),
        (Some(bytes), _) if bytes < BODY_BYTES => Finding::fail(
            BODY_LIMIT,
            format!("raise request_body_buffer_limit of the virtual host from {bytes} to {BODY_BYTES}"),
        ),
        (Some(bytes), Some(connection)) if bytes != connection => Finding::warn(
            BODY_LIMIT,
            format!("the route takes {bytes} bytes, the listener {connection}; set both to the same"),
        ),
        (Some(_), _) => Finding::ok(BODY_LIMIT, "the route takes large prompts"),
    };
    let timeout = seconds(route, "/route/timeout");
    let time = Finding::demand(ROUTE, timeout == Some(0.0), "follows the filter, without a time limit", || {
        let now = timeout.map_or_else(|| "15 s, by default".to_owned(), |seconds| format!("{seconds} s"));
        format!("an answer ends after {now}; set timeout: 0s on the route")
    });
    [body_limit, time]
}

fn control_cluster(parts: &Parts) -> Vec<Finding> {
    let Some(cluster) = parts.clusters.iter().find(|cluster| name(cluster).as_deref() == Some(CONTROL_CLUSTER)) else {
        let advice = format!("add a cluster {CONTROL_CLUSTER} that reaches the control server (port 8990)");
        return vec![Finding::fail(CONTROL, advice)];
    };
    let options = cluster
        .get("typed_extension_protocol_options")
        .and_then(|options| options.get("envoy.extensions.upstreams.http.v3.HttpProtocolOptions"));
    let at = |pointer: &str| options.and_then(|options| options.pointer(pointer)).is_some();
    let speaks_http2 =
        at("/explicit_http_config/http2_protocol_options") || cluster.get("http2_protocol_options").is_some();
    let shows_token =
        cluster.to_string().contains(NODE_TOKEN_VARIABLE) || has_initial_metadata(&parts.dynamic_resources);
    vec![
        Finding::demand(CONTROL, speaks_http2, "speaks HTTP/2", || {
            format!(
                "give cluster {CONTROL_CLUSTER} explicit_http_config: {{ http2_protocol_options: {{}} }}: gRPC needs HTTP/2"
            )
        }),
        Finding::demand(CONTROL, shows_token, "shows the node token", || {
            format!(
                "add the header_mutation filter of `muxspace envoy-config` to cluster {CONTROL_CLUSTER}: it sends %ENVIRONMENT({NODE_TOKEN_VARIABLE})% as the bearer token"
            )
        }),
    ]
}

/// The other way to show a token: with each gRPC service.
fn has_initial_metadata(resources: &Value) -> bool {
    match resources {
        Value::Object(fields) => fields.iter().any(|(key, value)| {
            let is_token = |header: &Value| header.get("key").is_some_and(|key| key == "authorization");
            (key == "initial_metadata" && value.as_array().is_some_and(|headers| headers.iter().any(is_token)))
                || has_initial_metadata(value)
        }),
        Value::Array(items) => items.iter().any(has_initial_metadata),
        _ => false,
    }
}

#[cfg(test)]
mod tests;

//! The bootstrap that `envoy-config` prints must pass; each thing taken from it must be missed.

use serde_json::json;

use super::*;
use crate::cli::bootstrap::Bootstrap;
use crate::cli::client::doctor::finding::Level;
use crate::cli::client::document;

fn rendered() -> Value {
    let admin = Some("127.0.0.1:9901".parse().unwrap());
    let bootstrap =
        Bootstrap { listen: "0.0.0.0:8989".parse().unwrap(), control: "control:8990".parse().unwrap(), admin };
    document::parse(&bootstrap.render()).unwrap()
}

fn complaints(config: Value) -> Vec<Finding> {
    check(config).into_iter().filter(|finding| finding.level != Level::Ok).collect()
}

const MANAGER: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
const HOST: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/route_config/virtual_hosts/0";
const CLUSTER: &str = "/static_resources/clusters/0";

#[test]
fn the_bootstrap_of_envoy_config_passes() {
    assert_eq!(complaints(rendered()), []);
}

#[test]
fn a_dump_of_it_passes_if_envoy_has_v8() {
    let config = rendered();
    let dump = |extensions: Value| {
        let kind = |name: &str| format!("type.googleapis.com/envoy.admin.v3.{name}");
        json!({"configs": [
            {"@type": kind("BootstrapConfigDump"), "bootstrap": {"node": {"extensions": extensions},
                "dynamic_resources": config["dynamic_resources"]}},
            {"@type": kind("ListenersConfigDump"), "static_listeners": [{"listener": config["static_resources"]["listeners"][0]}]},
            {"@type": kind("ClustersConfigDump"), "static_clusters": [{"cluster": config["static_resources"]["clusters"][0]}]},
        ]})
    };
    assert_eq!(complaints(dump(json!([{"name": V8}]))), []);
    let found = complaints(dump(json!([{"name": "envoy.wasm.runtime.null"}])));
    assert!(matches!(found.as_slice(), [Finding { level: Level::Fail, check: RUNTIME, .. }]), "{found:?}");
}

#[test]
fn each_thing_that_is_missing_is_missed() {
    // Where, what to take away, which check says so, how badly.
    let rows = [
        ("/static_resources/listeners/0", "per_connection_buffer_limit_bytes", BODY_LIMIT, Level::Fail),
        (HOST, "request_body_buffer_limit", BODY_LIMIT, Level::Fail),
        (MANAGER, "use_remote_address", LISTENER, Level::Warn),
        (MANAGER, "stream_idle_timeout", LISTENER, Level::Warn),
        (MANAGER, "http_filters", LISTENER, Level::Fail),
        (MANAGER, "route_config", ROUTE, Level::Warn),
        (HOST, "routes", ROUTE, Level::Fail),
        (CLUSTER, "typed_extension_protocol_options", CONTROL, Level::Fail),
        (CLUSTER, "name", CONTROL, Level::Fail),
        ("", "dynamic_resources", DISCOVERY, Level::Fail),
    ];
    for (place, field, check, level) in rows {
        let mut config = rendered();
        let removed = config.pointer_mut(place).and_then(Value::as_object_mut).and_then(|object| object.remove(field));
        assert!(removed.is_some(), "{place} has no {field}");
        let found = complaints(config);
        assert!(found.iter().any(|finding| finding.check == check && finding.level == level), "{field}: {found:?}");
    }
}

#[test]
fn each_thing_that_is_wrong_is_found() {
    let route = format!("{HOST}/routes/0/route");
    let rows = [
        ("/static_resources/listeners/0", "per_connection_buffer_limit_bytes", json!(1_048_576), BODY_LIMIT),
        ("/static_resources/listeners/0", "per_connection_buffer_limit_bytes", json!("67108864"), BODY_LIMIT),
        (HOST, "request_body_buffer_limit", json!(1000), BODY_LIMIT),
        (&route, "timeout", json!("15s"), ROUTE),
        (&route, "timeout", json!(null), ROUTE),
        (&route, "cluster_header", json!("x-other"), ROUTE),
        (CLUSTER, "name", json!("other"), CONTROL),
    ];
    for (place, field, value, check) in rows {
        let mut config = rendered();
        config.pointer_mut(place).unwrap()[field] = value.clone();
        let found = complaints(config);
        assert!(found.iter().any(|finding| finding.check == check), "{field} {value}: {found:?}");
    }
}

#[test]
fn an_inline_filter_is_judged() {
    let with = |config: Value| {
        let mut bootstrap = rendered();
        bootstrap.pointer_mut(MANAGER).unwrap()["http_filters"][0] = json!({"name": "muxspace.route", "typed_config":
            {"@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm", "config": config}});
        complaints(bootstrap).len()
    };
    let good = json!({"allow_on_headers_stop_iteration": true, "failure_policy": "FAIL_RELOAD", "vm_config":
        {"runtime": V8, "environment_variables": {"host_env_keys": [NODE_TOKEN_VARIABLE]}}});
    assert_eq!(with(good.clone()), 0);
    for field in ["allow_on_headers_stop_iteration", "failure_policy"] {
        let mut config = good.clone();
        config.as_object_mut().unwrap().remove(field);
        assert_eq!(with(config), 1, "{field}");
    }
    for field in ["runtime", "environment_variables"] {
        let mut config = good.clone();
        config["vm_config"].as_object_mut().unwrap().remove(field);
        assert_eq!(with(config), 1, "{field}");
    }
    // Wrong place: behind the router.
    let mut bootstrap = rendered();
    bootstrap.pointer_mut(MANAGER).unwrap()["http_filters"].as_array_mut().unwrap().reverse();
    assert_eq!(complaints(bootstrap).len(), 1);
}

#[test]
fn nothing_is_no_configuration() {
    for config in [json!(null), json!([]), json!({}), json!({"configs": []}), json!({"static_resources": 1})] {
        assert!(complaints(config.clone()).iter().any(|finding| finding.level == Level::Fail), "{config}");
    }
}

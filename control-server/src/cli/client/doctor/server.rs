//! Checks of what the API says.

use std::collections::BTreeSet;

use serde_json::Value;

use super::finding::Finding;
use crate::cli::client::{provider, table};
use crate::cli::envoy::{VERSION_MIN, version_numbers};

const PROVIDER: &str = "providers";
pub const NODES: &str = "nodes";

pub fn providers(items: &[Value]) -> Vec<Finding> {
    if items.is_empty() {
        return vec![Finding::fail(PROVIDER, "there are none; `muxspace provider add` adds one")];
    }
    let mut findings = Vec::new();
    for item in items {
        let name = table::at(item, "/name");
        let has_no_key = table::at(item, "/auth/type") == "api_key"
            && item.pointer("/auth/configured").and_then(Value::as_bool) == Some(false);
        if has_no_key {
            findings
                .push(Finding::warn(PROVIDER, format!("{name} has no API key, so it will refuse prompts; set one")));
        }
        match provider::is_reachable(item) {
            Some(true) => findings.push(Finding::ok(PROVIDER, format!("{name} answers"))),
            Some(false) => {
                let (endpoint, error) = (table::at(item, "/endpoint"), table::at(item, "/status/error"));
                findings.push(Finding::warn(
                    PROVIDER,
                    format!(
                        "{name} at {endpoint} did not answer: {error}; start it or correct it, then run: muxspace provider refresh {name}"
                    ),
                ));
            }
            None => {
                let detail = format!("{name} was not asked yet; run: muxspace provider refresh {name}");
                findings.push(Finding::warn(PROVIDER, detail));
            }
        }
    }
    if items.iter().all(|item| provider::is_reachable(item) == Some(false)) {
        findings.push(Finding::fail(PROVIDER, "not one of them answers, so no prompt can be served"));
    }
    findings
}

pub fn nodes(items: &[Value]) -> Vec<Finding> {
    if items.is_empty() {
        let detail = "no filter is connected: start Envoy, and check that MUXSPACE_NODE_TOKEN in its environment is what node.token in the data folder holds";
        return vec![Finding::fail(NODES, detail)];
    }
    let mut findings = Vec::new();
    for item in items {
        let name = format!("{} of Envoy {}", table::at(item, "/node"), table::at(item, "/envoy"));
        if let Some(error) = item.get("last_error").filter(|error| !error.is_null()) {
            let (revision, reason) = (table::at(error, "/revision"), table::at(error, "/reason"));
            findings.push(Finding::fail(
                NODES,
                format!("{name} refused revision {revision}: {reason}; its Envoy may run an older filter, restart it"),
            ));
        }
        if let Some(lag) = item.get("lag").and_then(Value::as_u64).filter(|lag| *lag > 0) {
            findings.push(Finding::warn(
                NODES,
                format!("{name} is {lag} revisions behind; if it stays so, look at that Envoy's log"),
            ));
        }
    }
    let versions = distinct(items, "/envoy_version");
    for version in &versions {
        if version_numbers(version).is_some_and(|numbers| numbers < VERSION_MIN) {
            let (major, minor) = VERSION_MIN;
            findings.push(Finding::fail(NODES, format!("Envoy {version} is too old; use {major}.{minor} or newer")));
        }
    }
    let builds = distinct(items, "/build");
    if builds.len() > 1 {
        let builds = builds.into_iter().collect::<Vec<_>>().join(", ");
        let detail =
            format!("they run different builds of the filter ({builds}); restart the Envoys that kept an old one");
        findings.push(Finding::warn(NODES, detail));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(NODES, format!("{} connected, none lags", items.len())));
    }
    findings
}

fn distinct(items: &[Value], pointer: &str) -> BTreeSet<String> {
    items.iter().map(|item| table::at(item, pointer)).filter(|text| text != "-").collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::finding::Level;
    use super::*;

    fn worst(findings: &[Finding]) -> Level {
        let has = |level| findings.iter().any(|finding| finding.level == level);
        if has(Level::Fail) {
            Level::Fail
        } else if has(Level::Warn) {
            Level::Warn
        } else {
            Level::Ok
        }
    }

    #[test]
    fn providers_are_judged() {
        let provider = |reachable: Value, configured: bool| {
            json!({"name": "p", "endpoint": "http://h", "auth": {"type": "api_key", "configured": configured},
                "status": {"reachable": reachable, "error": "refused"}})
        };
        let rows = [
            (vec![], Level::Fail),
            (vec![provider(json!(true), true)], Level::Ok),
            (vec![provider(json!(true), false)], Level::Warn),
            (vec![provider(json!(null), true)], Level::Warn),
            (vec![provider(json!(false), true)], Level::Fail),
            (vec![provider(json!(false), true), provider(json!(true), true)], Level::Warn),
        ];
        for (items, expected) in rows {
            assert_eq!(worst(&providers(&items)), expected, "{items:?}");
        }
    }

    #[test]
    fn nodes_are_judged() {
        let node = |lag: u64, build: &str, version: &str, error: Value| json!({"node": "n", "envoy": "e", "envoy_version": version, "build": build, "lag": lag, "last_error": error});
        let good = || node(0, "1", "1.40.0", json!(null));
        let rows = [
            (vec![], Level::Fail),
            (vec![good(), good()], Level::Ok),
            (vec![good(), node(2, "1", "1.40.0", json!(null))], Level::Warn),
            (vec![good(), node(0, "2", "1.40.0", json!(null))], Level::Warn),
            (vec![node(0, "1", "1.36.9", json!(null))], Level::Fail),
            (vec![node(0, "1", "1.40.0", json!({"revision": 3, "reason": "bad"}))], Level::Fail),
        ];
        for (items, expected) in rows {
            assert_eq!(worst(&nodes(&items)), expected, "{items:?}");
        }
    }
}

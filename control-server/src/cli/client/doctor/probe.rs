//! Fetches what is looked at: the server's answers, the Envoy binary, a configuration file, a running Envoy's admin pages.

use std::path::Path;

use reqwest::StatusCode;
use serde_json::Value;
use url::Url;

use super::finding::Finding;
use super::{envoy_config, server};
use crate::cli::client::api::{self, Api};
use crate::cli::client::{document, input, table};
use crate::cli::envoy::{self, Binary, VERSION_MIN, version_numbers};
use crate::cli::{Exit, Failure};

const BINARY: &str = "Envoy binary";
const SERVER: &str = "server";
const TOKEN: &str = "token";
const FILE: &str = "Envoy configuration";
const ADMIN: &str = "running Envoy";
/// Bytes of a configuration file.
const CONFIG_BYTES_MAX: usize = 16 << 20;

/// Whether the server answers and is ready, whether it takes the token, what it says of providers and nodes.
pub async fn server(api: &Api) -> Vec<Finding> {
    let mut findings = Vec::new();
    match api.open(&["readyz"]).await {
        Ok((StatusCode::OK, _)) => findings.push(Finding::ok(SERVER, format!("{} is ready", api.base()))),
        Ok((status, text)) => {
            let why = serde_json::from_str(&text).map_or_else(|_| status.to_string(), |doc| table::at(&doc, "/detail"));
            findings.push(Finding::fail(SERVER, format!("{} is not ready: {why}; its log says more", api.base())));
        }
        Err(failure) => return vec![Finding::fail(SERVER, failure.to_string())],
    }
    let providers = match api.list(&["providers"], &[]).await {
        Ok(answer) => answer,
        Err(failure) => {
            findings.push(Finding::fail(TOKEN, failure.to_string()));
            return findings;
        }
    };
    findings.push(Finding::ok(TOKEN, "the server takes it"));
    findings.extend(server::providers(providers.items()));
    match api.list(&["nodes"], &[]).await {
        Ok(answer) => findings.extend(server::nodes(answer.items())),
        Err(failure) => findings.push(Finding::fail(server::NODES, failure.to_string())),
    }
    findings
}

/// The Envoy that `up` would start: its version, and whether it has V8.
pub async fn binary(named: Option<&Path>) -> Vec<Finding> {
    let binary = match Binary::find(named).await {
        Ok(binary) => binary,
        Err(failure) => return vec![Finding::fail(BINARY, failure.to_string())],
    };
    let (path, version) = (binary.path.display(), &binary.version);
    let found = Finding::ok(BINARY, format!("{path} is Envoy {version}"));
    let runtime = match envoy::has_v8(&binary.path).await {
        Ok(true) => Finding::ok(BINARY, "has V8"),
        Ok(false) => Finding::fail(BINARY, format!("{path} has no V8 and can't run the filter; run `make envoy`")),
        Err(failure) => Finding::warn(BINARY, format!("whether it has V8 is not known: {failure}")),
    };
    vec![found, runtime]
}

pub fn config_file(path: &Path) -> Vec<Finding> {
    let read = input::read(path, CONFIG_BYTES_MAX).map_err(|failure| failure.to_string());
    let name = input::name(path);
    match read.and_then(|text| document::parse(&text).map_err(|error| format!("{name}: {error}"))) {
        Ok(config) => checked(config, &format!("in {name}:")),
        Err(error) => vec![Finding::fail(FILE, error)],
    }
}

fn checked(config: Value, place: &str) -> Vec<Finding> {
    envoy_config::check(config).into_iter().map(|finding| finding.of(place)).collect()
}

/// Asks a running Envoy for its version and for what it uses.
pub async fn admin(base: &Url) -> Vec<Finding> {
    let info = match page(base, "server_info").await {
        Ok(info) => info,
        Err(failure) => return vec![Finding::fail(ADMIN, failure.to_string())],
    };
    let mut findings = running(&info);
    match page(base, "config_dump").await {
        Ok(config) => findings.extend(checked(config, "of the running Envoy:")),
        Err(failure) => findings.push(Finding::fail(ADMIN, failure.to_string())),
    }
    findings
}

fn running(info: &Value) -> Vec<Finding> {
    let (build, state) = (table::at(info, "/version"), table::at(info, "/state"));
    // `<commit>/1.40.0/Clean/RELEASE/BoringSSL`
    let version = build.split('/').nth(1).unwrap_or(&build).to_owned();
    let (major, minor) = VERSION_MIN;
    let is_new = version_numbers(&version).is_some_and(|numbers| numbers >= VERSION_MIN);
    vec![
        Finding::demand(ADMIN, is_new, &format!("is Envoy {version}"), || {
            format!("is Envoy {version}, but Muxspace needs {major}.{minor} or newer")
        }),
        Finding::demand(ADMIN, state == "LIVE", "takes requests", || {
            format!("is {state}, not LIVE: it waits for its configuration; can it reach the control server?")
        }),
    ]
}

async fn page(base: &Url, name: &str) -> Result<Value, Failure> {
    let url = api::below(base, &[name], &[]);
    let cannot = |why: String| Failure { text: format!("cannot read {url}: {why}"), exit: Exit::Unreachable };
    let response = api::http_client()?.get(url.clone()).send().await.map_err(|error| cannot(api::reason(&error)))?;
    let status = response.status();
    let text = api::read_text(response).await?;
    if status != StatusCode::OK {
        return Err(cannot(format!("it answered {status}")));
    }
    serde_json::from_str(&text).map_err(|error| cannot(format!("{error}; is it Envoy's admin address?")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::finding::Level;
    use super::*;

    #[test]
    fn running_envoys_are_judged() {
        let rows = [
            ("9e55/1.40.0/Clean/RELEASE/BoringSSL", "LIVE", [Level::Ok, Level::Ok]),
            ("9e55/1.36.2/Clean/RELEASE/BoringSSL", "LIVE", [Level::Fail, Level::Ok]),
            ("9e55/1.40.0/Clean/RELEASE/BoringSSL", "INITIALIZING", [Level::Ok, Level::Fail]),
            ("odd", "LIVE", [Level::Fail, Level::Ok]),
        ];
        for (version, state, expected) in rows {
            let levels: Vec<_> =
                running(&json!({"version": version, "state": state})).iter().map(|f| f.level).collect();
            assert_eq!(levels, expected, "{version} {state}");
        }
    }
}

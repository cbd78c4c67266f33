//! Who may know whom.

use std::process::Command;

use serde_json::Value;

use crate::source::{Reference, references, root, rust_files, tokens};

/// A crate of the project and the crates of the project that it may depend on.
const CRATES: [(&str, &[&str]); 7] = [
    ("mux", &[]),
    ("muxspace-proto", &["mux"]),
    ("filter", &["mux", "muxspace-proto"]),
    ("muxspace", &["mux", "muxspace-proto"]),
    ("muxspace-tests", &["mux", "muxspace-proto"]),
    ("muxspace-scan", &["mux"]),
    ("muxspace-fuzz", &["mux", "muxspace-proto"]),
];

/// Something that may be named only in some places.
struct Room {
    /// The beginnings of paths in code.
    names: &'static [&'static str],
    /// Where the rule holds: beginnings of file paths.
    within: &'static str,
    /// Where it may be named: beginnings of file paths.
    belongs: &'static [&'static str],
}

const SERVER: &str = "control-server/src/";

const ROOMS: [Room; 8] = [
    Room { names: &["sqlx"], within: SERVER, belongs: &["control-server/src/store/"] },
    Room {
        names: &["axum", "utoipa"],
        within: SERVER,
        // `cli` mounts the routers on the one port, and has the built-in provider.
        belongs: &["control-server/src/rest/", "control-server/src/cli/"],
    },
    Room {
        names: &["tonic", "envoy_types"],
        within: SERVER,
        belongs: &["control-server/src/grpc/", "control-server/src/xds/"],
    },
    // `domain` knows `mux` alone.
    Room {
        names: &[
            "crate::store",
            "crate::rest",
            "crate::grpc",
            "crate::xds",
            "crate::publisher",
            "crate::cli",
            "proto",
            "tokio",
        ],
        within: "control-server/src/domain/",
        belongs: &[],
    },
    Room {
        names: &["crate::rest", "crate::grpc", "crate::xds", "crate::publisher", "crate::cli", "proto"],
        within: "control-server/src/store/",
        belongs: &[],
    },
    Room {
        names: &["crate::store", "crate::rest", "crate::grpc", "crate::xds", "crate::publisher", "crate::cli", "proto"],
        within: "control-server/src/cache/",
        belongs: &[],
    },
    Room { names: &["proxy_wasm"], within: "filter/src/", belongs: &["filter/src/envoy.rs", "filter/src/envoy/"] },
    // The engine does no I/O and reads no clock.
    Room {
        names: &[
            "std::fs",
            "std::net",
            "std::io",
            "std::env",
            "std::thread",
            "std::process",
            "std::time",
            "tokio",
            "proxy_wasm",
        ],
        within: "mux/src/",
        belongs: &["mux/src/usage/tests.rs"],
    },
];

pub fn crates() -> Vec<String> {
    let packages = metadata(&["--no-deps"])["packages"].as_array().cloned().unwrap_or_default();
    let own: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut findings = Vec::new();
    for package in &packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = CRATES.iter().find(|(own, _)| *own == name) else {
            findings.push(format!("{name} is not in the list of crates"));
            continue;
        };
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        let names = dependencies.filter_map(|dependency| dependency["name"].as_str());
        let wrong = names.filter(|dependency| own.contains(dependency) && !allowed.contains(dependency));
        findings.extend(wrong.map(|dependency| format!("{name} depends on {dependency}")));
    }
    findings
}

pub fn names() -> Vec<String> {
    let mut findings = Vec::new();
    for path in rust_files() {
        let rooms: Vec<&Room> = ROOMS
            .iter()
            .filter(|room| path.starts_with(room.within) && !room.belongs.iter().any(|own| path.starts_with(own)))
            .collect();
        if rooms.is_empty() {
            continue;
        }
        for Reference { names, line } in references(tokens(&path)) {
            let reference = names.join("::");
            for room in &rooms {
                if room.names.iter().any(|name| reference == *name || reference.starts_with(&format!("{name}::"))) {
                    findings.push(format!("{path}:{line} names {reference}"));
                }
            }
        }
    }
    findings
}

/// What cargo knows of the workspace.
pub fn metadata(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version", "1"])
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo is there");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo writes JSON")
}

//! Licences of everything that is built in.

use crate::imports::metadata;

/// SPDX names of licences that go with Apache-2.0.
const ALLOWED: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// libFuzzer's own, which is built into nothing that is handed on.
const ALLOWED_IN_FUZZING: [&str; 1] = ["NCSA"];

/// The crate outside of the workspace, with dependencies and a lock file of its own.
const FUZZING: &str = "tests/fuzz/libfuzzer/Cargo.toml";

pub fn refused() -> Vec<String> {
    let mut findings = packages(&[], &[]);
    findings.extend(packages(&["--manifest-path", FUZZING], &ALLOWED_IN_FUZZING));
    findings
}

/// Packages of a workspace, as cargo's arguments choose it, whose licence is in neither list.
fn packages(arguments: &[&str], also: &[&str]) -> Vec<String> {
    let packages = metadata(arguments)["packages"].as_array().cloned().unwrap_or_default();
    assert!(packages.len() > 50, "cargo lists the dependencies");
    let allowed = |requirement: &spdx::LicenseReq| {
        let id = requirement.license.id();
        id.is_some_and(|licence| ALLOWED.contains(&licence.name) || also.contains(&licence.name))
    };
    let mut findings = Vec::new();
    for package in packages {
        let licence = package["license"].as_str().unwrap_or_default();
        let expression = spdx::Expression::parse_mode(licence, spdx::ParseMode::LAX);
        if !expression.is_ok_and(|expression| expression.evaluate(allowed)) {
            findings.push(format!("{} {} is under `{licence}`", package["name"], package["version"]));
        }
    }
    findings
}

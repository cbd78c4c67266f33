//! The shape of the project: who may know whom, how large files and functions may be, what the documents name.
//!
//! Each check returns what it found wrong; [`check`] prints it. To allow or forbid something, change a row.

mod bootstrap;
mod documents;
mod imports;
mod leftovers;
mod licences;
mod sizes;
mod source;

/// Fails with every finding of one check.
fn check(rule: &str, findings: Vec<String>) {
    assert!(findings.is_empty(), "{rule}:\n  {}", findings.join("\n  "));
}

#[test]
fn who_may_know_whom() {
    check("a crate may depend on these crates of the project alone", imports::crates());
    check("a crate or room is named only where it belongs", imports::names());
}

#[test]
fn sizes_of_files_and_functions() {
    check("files are at most 500 lines and functions at most 70", sizes::too_large());
}

#[test]
fn documents_name_what_exists() {
    check("a path that a document names exists", documents::missing_paths());
}

#[test]
fn nothing_is_left_behind() {
    check("no leftovers", leftovers::found());
}

#[test]
fn licences_of_dependencies() {
    check("a dependency has a licence of the list", licences::refused());
}

#[test]
fn one_bootstrap_for_all() {
    check("docker-compose.yml runs Envoy by the rendered bootstrap and by nothing else", bootstrap::compose());
}

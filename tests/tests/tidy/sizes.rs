//! Files and functions that grew too large.

use crate::source::{Function, files, functions, read, rust_files, tokens};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

pub fn too_large() -> Vec<String> {
    let mut findings = Vec::new();
    for path in files().into_iter().filter(|path| path.ends_with(".rs") || path.ends_with(".py")) {
        let lines = read(&path).lines().count();
        if lines > FILE_LINES_MAX {
            findings.push(format!("{path} has {lines} lines: split it by concern"));
        }
    }
    for path in rust_files() {
        for Function { name, first_line, last_line } in functions(tokens(&path)) {
            let lines = last_line - first_line + 1;
            if lines > FUNCTION_LINES_MAX {
                findings
                    .push(format!("{path}:{first_line} `{name}` has {lines} lines: give its steps names of their own"));
            }
        }
    }
    findings
}

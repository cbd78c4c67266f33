//! Which clients are there.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Folder with the clients' installations, for those that are not on the PATH.
pub const CLIENTS_HOME: &str = "CLIENTS_HOME";
/// Where the installers put programs below that folder.
const BELOW_HOME: [&str; 2] = ["node/node_modules/.bin", "aider-venv/bin"];

/// Folders in which programs are looked for: those of `CLIENTS_HOME`, then the PATH.
pub fn folders() -> Vec<PathBuf> {
    let home = env::var_os(CLIENTS_HOME).map(PathBuf::from);
    let own = home.iter().flat_map(|home| BELOW_HOME.map(|below| home.join(below)));
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = own.chain(env::split_paths(&path)).collect();
    folders.into_iter().filter_map(|folder| folder.canonicalize().ok()).collect()
}

/// These folders as the value of `PATH`.
pub fn path() -> OsString {
    env::join_paths(folders()).unwrap_or_default()
}

pub fn is_installed(program: &str) -> bool {
    folders().iter().any(|folder| folder.join(program).is_file())
}

/// The first number with points in what it says of its version.
pub fn version(program: &str, home: &std::path::Path) -> String {
    let mut command = Command::new(program);
    command.arg("--version").env_clear().env("PATH", path()).env("HOME", home).stdin(Stdio::null());
    let said = command.output().map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    number_in(&said)
}

fn number_in(said: &str) -> String {
    let is_number = |word: &&str| word.contains('.') && word.starts_with(|first: char| first.is_ascii_digit());
    said.split_whitespace().find(is_number).unwrap_or("?").to_owned()
}

#[cfg(test)]
mod tests {
    use super::number_in;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        let rows =
            [("codex-cli 0.1.2", "0.1.2"), ("2.1.0 (Some Code)", "2.1.0"), ("aider 0.86.2\n", "0.86.2"), ("v", "?")];
        for (said, expected) in rows {
            assert_eq!(number_in(said), expected, "{said}");
        }
    }
}

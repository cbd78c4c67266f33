//! The data folder: nobody else may read what is in it.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::finding::Finding;

const CHECK: &str = "data folder";
/// What the server keeps there, all of it secret.
const FILES: [&str; 4] = ["admin.token", "node.token", "master.key", "muxspace.db"];
/// Permissions of anybody but the owner.
const OTHERS: u32 = 0o077;

pub fn check(folder: &Path) -> Vec<Finding> {
    let shown = folder.display();
    let mode = match fs::metadata(folder) {
        Ok(data) => data.permissions().mode(),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return vec![Finding::ok(CHECK, format!("{shown} is not there; a server on this machine would make it"))];
        }
        Err(error) => return vec![Finding::warn(CHECK, format!("{shown} cannot be looked at: {error}"))],
    };
    let mut findings = Vec::new();
    let mut judge = |mode: u32, path: &Path, right: &str| {
        if mode & OTHERS != 0 {
            let (path, mode) = (path.display(), mode & 0o777);
            findings.push(Finding::fail(
                CHECK,
                format!("others may read {path} (mode {mode:o}); run: chmod {right} {path}"),
            ));
        }
    };
    judge(mode, folder, "700");
    for file in FILES.map(|name| folder.join(name)) {
        if let Ok(data) = fs::metadata(&file) {
            judge(data.permissions().mode(), &file, "600");
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, format!("only you can read {shown}")));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn what_others_may_read_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let key = folder.path().join("master.key");
        fs::write(&key, "k").unwrap();
        for (folder_mode, key_mode, failures) in
            [(0o700, 0o600, 0), (0o755, 0o600, 1), (0o700, 0o644, 1), (0o750, 0o640, 2)]
        {
            set(folder.path(), folder_mode);
            set(&key, key_mode);
            let found = check(folder.path()).iter().filter(|finding| finding.level == Level::Fail).count();
            assert_eq!(found, failures, "{folder_mode:o} {key_mode:o}");
        }
        let gone = check(&folder.path().join("gone"));
        assert_eq!(gone.first().map(|finding| finding.level), Some(Level::Ok));
    }
}

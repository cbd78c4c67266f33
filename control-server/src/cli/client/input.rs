//! What a command is given to read: a file, or standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::super::Failure;

/// Stands for standard input.
pub const STDIN: &str = "-";

/// Reads a file, or standard input for `-`, of at most `bytes_max`.
pub fn read(path: &Path, bytes_max: usize) -> Result<String, Failure> {
    let failed = || format!("cannot read {}", name(path));
    let source: Box<dyn Read> = if path == Path::new(STDIN) {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(Failure::of(failed()))?)
    };
    let mut text = String::new();
    source.take(bytes_max as u64 + 1).read_to_string(&mut text).map_err(Failure::of(failed()))?;
    if text.len() > bytes_max {
        return Err(Failure::new(format!("{} has more than {bytes_max} bytes", name(path))));
    }
    Ok(text)
}

/// How to speak of it.
pub fn name(path: &Path) -> String {
    if path == Path::new(STDIN) { "standard input".to_owned() } else { path.display().to_string() }
}

/// Files as given, and the workspace files below folders, in order of their names.
pub fn expand(paths: &[PathBuf], endings: &[&str], files_max: usize) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            collect(path, endings, files_max, &mut files)?;
        } else {
            files.push(path.clone());
        }
    }
    if files.is_empty() {
        let endings = endings.join(", ");
        return Err(Failure::new(format!("there is no file that ends in {endings} in the given folders")));
    }
    Ok(files)
}

fn collect(folder: &Path, endings: &[&str], files_max: usize, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = || format!("cannot list {}", folder.display());
    let entries = std::fs::read_dir(folder).map_err(Failure::of(failed()))?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(Failure::of(failed()))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // A link to a folder is not followed: it may lead back here.
        let is_folder = entry.file_type().map_err(Failure::of(failed()))?.is_dir();
        if is_folder {
            collect(&path, endings, files_max, files)?;
        } else if path.extension().is_some_and(|ending| endings.iter().any(|known| ending == *known)) {
            if files.len() >= files_max {
                return Err(Failure::new(format!("there are more than {files_max} files; apply them in parts")));
            }
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_searched_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("b")).unwrap();
        for name in ["c.yaml", "a.json", "b/x.yml", "b/notes.txt"] {
            std::fs::write(at(name), "text").unwrap();
        }
        let endings = ["yaml", "yml", "json"];
        let found = expand(&[folder.path().to_owned(), at("b/notes.txt")], &endings, 9).unwrap();
        assert_eq!(found, [at("a.json"), at("b/x.yml"), at("c.yaml"), at("b/notes.txt")]);
        assert!(expand(&[folder.path().to_owned()], &endings, 2).is_err());
        assert!(expand(&[folder.path().to_owned()], &["toml"], 2).is_err());
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), "12345");
        assert!(read(&path, 4).unwrap_err().to_string().contains("more than 4 bytes"));
        assert!(read(&folder.path().join("gone"), 4).unwrap_err().to_string().contains("gone"));
    }
}

//! The data folder and the secrets in it: readable by their owner alone, made on first start.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use super::Failure;
use crate::store::MasterKey;

const TOKEN_BYTES: usize = 32;
/// A token from the environment may not be shorter.
const TOKEN_BYTES_MIN: usize = 8;

pub fn make_private_folder(path: &Path) -> Result<(), Failure> {
    let failed = || format!("cannot make the data folder {}", path.display());
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(Failure::of(failed()))?;
    set_mode(path, 0o700)
}

/// Makes an empty file that nobody else can read, unless it is there: what fills it keeps its mode.
pub fn make_private_file(path: &Path) -> Result<(), Failure> {
    match open_new(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => set_mode(path, 0o600),
        Err(error) => Err(Failure::new(format!("cannot make {}: {error}", path.display()))),
    }
}

/// Writes a file that nobody else can read, over what is there.
pub fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    make_private_file(path)?;
    fs::write(path, text).map_err(Failure::of(format!("cannot write {}", path.display())))
}

/// The token in the environment variable, else the one in the file, else a new one, which the file then holds.
pub fn token(variable: &str, path: &Path) -> Result<String, Failure> {
    match std::env::var(variable) {
        Ok(token) if token.len() < TOKEN_BYTES_MIN || token.chars().any(|byte| !byte.is_ascii_graphic()) => {
            Err(Failure::new(format!("{variable} must have at least {TOKEN_BYTES_MIN} characters and no spaces")))
        }
        Ok(token) => Ok(token),
        Err(_) => {
            let bytes: [u8; TOKEN_BYTES] = rand::random();
            let fresh: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            Ok(read_or_make(path, &fresh.into())?.expose_secret().to_owned())
        }
    }
}

/// The master key in the environment variable, else the one in the file, else a new one, which the file then holds.
pub fn master_key(variable: &str, path: &Path) -> Result<MasterKey, Failure> {
    let (text, source) = match std::env::var(variable) {
        Ok(text) => (SecretString::from(text), variable.to_owned()),
        Err(_) => (read_or_make(path, &MasterKey::generate().to_text())?, path.display().to_string()),
    };
    MasterKey::parse(text.expose_secret()).map_err(Failure::of(source))
}

fn read_or_make(path: &Path, fresh: &SecretString) -> Result<SecretString, Failure> {
    match open_new(path) {
        Ok(mut file) => {
            let written = file.write_all(fresh.expose_secret().as_bytes()).and_then(|()| file.sync_all());
            written.map_err(Failure::of(format!("cannot write {}", path.display())))?;
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => set_mode(path, 0o600)?,
        Err(error) => return Err(Failure::new(format!("cannot make {}: {error}", path.display()))),
    }
    let text = fs::read_to_string(path).map_err(Failure::of(format!("cannot read {}", path.display())))?;
    let text = text.trim();
    if text.is_empty() {
        return Err(Failure::new(format!("{} is empty; remove it to have a new one made", path.display())));
    }
    Ok(text.into())
}

fn open_new(path: &Path) -> std::io::Result<fs::File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn set_mode(path: &Path, mode: u32) -> Result<(), Failure> {
    let permissions = fs::Permissions::from_mode(mode);
    fs::set_permissions(path, permissions).map_err(Failure::of(format!("cannot protect {}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn secrets_are_made_once_and_are_private() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("a/b");
        make_private_folder(&data).unwrap();
        assert_eq!(mode(&data), 0o700);

        let path = data.join("token");
        let token = token("MUXSPACE_TEST_UNSET", &path).unwrap();
        assert_eq!(token.len(), 2 * TOKEN_BYTES);
        assert_eq!(mode(&path), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(super::token("MUXSPACE_TEST_UNSET", &path).unwrap(), token);
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_master_key_file_is_read_again_and_a_broken_one_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        master_key("MUXSPACE_TEST_UNSET", &path).unwrap();
        master_key("MUXSPACE_TEST_UNSET", &path).unwrap();
        fs::write(&path, "short").unwrap();
        let failure = master_key("MUXSPACE_TEST_UNSET", &path).map(|_| ()).unwrap_err();
        assert!(failure.to_string().contains("master.key"), "{failure}");
    }
}

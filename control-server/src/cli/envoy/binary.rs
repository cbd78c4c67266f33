//! Which Envoy to run, and whether it can run the filter.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::cli::Failure;

/// The oldest Envoy with everything that Muxspace configures.
pub const VERSION_MIN: (u32, u32) = (1, 37);
/// Where `make envoy` puts it, below the project's folder.
const PROJECT_PATH: &str = ".envoy/bin/envoy";
const HOW_TO_GET: &str = "run `make envoy`, or name one with --envoy";

/// An Envoy that is new enough.
#[derive(Clone, Debug)]
pub struct Binary {
    pub path: PathBuf,
    pub version: String,
}

impl Binary {
    /// The one that is named, else `envoy` on the PATH, else the project's own.
    pub async fn find(named: Option<&Path>) -> Result<Self, Failure> {
        if let Some(path) = named {
            return Self::check(path).await;
        }
        let mut refused = None;
        for path in candidates() {
            match Self::check(&path).await {
                Ok(binary) => return Ok(binary),
                Err(failure) => refused = refused.or(Some(failure)),
            }
        }
        Err(refused.unwrap_or_else(|| Failure::new(format!("there is no Envoy on the PATH; {HOW_TO_GET}"))))
    }

    async fn check(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let output = Command::new(path).arg("--version").stdin(Stdio::null()).kill_on_drop(true).output().await;
        let output = output.map_err(Failure::of(format!("cannot run Envoy at {shown} ({HOW_TO_GET})")))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let (version, numbers) = version_in(&text)
            .ok_or_else(|| Failure::new(format!("{shown} does not say which Envoy it is; {HOW_TO_GET}")))?;
        if numbers < VERSION_MIN {
            let (major, minor) = VERSION_MIN;
            return Err(Failure::new(format!(
                "{shown} is Envoy {version}, but Muxspace needs {major}.{minor} or newer; {HOW_TO_GET}"
            )));
        }
        Ok(Self { path: path.to_owned(), version: version.to_owned() })
    }
}

fn candidates() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<_> = std::env::split_paths(&path).map(|folder| folder.join("envoy")).collect();
    let here = std::env::current_dir().ok();
    let program = std::env::current_exe().ok();
    let ancestors = |path: Option<PathBuf>| -> Vec<_> {
        path.iter().flat_map(|path| path.ancestors()).map(|folder| folder.join(PROJECT_PATH)).collect()
    };
    let ours = here.map(|folder| folder.join(PROJECT_PATH));
    on_path.into_iter().chain(ours).chain(ancestors(program)).filter(|path| path.is_file())
}

/// Reads `envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`.
fn version_in(output: &str) -> Option<(&str, (u32, u32))> {
    let version = output.split_once("version:")?.1.trim().split('/').nth(1)?;
    Some((version, version_numbers(version)?))
}

/// The first two numbers of a version such as `1.40.0` or `1.41.0-dev`.
pub fn version_numbers(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split(['.', '-']).map_while(|part| part.parse().ok());
    Some((numbers.next()?, numbers.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        let rows = [
            ("\n/x/envoy  version: 9e55/1.40.0/Clean/RELEASE/BoringSSL\n", Some(("1.40.0", (1, 40)))),
            ("envoy  version: abc/1.41.0-dev/Modified/DEBUG/BoringSSL", Some(("1.41.0-dev", (1, 41)))),
            ("something else", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(version_in(text), expected, "{text}");
        }
    }

    #[tokio::test]
    async fn what_is_no_envoy_is_named() {
        let failure = Binary::find(Some(Path::new("/bin/true"))).await.unwrap_err();
        assert!(failure.to_string().contains("/bin/true"), "{failure}");
    }
}

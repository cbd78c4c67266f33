//! Whether an Envoy can run WebAssembly in V8. It says so only when it starts.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::cli::Failure;

/// The start-up line that lists what runs WebAssembly.
const RUNTIMES: &str = "envoy.wasm.runtime:";
const RUNTIME_NEEDED: &str = "envoy.wasm.runtime.v8";
/// Time in which an Envoy without configuration says what it has.
const START_TIME: Duration = Duration::from_secs(10);

/// What a line of Envoy's log says about V8; `None`: nothing.
pub fn v8_in_line(line: &str) -> Option<bool> {
    line.contains(RUNTIMES).then(|| line.contains(RUNTIME_NEEDED))
}

/// Starts it without any configuration, listens to what it has, and ends it.
pub async fn has_v8(envoy: &Path) -> Result<bool, Failure> {
    let mut child = Command::new(envoy)
        .args(["--config-yaml", "{}", "--log-level", "info", "--concurrency", "1", "--disable-hot-restart"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(Failure::of(format!("cannot start {}", envoy.display())))?;
    let mut lines = BufReader::new(child.stderr.take().ok_or_else(|| Failure::new("Envoy has no log"))?).lines();
    let told = async {
        while let Some(line) = lines.next_line().await.map_err(Failure::of("cannot read Envoy's log"))? {
            if let Some(has_v8) = v8_in_line(&line) {
                return Ok(has_v8);
            }
        }
        Err(Failure::new("it ended without saying what it has"))
    };
    let outcome = tokio::time::timeout(START_TIME, told).await;
    child.kill().await.map_err(Failure::of("cannot end the Envoy that was started to look at it"))?;
    outcome.unwrap_or_else(|_| Err(Failure::new(format!("it said nothing within {} s", START_TIME.as_secs()))))
}

#[cfg(test)]
mod tests {
    use super::v8_in_line;

    #[test]
    fn the_list_of_runtimes_is_read() {
        let rows = [
            ("  envoy.wasm.runtime: envoy.wasm.runtime.null, envoy.wasm.runtime.v8", Some(true)),
            ("  envoy.wasm.runtime: envoy.wasm.runtime.null", Some(false)),
            ("  envoy.filters.http: envoy.filters.http.wasm", None),
        ];
        for (line, expected) in rows {
            assert_eq!(v8_in_line(line), expected, "{line}");
        }
    }
}

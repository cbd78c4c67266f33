//! The command line: reads settings once, then puts the rooms of the server together.

mod bootstrap;
mod discover;
mod echo;
mod envoy;
mod files;
mod log;
mod serve;
mod settings;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Routes prompts of coding agents inside Envoy, by the active workspace's rules.
#[derive(Parser)]
#[command(name = "muxspace", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything: the control server and an Envoy beside it.
    Up(settings::UpArguments),
    /// Start the control server alone.
    Serve(settings::ServerArguments),
    /// Print the configuration for an Envoy that somebody else starts.
    EnvoyConfig(settings::EnvoyConfigArguments),
    /// Start Envoy so that it ends with its parent, whatever ends that; `up` uses this.
    #[command(hide = true)]
    RunEnvoy(envoy::guard::Arguments),
}

/// Why a command ended early; one line that says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

impl Failure {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Names what was tried; for `map_err`.
    pub fn of<E: std::fmt::Display>(what: impl std::fmt::Display) -> impl FnOnce(E) -> Self {
        move |error| Self(format!("{what}: {error}"))
    }
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let outcome = match command {
        Command::RunEnvoy(arguments) => envoy::guard::run(&arguments),
        Command::EnvoyConfig(arguments) => settings::EnvoyConfig::new(arguments).and_then(|config| config.write()),
        Command::Serve(arguments) => in_runtime(|| async { serve::run(settings::Server::new(arguments)?).await }),
        Command::Up(arguments) => in_runtime(|| async { up::run(settings::Up::new(arguments)?).await }),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("muxspace: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn in_runtime<F: Future<Output = Result<(), Failure>>>(run: impl FnOnce() -> F) -> Result<(), Failure> {
    log::start();
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::of("cannot start the async runtime"))?;
    runtime.block_on(run())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn arguments_are_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn command_lines_are_read_or_refused() {
        let rows = [
            ("muxspace serve --api 127.0.0.1:0 --no-discover --filter f.wasm", true),
            ("muxspace up --listen 127.0.0.1:0 --concurrency 2 --envoy /usr/bin/envoy", true),
            ("muxspace envoy-config --api control-server:8990 --listen 0.0.0.0:8989 --output-env e", true),
            ("muxspace run-envoy --parent 1 envoy --config-path x", true),
            ("muxspace", false),
            ("muxspace serve --api somewhere", false),
            ("muxspace up --concurrency 0", false),
            ("muxspace envoy-config --api http://x:1", false),
            ("muxspace serve --unknown", false),
        ];
        for (line, is_read) in rows {
            assert_eq!(Arguments::try_parse_from(line.split(' ')).is_ok(), is_read, "{line}");
        }
    }
}

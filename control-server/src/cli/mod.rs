//! The command line: reads settings once, then puts the rooms of the server together, or asks a server that runs.

mod bootstrap;
mod client;
mod discover;
mod echo;
mod envoy;
mod files;
mod log;
#[cfg(test)]
mod reference;
mod serve;
mod settings;
mod up;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

/// Routes prompts of coding agents inside Envoy, by the active workspace's rules.
#[derive(Parser)]
#[command(name = "muxspace", version, after_help = HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const HELP: &str = "\
Commands that ask a server find it at --server, MUXSPACE_URL or http://127.0.0.1:8990, and take the token from
MUXSPACE_TOKEN or from admin.token in the data folder. All of them take --json, which prints the API's own JSON.

Exit codes:
  0  done
  1  failed or refused; the message says why
  2  the command line is not understood
  3  the server cannot be reached

Examples:
  muxspace up                                  start the gateway on this machine
  muxspace status                              what runs, and for whom
  muxspace rules set docs -f rules.yaml        replace the rules of a workspace
  muxspace apply -f workspaces/ --dry-run      what would change
  muxspace explain request.json                where a prompt would go, and why";

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
    #[command(flatten)]
    Client(client::Command),
    /// Print a script that completes command lines in a shell.
    #[command(after_help = "\
Examples:
  muxspace completions bash > ~/.local/share/bash-completion/completions/muxspace
  muxspace completions fish > ~/.config/fish/completions/muxspace.fish")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Why a command ended early; it says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct Failure {
    text: String,
    exit: Exit,
}

/// What the caller of the program is told; `HELP` explains the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    Failed,
    Usage,
    Unreachable,
    /// Whoever read the output has gone, such as `head`: nothing is wrong.
    OutputClosed,
}

impl Failure {
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), exit: Exit::Failed }
    }

    /// Names what was tried; for `map_err`.
    pub fn of<E: std::fmt::Display>(what: impl std::fmt::Display) -> impl FnOnce(E) -> Self {
        move |error| Self::new(format!("{what}: {error}"))
    }

    /// The command line asks for what makes no sense.
    fn usage(text: impl Into<String>) -> Self {
        Self { text: text.into(), exit: Exit::Usage }
    }

    fn unreachable(text: impl Into<String>) -> Self {
        Self { text: text.into(), exit: Exit::Unreachable }
    }

    fn output_closed() -> Self {
        Self { text: String::new(), exit: Exit::OutputClosed }
    }

    /// Says first what it is about.
    fn about(self, what: impl std::fmt::Display) -> Self {
        let Self { text, exit } = self;
        Self { text: format!("{what}: {text}"), exit }
    }

    /// Says on a further line what came of it.
    fn then(self, what: impl std::fmt::Display) -> Self {
        let Self { text, exit } = self;
        Self { text: format!("{text}\n  {what}"), exit }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::OutputClosed => Self::SUCCESS,
            Exit::Failed => Self::FAILURE,
            Exit::Usage => Self::from(2),
            Exit::Unreachable => Self::from(3),
        }
    }
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let outcome = match command {
        Command::RunEnvoy(arguments) => envoy::guard::run(&arguments),
        Command::EnvoyConfig(arguments) => settings::EnvoyConfig::new(arguments).and_then(|config| config.write()),
        Command::Serve(arguments) => as_server(|| async { serve::run(settings::Server::new(arguments)?).await }),
        Command::Up(arguments) => as_server(|| async { up::run(settings::Up::new(arguments)?).await }),
        Command::Client(command) => in_runtime(|| client::run(command)),
        Command::Completions { shell } => complete(shell),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { text, exit }) => {
            if exit != Exit::OutputClosed {
                eprintln!("muxspace: {text}");
            }
            exit.into()
        }
    }
}

/// Servers write a log; commands that ask one don't.
fn as_server<F: Future<Output = Result<(), Failure>>>(run: impl FnOnce() -> F) -> Result<(), Failure> {
    log::start();
    in_runtime(run)
}

fn in_runtime<F: Future<Output = Result<(), Failure>>>(run: impl FnOnce() -> F) -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::of("cannot start the async runtime"))?;
    runtime.block_on(run())
}

fn complete(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "muxspace", &mut script);
    client::out::write(&script)
}

#[cfg(test)]
mod tests;

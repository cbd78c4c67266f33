//! Commands that ask a server which runs: they speak the management API and nothing else.
//!
//! They hold no policy of their own. What is allowed is the server's business; its refusals are shown as they come.

mod api;
mod apply;
mod confirm;
mod deployment;
mod diff;
mod doctor;
mod document;
mod explain;
mod input;
mod key;
mod logs;
mod model;
pub mod out;
mod problem;
mod provider;
mod rules;
mod session;
mod status;
mod table;
mod transfer;
mod workspace;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use url::Url;

use super::Failure;
use api::Api;
use out::Out;

#[derive(Subcommand)]
pub enum Command {
    /// Show the server, its nodes and how far they are, providers, and the active workspace of each session.
    Status {
        #[command(flatten)]
        common: Common,
    },
    /// Check Envoy, its configuration, the server, providers and nodes, and say what to change.
    #[command(after_help = doctor::EXAMPLES)]
    Doctor {
        #[command(flatten)]
        arguments: doctor::Arguments,
        #[command(flatten)]
        common: Common,
    },
    /// Work with workspaces.
    #[command(after_help = workspace::EXAMPLES)]
    Workspace {
        #[command(subcommand)]
        command: workspace::Command,
        #[command(flatten)]
        common: Common,
    },
    /// Read, replace and check the rules of a workspace.
    #[command(after_help = rules::EXAMPLES)]
    Rules {
        #[command(subcommand)]
        command: rules::Command,
        #[command(flatten)]
        common: Common,
    },
    /// Work with providers and their models.
    #[command(after_help = provider::EXAMPLES)]
    Provider {
        #[command(subcommand)]
        command: provider::Command,
        #[command(flatten)]
        common: Common,
    },
    /// Work with the models that a workspace allows, each under an alias.
    #[command(after_help = model::EXAMPLES)]
    Model {
        #[command(subcommand)]
        command: model::Command,
        #[command(flatten)]
        common: Common,
    },
    /// Work with deployments: virtual models that go to one of several, and to another if that fails.
    #[command(after_help = deployment::EXAMPLES)]
    Deployment {
        #[command(subcommand)]
        command: deployment::Command,
        #[command(flatten)]
        common: Common,
    },
    /// Work with sessions, each of which has its own active workspace.
    #[command(after_help = session::EXAMPLES)]
    Session {
        #[command(subcommand)]
        command: session::Command,
        #[command(flatten)]
        common: Common,
    },
    /// Work with the keys of a workspace, which its clients show.
    #[command(after_help = key::EXAMPLES)]
    Key {
        #[command(subcommand)]
        command: key::Command,
        #[command(flatten)]
        common: Common,
    },
    /// Write a workspace as a document: instructions, models, deployments, rules and settings, never keys or history.
    #[command(after_help = transfer::EXPORT_EXAMPLES)]
    Export {
        #[command(flatten)]
        arguments: transfer::ExportArguments,
        #[command(flatten)]
        common: Common,
    },
    /// Create or replace a workspace from a document.
    #[command(after_help = transfer::IMPORT_EXAMPLES)]
    Import {
        #[command(flatten)]
        arguments: transfer::ImportArguments,
        #[command(flatten)]
        common: Common,
    },
    /// Bring workspaces to what files say: all are checked first, then created or replaced one by one.
    #[command(after_help = apply::EXAMPLES)]
    Apply {
        #[command(flatten)]
        arguments: apply::Arguments,
        #[command(flatten)]
        common: Common,
    },
    /// Say where a request would go and why, without sending it.
    #[command(after_help = explain::EXAMPLES)]
    Explain {
        #[command(flatten)]
        arguments: explain::Arguments,
        #[command(flatten)]
        common: Common,
    },
    /// Show who changed what, or follow changes, requests and alerts as they happen.
    #[command(after_help = logs::EXAMPLES)]
    Logs {
        #[command(flatten)]
        arguments: logs::Arguments,
        #[command(flatten)]
        common: Common,
    },
}

/// Where the server is, and how to print what it says.
#[derive(Args)]
pub struct Common {
    /// The control server
    #[arg(long, env = "MUXSPACE_URL", value_name = "URL", default_value = "http://127.0.0.1:8990", global = true)]
    #[arg(value_parser = api::read_base, help_heading = "Server")]
    server: Url,
    /// Folder whose admin.token is used unless MUXSPACE_TOKEN is set [default: ~/.local/share/muxspace]
    #[arg(long, env = "MUXSPACE_DATA_DIR", value_name = "FOLDER", global = true, help_heading = "Server")]
    data_dir: Option<PathBuf>,
    /// Print the API's JSON instead of text for people
    #[arg(long, global = true, help_heading = "Server")]
    json: bool,
}

/// What every command works with.
struct Context {
    api: Api,
    out: Out,
    data_dir: Option<PathBuf>,
}

impl Context {
    fn new(common: Common) -> Result<Self, Failure> {
        let Common { server, data_dir, json } = common;
        let api = Api::new(server, data_dir.as_deref())?;
        let out = if json { Out::Json } else { Out::Text };
        Ok(Self { api, out, data_dir })
    }
}

pub async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Status { common } => status::run(&Context::new(common)?).await,
        Command::Doctor { arguments, common } => doctor::run(&Context::new(common)?, arguments).await,
        Command::Workspace { command, common } => workspace::run(&Context::new(common)?, command).await,
        Command::Rules { command, common } => rules::run(&Context::new(common)?, command).await,
        Command::Provider { command, common } => provider::run(&Context::new(common)?, command).await,
        Command::Model { command, common } => model::run(&Context::new(common)?, command).await,
        Command::Deployment { command, common } => deployment::run(&Context::new(common)?, command).await,
        Command::Session { command, common } => session::run(&Context::new(common)?, command).await,
        Command::Key { command, common } => key::run(&Context::new(common)?, command).await,
        Command::Export { arguments, common } => transfer::export(&Context::new(common)?, arguments).await,
        Command::Import { arguments, common } => transfer::import(&Context::new(common)?, arguments).await,
        Command::Apply { arguments, common } => apply::run(&Context::new(common)?, arguments).await,
        Command::Explain { arguments, common } => explain::run(&Context::new(common)?, arguments).await,
        Command::Logs { arguments, common } => logs::run(&Context::new(common)?, arguments).await,
    }
}

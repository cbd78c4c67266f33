//! `muxspace doctor`: looks at everything that a prompt needs, and says what to change.
//!
//! The checks are pure: values in, findings out. Only this file and [`probe`] fetch what they look at.

mod envoy_config;
mod finding;
mod http_filters;
mod parts;
mod private;
mod probe;
mod server;

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use url::Url;

use super::super::{Failure, settings};
use super::out::{self, Out};
use super::{Context, api};
use finding::{Finding, Level};

pub const EXAMPLES: &str = "\
Examples:
  muxspace doctor
  muxspace doctor --envoy-config envoy.yaml            a configuration before Envoy takes it
  muxspace doctor --envoy-admin http://127.0.0.1:9901  an Envoy that runs
Exits with 1 if any check fails; warnings are no failure.";

#[derive(Args)]
pub struct Arguments {
    /// The Envoy that `up` would start [default: envoy on the PATH, else the one that `make envoy` got]
    #[arg(long, env = "MUXSPACE_ENVOY", value_name = "FILE")]
    envoy: Option<PathBuf>,
    /// An Envoy configuration to check, YAML or JSON
    #[arg(long, value_name = "FILE")]
    envoy_config: Option<PathBuf>,
    /// The admin address of an Envoy that runs, to check what it uses
    #[arg(long, value_name = "URL", value_parser = api::read_base)]
    envoy_admin: Option<Url>,
}

pub async fn run(context: &Context, arguments: Arguments) -> Result<(), Failure> {
    let Arguments { envoy, envoy_config, envoy_admin } = arguments;
    let mut findings = probe::server(&context.api).await;
    let has_nodes = findings.iter().any(|finding| finding.check == server::NODES && finding.level == Level::Ok);
    // An Envoy on another machine is as good as one here.
    let is_elsewhere = has_nodes || envoy_admin.is_some();
    let binary = probe::binary(envoy.as_deref()).await;
    findings.extend(binary.into_iter().map(|finding| if is_elsewhere { finding.soften() } else { finding }));
    if let Some(path) = envoy_config {
        findings.extend(probe::config_file(&path));
    }
    if let Some(admin) = envoy_admin {
        findings.extend(probe::admin(&admin).await);
    }
    let folder = settings::data_dir_or_default(context.data_dir.clone())?;
    findings.extend(private::check(&folder));

    match context.out {
        Out::Text => out::print(&findings.iter().map(|finding| format!("{finding}\n")).collect::<String>())?,
        Out::Json => {
            let items: Vec<Value> = findings.iter().map(Finding::to_json).collect();
            out::print(&json!({ "items": items }).to_string())?;
        }
    }
    match findings.iter().filter(|finding| finding.level == Level::Fail).count() {
        0 => Ok(()),
        1 => Err(Failure::new("1 check failed")),
        count => Err(Failure::new(format!("{count} checks failed"))),
    }
}

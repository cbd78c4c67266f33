//! Becomes Envoy, after having asked the kernel to end it with its parent: an Envoy must not outlive a `muxspace up`
//! that was killed. Where the kernel cannot do that, Envoy is ended by an orderly stop alone.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use clap::Args;

use crate::cli::Failure;

/// Name of the subcommand.
pub const SUBCOMMAND: &str = "run-envoy";

#[derive(Args)]
pub struct Arguments {
    /// Process that started this one
    #[arg(long)]
    parent: u32,
    /// Envoy and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { parent, command } = arguments;
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))
        .map_err(Failure::of("cannot tie Envoy to this process"))?;
    // The parent may have died before the kernel was asked.
    if std::os::unix::process::parent_id() != *parent {
        return Err(Failure::new("the process that wanted Envoy is gone"));
    }
    let Some((program, arguments)) = command.split_first() else { return Err(Failure::new("no Envoy is named")) };
    let error = Command::new(program).args(arguments).exec();
    Err(Failure::new(format!("cannot run {}: {error}", program.display())))
}

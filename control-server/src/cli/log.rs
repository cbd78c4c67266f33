//! Log lines on standard error. `MUXSPACE_LOG` takes a filter such as `debug` or `info,envoy=debug`.

use tracing_subscriber::EnvFilter;

const DEFAULT: &str = "info,sqlx=warn";

pub fn start() {
    let filter = EnvFilter::try_from_env("MUXSPACE_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(is_terminal())
        .try_init();
    if started.is_err() {
        eprintln!("muxspace: a log was started before; keeping it");
    }
}

fn is_terminal() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stderr())
}

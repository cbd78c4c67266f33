//! Keeps one Envoy running: forwards its log, starts it again when it dies, stops it when asked.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{guard, runtime};
use crate::cli::Failure;

/// First pause before a restart; it doubles up to the longest.
const RESTART_PAUSE_MIN: Duration = Duration::from_millis(200);
const RESTART_PAUSE_MAX: Duration = Duration::from_secs(10);
/// An Envoy that ran for this long is started again after the shortest pause.
const RUN_LONG: Duration = Duration::from_secs(60);
/// Envoy reads its configuration within this time.
const START_TIME: Duration = Duration::from_secs(5);
/// How long the log of a dead Envoy is read on.
const LOG_TIMEOUT: Duration = Duration::from_secs(1);
/// How long Envoy may take to stop before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// Level, logger and text of each line, so that they can be forwarded as such.
const LOG_FORMAT: &str = "%l\t%n\t%v";

/// How to start Envoy.
#[derive(Clone, Debug)]
pub struct Launch {
    pub envoy: PathBuf,
    pub config: PathBuf,
    pub node_token: String,
    pub concurrency: Option<u32>,
}

pub struct Supervisor {
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), Failure>>,
}

impl Supervisor {
    pub fn start(launch: Launch) -> Self {
        let (stop, stopping) = watch::channel(false);
        Self { stop, task: tokio::spawn(supervise(launch, stopping)) }
    }

    /// Waits until Envoy can't be kept running, and says why.
    pub async fn failed(&mut self) -> Failure {
        match (&mut self.task).await {
            Ok(Ok(())) => Failure::new("Envoy was stopped"),
            Ok(Err(failure)) => failure,
            Err(error) => Failure::new(format!("the watch over Envoy broke: {error}")),
        }
    }

    /// Stops Envoy and waits for its end.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Ok(Err(failure)) = self.task.await {
            tracing::error!(%failure, "Envoy did not stop as it should");
        }
    }
}

/// What ended one run of Envoy.
enum Ended {
    Died(ExitStatus),
    LacksRuntime,
    Asked,
}

async fn supervise(launch: Launch, mut stopping: watch::Receiver<bool>) -> Result<(), Failure> {
    let mut pause = RESTART_PAUSE_MIN;
    let mut may_refuse = true;
    loop {
        let started = Instant::now();
        let mut child = spawn(&launch)?;
        let mut log = Log::forward(child.stderr.take());
        let ended = tokio::select! {
            status = child.wait() => Ended::Died(status.map_err(Failure::of("cannot wait for Envoy"))?),
            () = log.lacks_runtime() => Ended::LacksRuntime,
            _ = stopping.wait_for(|stop| *stop) => Ended::Asked,
        };
        let status = match ended {
            Ended::Asked => return end(&mut child).await,
            Ended::LacksRuntime => {
                end(&mut child).await?;
                let envoy = launch.envoy.display();
                return Err(Failure::new(format!("{envoy} has no V8 and can't run the filter; run `make envoy`")));
            }
            Ended::Died(status) => status,
        };
        log.finish().await;
        let ran = started.elapsed();
        // An Envoy that ends by itself right at its first start does not like what it was given: again is no better.
        if may_refuse && status.code().is_some() && ran < START_TIME {
            return Err(Failure::new(format!("Envoy refused to start ({status}); its log above says why")));
        }
        may_refuse = false;
        pause = if ran >= RUN_LONG { RESTART_PAUSE_MIN } else { pause };
        tracing::error!(%status, restart_in_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX), "Envoy died");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopping.wait_for(|stop| *stop) => return Ok(()),
        }
        pause = (pause * 2).min(RESTART_PAUSE_MAX);
    }
}

fn spawn(launch: &Launch) -> Result<Child, Failure> {
    let Launch { envoy, config, node_token, concurrency } = launch;
    // This very program, also when the file has been replaced since.
    let program = if cfg!(target_os = "linux") {
        PathBuf::from("/proc/self/exe")
    } else {
        std::env::current_exe().map_err(Failure::of("cannot tell where this program is"))?
    };
    let mut command = Command::new(program);
    command.arg(guard::SUBCOMMAND).arg("--parent").arg(std::process::id().to_string());
    command.arg(envoy).arg("--config-path").arg(config).arg("--disable-hot-restart").args(["--log-format", LOG_FORMAT]);
    if let Some(threads) = concurrency {
        command.arg("--concurrency").arg(threads.to_string());
    }
    command.env("MUXSPACE_NODE_TOKEN", node_token).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    // The signals of a terminal go to the whole group; Envoy is to be stopped by this process, in order.
    command.process_group(0).kill_on_drop(true);
    command.spawn().map_err(Failure::of(format!("cannot start {}", envoy.display())))
}

async fn end(child: &mut Child) -> Result<(), Failure> {
    if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw)
        && let Err(error) = rustix::process::kill_process(id, rustix::process::Signal::TERM)
    {
        tracing::debug!(%error, "Envoy had ended already");
    }
    if tokio::time::timeout(STOP_TIMEOUT, child.wait()).await.is_err() {
        child.kill().await.map_err(Failure::of("cannot end Envoy"))?;
    }
    Ok(())
}

/// Envoy's log, on its way into ours.
struct Log {
    lacks_runtime: watch::Receiver<bool>,
    reader: JoinHandle<()>,
}

impl Log {
    fn forward(log: Option<ChildStderr>) -> Self {
        let (found, lacks_runtime) = watch::channel(false);
        let reader = tokio::spawn(async move {
            let Some(log) = log else { return };
            let mut lines = BufReader::new(log).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if runtime::v8_in_line(&line) == Some(false) {
                    found.send_replace(true);
                }
                forward_line(&line);
            }
        });
        Self { lacks_runtime, reader }
    }

    /// Waits until Envoy turns out not to have V8: for ever, with a good one.
    async fn lacks_runtime(&mut self) {
        if self.lacks_runtime.wait_for(|lacks| *lacks).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Forwards what a dead Envoy had left to say.
    async fn finish(self) {
        let _done = tokio::time::timeout(LOG_TIMEOUT, self.reader).await.is_ok();
    }
}

fn forward_line(line: &str) {
    let mut parts = line.splitn(3, '\t');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("critical" | "error"), Some(logger), Some(text)) => tracing::error!(target: "envoy", logger, "{text}"),
        (Some("warning"), Some(logger), Some(text)) => tracing::warn!(target: "envoy", logger, "{text}"),
        // The filter's own log.
        (Some("info"), Some("wasm"), Some(text)) => tracing::info!(target: "envoy", logger = "wasm", "{text}"),
        (Some(_), Some(logger), Some(text)) => tracing::debug!(target: "envoy", logger, "{text}"),
        // A message of several lines, or one from before the log is set up.
        _ => tracing::debug!(target: "envoy", "{line}"),
    }
}

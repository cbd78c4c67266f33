//! Runs a client in folders of its own, without a network beyond the loopback, for a bounded time.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use muxspace_tests::{Answer, Provider};
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;
use tokio::process::Command;

use crate::client::{Launch, Setting};
use crate::{demo, install};

/// For all commands of one run.
const PATIENCE: Duration = Duration::from_secs(90);
/// What needs no proxy.
const LOOPBACK: &str = "127.0.0.1,localhost";

/// The world beyond the loopback, as a proxy that refuses everything. Where nothing listens at all, some clients try
/// again and again.
pub struct Outside(Provider);

impl Outside {
    pub async fn start() -> Self {
        let refuse = || Answer::error(403, "nothing beyond the loopback");
        let proxy = Provider::start().await;
        proxy.answer(move |_| refuse());
        proxy.list(refuse);
        Self(proxy)
    }

    fn url(&self) -> String {
        format!("http://{}", self.0.address())
    }
}

/// The folders of one run.
pub struct Place {
    pub setting: Setting,
    folder: TempDir,
    proxy: String,
}

pub struct Ran {
    /// Exit codes that were not 0, time that ran out.
    pub trouble: Option<String>,
    /// What the last command wrote to its standard output.
    pub output: String,
    pub took: Duration,
}

impl Place {
    pub fn prepare(base: &str, outside: &Outside) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Clients resolve links, and tell the model so.
        let root = folder.path().canonicalize().expect("the folder is there");
        let setting = Setting { base: base.to_owned(), home: root.join("home"), repo: root.join("cinema") };
        for folder in [&setting.home, &setting.repo, &root.join("tmp")] {
            fs::create_dir(folder).expect("a folder can be made");
        }
        demo::create(&setting.repo);
        Self { setting, folder, proxy: outside.url() }
    }

    pub async fn run(&self, launch: &Launch) -> Ran {
        for (path, text) in &launch.files {
            let path = self.setting.home.join(path);
            fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder can be made");
            fs::write(path, text).expect("a file can be written");
        }
        let started = Instant::now();
        let mut trouble = None;
        for words in &launch.commands {
            let left = PATIENCE.saturating_sub(started.elapsed());
            trouble = self.run_one(words, launch, left).await.err();
            if trouble.is_some() {
                break;
            }
        }
        Ran { trouble, output: read(&self.log("out")), took: started.elapsed() }
    }

    /// Keeps the folders and says what was written there.
    pub fn keep(self) -> String {
        let (out, err) = (read(&self.log("out")), read(&self.log("err")));
        let kept = self.folder.keep();
        format!("in {}\n{}\n{}", kept.display(), tail(&out), tail(&err))
    }

    async fn run_one(&self, words: &[String], launch: &Launch, patience: Duration) -> Result<(), String> {
        let program = &words[0];
        let mut command = self.command(words, launch).map_err(|error| format!("{program} cannot be run: {error}"))?;
        let mut child = command.spawn().map_err(|error| format!("{program} does not start: {error}"))?;
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let ended = tokio::time::timeout(patience, child.wait()).await;
        // Also what it left running. The group is gone already where it left nothing.
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::KILL);
        }
        match ended {
            Err(_) => Err(format!("{program} was not done within {PATIENCE:?}")),
            Ok(Err(error)) => Err(format!("{program} was lost: {error}")),
            Ok(Ok(status)) if !status.success() => Err(format!("{program} ended with {status}")),
            Ok(Ok(_)) => Ok(()),
        }
    }

    fn command(&self, words: &[String], launch: &Launch) -> io::Result<Command> {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(&self.setting.repo).env_clear().process_group(0).kill_on_drop(true);
        command
            .env("PATH", install::path())
            .env("HOME", &self.setting.home)
            .env("TMPDIR", self.folder.path().join("tmp"));
        command.envs([("LANG", "C.UTF-8"), ("TERM", "dumb"), ("NO_COLOR", "1"), ("CI", "1")]);
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
            command.env(name, &self.proxy);
        }
        command.env("NO_PROXY", LOOPBACK).env("no_proxy", LOOPBACK);
        for (role, value) in [("NAME", "Demo"), ("EMAIL", "demo@localhost")] {
            command.env(format!("GIT_AUTHOR_{role}"), value).env(format!("GIT_COMMITTER_{role}"), value);
        }
        command.envs(launch.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(File::create(self.log("out"))?).stderr(File::create(self.log("err"))?);
        Ok(command)
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// Lines of a log that are shown of a run that failed.
const TAIL_LINES: usize = 25;

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

//! A child process whose output goes to a file, and which never outlives its owner.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Lines of a log that a failed test prints.
const LOG_TAIL_LINES: usize = 60;

pub struct Process {
    child: Child,
    name: &'static str,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with standard output and error appended to `<folder>/<name>.log`.
    pub fn start(name: &'static str, folder: &Path, command: &mut Command) -> Self {
        let log = folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log).expect("the log file can be made");
        let copy = file.try_clone().expect("the log file can be shared");
        command.stdin(Stdio::null()).stdout(file).stderr(copy);
        let child = command.spawn().unwrap_or_else(|error| panic!("{name} ({command:?}) does not start: {error}"));
        Self { child, name, log }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until a line of the log beyond the first `skip_bytes` contains `marker`, and returns that line.
    pub async fn line_with(&mut self, marker: &str, skip_bytes: usize, patience: Duration) -> String {
        let deadline = Instant::now() + patience;
        loop {
            let log = self.log();
            let fresh = log.get(skip_bytes..).unwrap_or_default();
            // The last piece may be half written.
            let mut whole = fresh.split_inclusive('\n').filter(|line| line.ends_with('\n'));
            if let Some(line) = whole.find(|line| line.contains(marker)) {
                return line.trim_end().to_owned();
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("{} ended ({status}) before it said `{marker}`:\n{log}", self.name);
            }
            assert!(Instant::now() < deadline, "{} did not say `{marker}` within {patience:?}:\n{log}", self.name);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends it the hard way: SIGKILL.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end (SIGTERM) and waits for it.
    pub async fn terminate(&mut self, patience: Duration) -> std::process::ExitStatus {
        signal("TERM", self.id());
        self.wait(patience).await
    }

    pub async fn wait(&mut self, patience: Duration) -> std::process::ExitStatus {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "{} did not end within {patience:?}:\n{}", self.name, self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines.len().saturating_sub(LOG_TAIL_LINES);
            eprintln!("---- {} (last {} lines)\n{}\n----", self.name, lines.len() - tail, lines[tail..].join("\n"));
        }
    }
}

/// Sends a signal to one process, by its id.
pub fn signal(name: &str, id: u32) {
    let status = Command::new("kill").arg(format!("-{name}")).arg(id.to_string()).status();
    assert!(status.is_ok_and(|status| status.success()), "SIG{name} cannot be sent to {id}");
}

/// Ids of the processes that `parent` started and that still run.
pub fn children_of(parent: u32) -> Vec<u32> {
    let mut children = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("/proc is there").flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        if parent_of(id) == Some(parent) {
            children.push(id);
        }
    }
    children
}

/// Whether it runs; a zombie does not.
pub fn is_alive(id: u32) -> bool {
    parent_of(id).is_some()
}

fn parent_of(id: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name in parentheses may hold spaces; state and parent follow it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    if fields.next()? == "Z" { None } else { fields.next()?.parse().ok() }
}

//! What the kernel says about a process.

use std::fs;
use std::time::Duration;

use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

/// CPU time of all threads, in user and kernel mode.
pub fn cpu_time(process: u32) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("the process runs").flatten();
    // The scheduler's account in nanoseconds; /proc/<pid>/stat counts in hundredths of a second.
    let nanos = tasks.map(|task| first_number(&fs::read_to_string(task.path().join("schedstat")).unwrap_or_default()));
    Duration::from_nanos(nanos.sum())
}

/// Resident memory in bytes.
pub fn resident_bytes(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the kernel tells VmRSS");
    first_number(line) * 1024
}

/// Gives `processes` the first processor and everything that this process does the others, so that client and upstream
/// don't take turns with Envoy. False where there is only one processor.
pub fn spread(processes: &[u32]) -> bool {
    let Ok(allowed) = sched_getaffinity(None) else { return false };
    let mut processors = (0..CpuSet::MAX_CPU).filter(|&processor| allowed.is_set(processor));
    let Some(first) = processors.next() else { return false };
    let (mut envoys, mut others) = (CpuSet::new(), CpuSet::new());
    envoys.set(first);
    processors.for_each(|processor| others.set(processor));
    if others.count() == 0 {
        return false;
    }
    let bound = processes.iter().flat_map(|&process| bind(process, &envoys)).all(|bound| bound);
    bound && bind(std::process::id(), &others).into_iter().all(|bound| bound)
}

/// Binds every thread of a process; those it starts later follow.
fn bind(process: u32, processors: &CpuSet) -> Vec<bool> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("the process runs").flatten();
    let ids = tasks.filter_map(|task| task.file_name().to_str()?.parse().ok().and_then(Pid::from_raw));
    ids.map(|id| sched_setaffinity(Some(id), processors).is_ok()).collect()
}

pub fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let count = info.lines().filter(|line| line.starts_with("processor")).count();
    format!("{count} × {}", name.map_or("unknown", |(_, name)| name))
}

fn first_number(text: &str) -> u64 {
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

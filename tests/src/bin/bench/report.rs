//! The tables, as Markdown.

use std::fmt::Write;
use std::fs;
use std::time::Duration;

use muxspace_tests::percentile::percentile;
use muxspace_tests::stack::{envoy_path, filter_path, root};

use crate::agents::Agent;
use crate::crowd::{KEYS, WORKSPACES};
use crate::latency::Streams;
use crate::load::Cost;
use crate::memory::Memory;
use crate::streams::{self, DELTAS, PACES};
use crate::{EVENT_TARGET_US, MANY_RULES, ROUNDS, SIZES, machine};

/// What a thousand rules, or ten thousand workspaces, may cost of few.
const MANY_TARGET: f64 = 1.1;
/// Memory of one VM with very many workspaces and keys.
const VM_MIB_TARGET: f64 = 32.0;
/// The part of docs/benchmarks.md that a run replaces.
const BEGIN: &str = "<!-- measured: begin -->\n";
const END: &str = "<!-- measured: end -->";

pub struct Report {
    pub pinned: bool,
    /// By size, then by round, then by arm.
    pub costs: Vec<Vec<Vec<Cost>>>,
    pub agents: Vec<Agent>,
    pub crowd: CrowdReport,
    /// By size, then by arm.
    pub latencies: Vec<Vec<Vec<Duration>>>,
    pub streams: Vec<Streams>,
    /// By pace, then by round, then by arm.
    pub stream_costs: Vec<Vec<Vec<streams::Cost>>>,
    pub memory: Memory,
    pub took: Duration,
}

/// One used workspace among very many.
pub struct CrowdReport {
    /// By size, then by round: with few workspaces, and with all.
    pub costs: Vec<Vec<Vec<Cost>>>,
    /// As in [`crate::crowd::Crowd`].
    pub vm_bytes: [u64; 3],
    pub start: [Duration; 3],
}

impl Report {
    pub fn markdown(&self) -> String {
        let mut text = self.conditions();
        text += &cpu(&self.costs);
        text += &translated(&self.costs);
        text += &events(&self.stream_costs);
        text += &agents(&self.agents);
        text += &crowd(&self.crowd);
        text += &self.throughput();
        text += &self.latency();
        text += &self.streaming();
        text += &self.sizes();
        text
    }

    fn conditions(&self) -> String {
        let output = std::process::Command::new(envoy_path()).arg("--version").output();
        let version = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        let version =
            version.split("version: ").nth(1).and_then(|build| build.split('/').nth(1)).unwrap_or("of unknown version");
        let pinned = if self.pinned { "Envoy alone on one processor" } else { "nothing bound to a processor" };
        format!(
            "{}, Envoy {version} with one worker, {pinned}; median of {ROUNDS} rounds; the run took {} s.\n\n",
            machine::processor(),
            self.took.as_secs()
        )
    }

    fn throughput(&self) -> String {
        let mut text = String::from(
            "**Requests per second**, one worker, 8 connections in a closed loop\n\n\
             | prompt | bare | Muxspace |\n|---|--:|--:|\n",
        );
        for (size, rounds) in SIZES.iter().zip(&self.costs) {
            let seen = |arm: usize| median(rounds.iter().map(|arms| arms[arm].requests_per_s));
            let _ = writeln!(text, "| {} | {:.0} | {:.0} |", size.name, seen(0), seen(1));
        }
        text + "\n"
    }

    fn latency(&self) -> String {
        let mut text = String::from(
            "**Latency**, one request at a time, µs\n\n\
             | prompt | bare p50 | p99 | Muxspace p50 | p99 | added p50 | added p99 |\n|---|--:|--:|--:|--:|--:|--:|\n",
        );
        for (size, arms) in SIZES.iter().zip(&self.latencies) {
            let _ = writeln!(text, "| {} | {} |", size.name, compared(&arms[0], &arms[1]));
        }
        text + "\n"
    }

    fn streaming(&self) -> String {
        let (bare, mux) = (&self.streams[0], &self.streams[1]);
        format!(
            "**Streamed answers**, µs\n\n\
             | | bare p50 | p99 | Muxspace p50 | p99 | added p50 | added p99 |\n|---|--:|--:|--:|--:|--:|--:|\n\
             | request to first event | {} |\n| upstream to client, each event | {} |\n\n",
            compared(&bare.first_event, &mux.first_event),
            compared(&bare.event_delay, &mux.event_delay),
        )
    }

    fn sizes(&self) -> String {
        let mib = |bytes: f64| bytes / f64::from(1 << 20);
        let Memory { one_worker: [bare, mux], per_worker: [bare_worker, mux_worker] } = self.memory;
        let filter = fs::metadata(filter_path()).map_or(0, |file| file.len());
        format!(
            "**Memory**, resident, after 240 prompts of 100 KB: Envoy with one worker {:.0} MiB bare, {:.0} MiB with \
             Muxspace; each further worker {:.1} MiB bare, {:.1} MiB with Muxspace.\n\n\
             **Filter**: {} KiB of wasm.\n",
            mib(bare as f64),
            mib(mux as f64),
            mib(bare_worker),
            mib(mux_worker),
            filter / 1024
        )
    }
}

/// CPU of Envoy per request, by size, then by round, then by arm.
pub fn cpu(costs: &[Vec<Vec<Cost>>]) -> String {
    let mut text = format!(
        "**CPU of Envoy per request**, µs\n\n\
         | prompt | bare | Muxspace, 20 rules | ratio | at most | | {MANY_RULES} rules | of 20 rules | at most | |\n\
         |---|--:|--:|--:|--:|---|--:|--:|--:|---|\n"
    );
    for (size, rounds) in SIZES.iter().zip(costs) {
        let cpu = |arm: usize| median(rounds.iter().map(|arms| arms[arm].cpu_us));
        let ratio = |arm: usize, of: usize| median(rounds.iter().map(|arms| arms[arm].cpu_us / arms[of].cpu_us));
        let (few, many) = (ratio(1, 0), ratio(2, 1));
        let _ = writeln!(
            text,
            "| {} | {:.0} | {:.0} | **{few:.2}** | {:.1} | {} | {:.0} | **{many:.2}** | {MANY_TARGET} | {} |",
            size.name,
            cpu(0),
            cpu(1),
            size.target,
            verdict(few, size.target),
            cpu(2),
            verdict(many, MANY_TARGET),
        );
    }
    text + "\n"
}

/// CPU of Envoy per request that goes to a provider of another dialect, and its answer.
pub fn translated(costs: &[Vec<Vec<Cost>>]) -> String {
    let mut text = String::from(
        "**Chat requests to a provider that speaks Messages**, their answers translated back, CPU of Envoy per request, µs\n\n\
         | prompt | bare | Muxspace, 20 rules | ratio | at most | | of one dialect |\n|---|--:|--:|--:|--:|---|--:|\n",
    );
    for (size, rounds) in SIZES.iter().zip(costs) {
        let cpu = |arm: usize| median(rounds.iter().map(|arms| arms[arm].cpu_us));
        let ratio = |of: usize| median(rounds.iter().map(|arms| arms[3].cpu_us / arms[of].cpu_us));
        let (target, verdict) = match size.translated_target {
            Some(target) => (target.to_string(), verdict(ratio(0), target)),
            None => (String::new(), ""),
        };
        let _ = writeln!(
            text,
            "| {} | {:.0} | {:.0} | **{:.2}** | {target} | {verdict} | {:.2} |",
            size.name,
            cpu(0),
            cpu(3),
            ratio(0),
            ratio(1),
        );
    }
    text + "\n"
}

/// CPU of Envoy per event of a streamed answer.
pub fn events(costs: &[Vec<Vec<streams::Cost>>]) -> String {
    let mut text = format!(
        "**CPU of Envoy per event of a streamed answer**, µs: {DELTAS} deltas, 8 streams at a time. `1 ms apart`: each event \
         leaves the provider by itself; `at once`: as fast as Envoy takes them, several a read\n\n\
         | events | provider | events a chunk, bare | Muxspace | bare | Muxspace | ratio | over bare | at most | |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|---|\n"
    );
    for ((name, _), rounds) in PACES.iter().zip(costs) {
        for (arm, provider) in [(1, "speaks chat too"), (2, "speaks Messages")] {
            let middle = |seen: &dyn Fn(&[streams::Cost]) -> f64| median(rounds.iter().map(|arms| seen(arms)));
            let together = |arm: usize| middle(&|arms| arms[arm].events_per_chunk);
            let cpu = |arm: usize| middle(&|arms| arms[arm].cpu_us_per_event);
            let ratio = middle(&|arms| arms[arm].cpu_us_per_event / arms[0].cpu_us_per_event);
            let over = middle(&|arms| arms[arm].cpu_us_per_event - arms[0].cpu_us_per_event);
            let _ = writeln!(
                text,
                "| {name} | {provider} | {:.1} | {:.1} | {:.1} | {:.1} | {ratio:.2} | **{over:.1}** | {EVENT_TARGET_US} | {} |",
                together(0),
                together(arm),
                cpu(0),
                cpu(arm),
                verdict(over, EVENT_TARGET_US),
            );
        }
    }
    text + "\n"
}

/// CPU of Envoy per request, for prompts of real coding agents.
pub fn agents(agents: &[Agent]) -> String {
    if agents.is_empty() {
        return "Prompts of real coding agents: no recordings at hand.\n\n".to_owned();
    }
    let mut text = String::from(
        "**Prompts of real coding agents**, CPU of Envoy per request, µs\n\n\
         | prompt | KB | bare | Muxspace, 20 rules | ratio |\n|---|--:|--:|--:|--:|\n",
    );
    for Agent { name, bytes, costs } in agents {
        let cpu = |arm: usize| median(costs.iter().map(|arms| arms[arm].cpu_us));
        let ratio = median(costs.iter().map(|arms| arms[1].cpu_us / arms[0].cpu_us));
        let _ = writeln!(text, "| {name} | {} | {:.0} | {:.0} | **{ratio:.2}** |", bytes / 1_000, cpu(0), cpu(1));
    }
    text + "\n"
}

fn compared(bare: &[Duration], mux: &[Duration]) -> String {
    let micros = |times, percent| percentile(times, percent).as_secs_f64() * 1e6;
    let [b50, b99, m50, m99] = [micros(bare, 50), micros(bare, 99), micros(mux, 50), micros(mux, 99)];
    format!("{b50:.0} | {b99:.0} | {m50:.0} | {m99:.0} | **{:+.0}** | **{:+.0}**", m50 - b50, m99 - b99)
}

fn verdict(value: f64, target: f64) -> &'static str {
    if value <= target { "met" } else { "**missed**" }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Replaces the measured part of docs/benchmarks.md.
pub fn write(markdown: &str) {
    let path = root().join("docs/benchmarks.md");
    let page = fs::read_to_string(&path).expect("docs/benchmarks.md is there");
    let parts = page.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.expect("docs/benchmarks.md marks its measured part");
    fs::write(&path, format!("{before}{BEGIN}{markdown}{END}{after}")).expect("docs/benchmarks.md can be written");
}

pub fn crowd(report: &CrowdReport) -> String {
    let CrowdReport { costs, vm_bytes, start } = report;
    let mut text = format!(
        "**{WORKSPACES} workspaces** of 5 rules each and **{KEYS} keys**, one of them used: CPU against 3 workspaces \
         and one key\n\n| prompt | ratio | at most | |\n|---|--:|--:|---|\n"
    );
    for (size, rounds) in SIZES.iter().zip(costs) {
        let ratio = median(rounds.iter().map(|arms| arms[1].cpu_us / arms[0].cpu_us));
        let verdict = verdict(ratio, MANY_TARGET);
        let _ = writeln!(text, "| {} | **{ratio:.2}** | {MANY_TARGET} | {verdict} |", size.name);
    }
    let [few, all, keys] = vm_bytes.map(|bytes| bytes as f64 / f64::from(1 << 20));
    let [few_s, all_s, keys_s] = start.map(|start| start.as_secs_f64());
    let verdict = verdict(keys, VM_MIB_TARGET);
    let _ = writeln!(
        text,
        "\nMemory of one VM: {few:.1} MiB with 3 workspaces, {all:.1} MiB with all, **{keys:.1} MiB** with all and all \
         keys (at most {VM_MIB_TARGET}: {verdict}). From Envoy's start until every VM routes: {few_s:.1} s, {all_s:.1} s and \
         {keys_s:.1} s.\n",
    );
    text
}

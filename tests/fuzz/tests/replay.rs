//! Every input of the corpus, every input that a fixed seed makes, and what was recorded of real clients and providers,
//! through the targets. What `make fuzz` does with new inputs is done here with known ones, without libFuzzer.

use std::path::{Path, PathBuf};

use muxspace_fuzz::{TARGETS, run};

/// Made-up inputs for each target.
const MADE: u64 = 100;
const MADE_BYTES_MAX: usize = 600;

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Paths of the files in a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().map(|entries| entries.map(|entry| entry.expect("an entry").path()));
    let mut files: Vec<PathBuf> = entries.map(Iterator::collect).unwrap_or_default();
    files.sort();
    files
}

/// Inputs that failed; all are run, so that one fix is not followed by the next finding.
#[derive(Default)]
struct Failures(Vec<String>);

impl Failures {
    fn replay(&mut self, target: &str, name: &str, input: &[u8]) {
        if std::panic::catch_unwind(|| run(target, input)).is_err() {
            self.0.push(format!("`{target}` on {name}"));
        }
    }

    fn check(self) {
        assert!(self.0.is_empty(), "{} failures, each with its panic above:\n{}", self.0.len(), self.0.join("\n"));
    }
}

#[test]
fn the_corpus_passes_every_target() {
    let (mut count, mut failures) = (0, Failures::default());
    for (target, _) in TARGETS {
        let inputs = files(&folder().join("corpus").join(target));
        assert!(!inputs.is_empty(), "target `{target}` has no corpus");
        count += inputs.len();
        for path in inputs {
            let input = std::fs::read(&path).expect("an input can be read");
            failures.replay(target, &path.display().to_string(), &input);
        }
    }
    println!("{count} inputs of the corpus through {} targets", TARGETS.len());
    failures.check();
}

#[test]
fn made_up_inputs_pass_every_target() {
    let mut failures = Failures::default();
    for (target, _) in TARGETS {
        for number in 0..MADE {
            failures.replay(target, &format!("made-up input {number}"), &made(number));
        }
    }
    println!("{MADE} made-up inputs through each of {} targets", TARGETS.len());
    failures.check();
}

/// A list of choices, the same on every machine.
fn made(number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    let bytes = MADE_BYTES_MAX * usize::from(next()) / 255;
    std::iter::once(0xff).chain((0..bytes).map(|_| next())).collect()
}

#[test]
fn recorded_traffic_passes_the_targets() {
    let recordings = folder().join("../../../shared/fixtures");
    if !recordings.is_dir() {
        println!("no recordings at hand: skipped");
        return;
    }
    let (mut count, mut runs, mut failures) = (0, 0, Failures::default());
    for path in ["requests", "responses"].iter().flat_map(|name| files(&recordings.join(name))) {
        let name = path.display().to_string();
        let targets: Vec<&str> =
            TARGETS.iter().map(|(target, _)| *target).filter(|target| takes(target, &name)).collect();
        let Ok(input) = std::fs::read(&path) else { continue };
        count += usize::from(!targets.is_empty());
        runs += targets.len();
        targets.into_iter().for_each(|target| failures.replay(target, &name, &input));
    }
    println!("{count} recordings in {runs} runs of targets");
    assert!(count > 0, "a folder without recordings");
    failures.check();
}

/// Whether a recording is for a target, by its name: any dialect's reader must cope with what another one's client sent.
fn takes(target: &str, name: &str) -> bool {
    let is_request = name.contains("/requests/") || name.ends_with(".request.json");
    let is_answer = name.ends_with(".response.json");
    match target.split('_').next().unwrap_or_default() {
        "json" => name.ends_with(".json"),
        "request" | "prompt" => is_request && name.ends_with(".json"),
        "answer" | "error" | "usage" if is_answer => true,
        "stream" | "sse" | "usage" => name.ends_with(".sse"),
        _ => false,
    }
}

#[test]
fn every_target_has_its_binary() {
    let named = |folder: &str| -> Vec<String> {
        let stem = |path: &PathBuf| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        files(&self::folder().join(folder)).iter().map(stem).collect()
    };
    let targets: Vec<&str> = TARGETS.iter().map(|(target, _)| *target).collect();
    assert_eq!(named("libfuzzer/targets"), targets);
    assert_eq!(named("corpus"), targets);
    let manifest = std::fs::read_to_string(folder().join("libfuzzer/Cargo.toml")).expect("a manifest");
    for target in targets {
        let binary = format!("name = \"{target}\"\npath = \"targets/{target}.rs\"");
        assert!(manifest.contains(&binary), "libfuzzer/Cargo.toml lacks {target}");
    }
}

//! How fast can a prompt be read? Each way checks that a body is JSON and finds the spans of its top-level `model` and of
//! every message's content, as far as it can. Then what the engine makes of a prompt, stage by stage, and of a stream. Prints tables of
//! microseconds per body.
//!
//! `cargo run --release -p muxspace-scan --features compare`, and the same with `--target wasm32-wasip1` and
//! `CARGO_TARGET_WASM32_WASIP1_RUNNER="node --no-warnings tests/scan/run-wasi.mjs"`: V8 as in Envoy.

#[path = "../../src/bin/bench/body.rs"]
mod body;
mod stages;
mod streams;
mod ways;

use std::hint::black_box;
use std::time::{Duration, Instant};

use ways::WAYS;

const SIZES: [(&str, usize); 3] = [("2 KB", 2_000), ("100 KB", 100_000), ("1 MB", 1_000_000)];
const ROUNDS: usize = 15;
const ROUND: Duration = Duration::from_millis(20);

fn main() {
    println!("| way ({}) | checks | {} |", std::env::consts::ARCH, SIZES.map(|(name, _)| name).join(" | "));
    println!("|---|---|{}", "--:|".repeat(SIZES.len()));
    for way in WAYS {
        let cells = SIZES.map(|(_, bytes)| {
            let body = body::chat_request(bytes);
            let expected = ways::reference(&body);
            let found = (way.read)(&body);
            assert!(found.is_none_or(|found| found == expected), "{} reads it wrong", way.name);
            format!("{:.2}", micros(|| (way.read)(black_box(&body))))
        });
        println!("| {} | {} | {} |", way.name, way.checks, cells.join(" | "));
    }
    stages::print();
    streams::print();
}

/// Median over rounds of the mean time of one call.
fn micros<T>(mut call: impl FnMut() -> T) -> f64 {
    let mut means: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let (start, mut calls) = (Instant::now(), 0_u32);
            while start.elapsed() < ROUND {
                black_box(call());
                calls += 1;
            }
            start.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
        })
        .collect();
    means.sort_by(f64::total_cmp);
    means[ROUNDS / 2]
}

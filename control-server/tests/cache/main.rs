//! What kept answers really take. A program of its own: its memory is measured.

use std::time::Duration;

use muxspace::cache::{Answer, AnswerCache, ENTRY_BYTES_MAX, KEY_BYTES};

const MIB: u64 = 1024 * 1024;
/// Allowed to the cache.
const ALLOWED: u64 = 32 * MIB;
/// Tables that grow by doubling, and what allocators keep for later.
const BESIDE: u64 = 16 * MIB;
const LONG: Duration = Duration::from_secs(3_600);

/// Bytes of this process that are in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() * 1_024
}

fn answer(bytes: usize) -> Answer {
    Answer {
        body: vec![b'x'; bytes],
        provider: "openai".to_owned(),
        model: "gpt-5-mini".to_owned(),
        usage: None,
        stored_at_ms: 0,
    }
}

#[test]
fn an_overfilled_cache_takes_what_is_allowed_and_little_more() {
    let cache = AnswerCache::new(ALLOWED);
    let before = resident();
    let mut number: u64 = 0;
    // Where sizes shift, small answers that went leave holes which the allocator does not give back: at most as much again.
    let (even, shifted) = (ALLOWED + BESIDE, 2 * ALLOWED + BESIDE);
    let rows: [(&[usize], u64); 4] = [
        (&[2_000], even),
        (&[100_000], shifted),
        (&[ENTRY_BYTES_MAX - 64], shifted),
        (&[100, 2_000, 100_000, 2_000_000], shifted),
    ];
    for (sizes, bound) in rows {
        let mut put: u64 = 0;
        while put < 5 * ALLOWED {
            for size in sizes {
                let mut key = [0; KEY_BYTES];
                key[..8].copy_from_slice(&number.to_le_bytes());
                number += 1;
                cache.put(key, answer(*size), LONG).unwrap();
                put += *size as u64;
                if number.is_multiple_of(64) || *size > 1_000_000 {
                    let grown = resident().saturating_sub(before);
                    assert!(grown <= bound, "{sizes:?}: {} MiB for {} MiB", grown / MIB, ALLOWED / MIB);
                }
            }
        }
        let stats = cache.stats();
        assert!(stats.bytes <= ALLOWED && stats.bytes > ALLOWED / 2, "{sizes:?}: {stats:?}");
        assert!(resident() - before > stats.bytes / 2, "{sizes:?}: it measures nothing");
    }
}

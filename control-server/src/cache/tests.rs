use std::thread;

use super::*;

const MIB: u64 = 1024 * 1024;
const LONG: Duration = Duration::from_secs(3_600);

fn key(number: u64) -> Key {
    let mut key = [0; KEY_BYTES];
    key[..8].copy_from_slice(&number.to_le_bytes());
    key
}

fn answer(bytes: usize) -> Answer {
    Answer {
        body: vec![b'x'; bytes],
        provider: "p".to_owned(),
        model: "m".to_owned(),
        usage: Some(TokenUsage { input_tokens: 1, raw: "{}".to_owned(), ..TokenUsage::default() }),
        stored_at_ms: 1,
    }
}

#[test]
fn what_was_put_is_found_by_its_key_alone() {
    let cache = AnswerCache::new(MIB);
    cache.put(key(1), answer(10), LONG).unwrap();
    assert_eq!(cache.get(&key(1)).as_deref(), Some(&answer(10)));
    assert_eq!(cache.get(&key(2)), None);
    assert_eq!(cache.clone().get(&key(1)).as_deref(), Some(&answer(10)), "clones share");
    let bytes = answer(10).weight() as u64;
    assert_eq!(cache.stats(), CacheStats { hits: 2, misses: 1, evictions: 0, entries: 1, bytes });
}

#[test]
fn bytes_stay_bounded_when_overfilled() {
    for (entry_bytes, count) in [(0, 20_000), (1_000, 20_000), (100_000, 2_000), (ENTRY_BYTES_MAX - 4, 20)] {
        let allowed = 8 * MIB;
        let cache = AnswerCache::new(allowed);
        for number in 0..count {
            cache.put(key(number), answer(entry_bytes), LONG).unwrap();
            let held = cache.entries.weighted_size();
            assert!(held <= allowed, "{held} bytes after {number} of {entry_bytes}");
        }
        let stats = cache.stats();
        let weight = answer(entry_bytes).weight() as u64;
        assert!(count * weight > 2 * allowed || entry_bytes == 0, "the test overfills it");
        assert_eq!((stats.entries, stats.bytes), (allowed / weight, allowed / weight * weight), "{entry_bytes}");
        assert_eq!(stats.evictions, count - stats.entries);
        assert!(cache.get(&key(count - 1)).is_some(), "the newest is there");
        assert!(cache.get(&key(0)).is_none(), "the oldest is not");
    }
}

#[test]
fn bytes_stay_bounded_when_a_large_one_takes_the_place_of_many() {
    let allowed = 8 * MIB;
    let cache = AnswerCache::new(allowed);
    let small = allowed / answer(0).weight() as u64;
    for number in 0..small {
        cache.put(key(number), answer(0), LONG).unwrap();
    }
    assert_eq!(cache.entries.entry_count(), small);
    cache.put(key(small), answer(3 * MIB as usize), LONG).unwrap();
    let held = cache.entries.weighted_size();
    assert!(held <= allowed, "{held} bytes");
    assert!(cache.get(&key(small)).is_some());
}

#[test]
fn bytes_stay_bounded_when_many_put_at_once() {
    const THREADS: u64 = 8;
    let allowed = 16 * MIB;
    let cache = AnswerCache::new(allowed);
    thread::scope(|scope| {
        for part in 0..THREADS {
            let cache = &cache;
            scope.spawn(move || {
                for number in 0..200 {
                    cache.put(key(part * 1_000 + number), answer(MIB as usize), LONG).unwrap();
                    // Each of the others may be about to make room for its own.
                    let held: u64 = cache.entries.iter().map(|(_, entry)| entry.answer.weight() as u64).sum();
                    assert!(held <= allowed + 2 * THREADS * (MIB + 1_024), "{held}");
                }
            });
        }
    });
    let stats = cache.stats();
    assert!(stats.bytes <= allowed && stats.entries == 15, "{stats:?}");
    assert_eq!(stats.evictions + stats.entries, THREADS * 200);
}

#[test]
fn what_nobody_asks_for_goes_first() {
    let weight = answer(1_000).weight() as u64;
    let cache = AnswerCache::new(10 * weight);
    for number in 0..10 {
        cache.put(key(number), answer(1_000), LONG).unwrap();
    }
    cache.get(&key(0)).unwrap();
    for number in 10..15 {
        cache.put(key(number), answer(1_000), LONG).unwrap();
    }
    let kept: Vec<u64> = (0..15).filter(|number| cache.get(&key(*number)).is_some()).collect();
    assert_eq!(kept, [0, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
}

#[test]
fn each_answer_expires_in_its_own_time_which_reading_does_not_renew() {
    let cache = AnswerCache::new(MIB);
    cache.put(key(1), answer(10), Duration::from_millis(300)).unwrap();
    cache.put(key(2), answer(10), LONG).unwrap();
    let begun = Instant::now();
    while cache.get(&key(1)).is_some() {
        assert!(begun.elapsed() < Duration::from_secs(5), "it never expires");
        thread::sleep(Duration::from_millis(20));
    }
    assert!(begun.elapsed() >= Duration::from_millis(250), "it went early");
    assert!(cache.get(&key(2)).is_some());
    thread::sleep(Duration::from_millis(1_100));
    let stats = cache.stats();
    assert_eq!((stats.entries, stats.evictions), (1, 0), "what has expired takes no room, and was not evicted");
}

#[test]
fn a_second_answer_replaces_the_first_and_its_time() {
    let cache = AnswerCache::new(MIB);
    cache.put(key(1), answer(1_000), Duration::from_millis(100)).unwrap();
    cache.put(key(1), answer(10), LONG).unwrap();
    thread::sleep(Duration::from_millis(200));
    assert_eq!(cache.get(&key(1)).as_deref(), Some(&answer(10)));
    let stats = cache.stats();
    assert_eq!((stats.entries, stats.bytes, stats.evictions), (1, answer(10).weight() as u64, 0));
}

#[test]
fn what_is_too_large_is_refused_and_leaves_the_rest() {
    let cache = AnswerCache::new(16 * MIB);
    cache.put(key(1), answer(10), LONG).unwrap();
    let others = answer(0).bytes();
    assert_eq!(cache.put(key(1), answer(ENTRY_BYTES_MAX - others + 1), LONG), Err(TooLarge(ENTRY_BYTES_MAX + 1)));
    assert_eq!(cache.get(&key(1)).as_deref(), Some(&answer(10)));
    cache.put(key(1), answer(ENTRY_BYTES_MAX - others), LONG).unwrap();
    assert_eq!(cache.get(&key(1)).unwrap().bytes(), ENTRY_BYTES_MAX);
    let none = AnswerCache::new(0);
    none.put(key(1), answer(10), LONG).unwrap();
    assert_eq!(none.get(&key(1)), None);
}

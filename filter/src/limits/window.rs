//! How much was used within the last minute, in a few bytes that the workers of an Envoy share.
//!
//! Time is cut into buckets. The bucket that a minute begins in counts as a whole, so that no 60 seconds, wherever they
//! begin, hold more than was allowed; a full window has room again at most one bucket later than it could.

/// How far back a window looks.
pub const WINDOW_MS: u64 = 60_000;
/// How finely.
pub const BUCKET_MS: u64 = 250;
/// Age of the oldest bucket that counts.
const AGE_MAX: u8 = (WINDOW_MS / BUCKET_MS) as u8;
/// How far another worker may be ahead: this one may have been held up since it looked at the clock. A window that is
/// further ahead is from before the clock was put back, and means nothing any more.
const AHEAD_MS_MAX: u64 = WINDOW_MS;

/// What was used, by bucket; of those in which nothing was, none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Number of the bucket that new use is added to: milliseconds since 1970 by [`BUCKET_MS`].
    now: u64,
    /// Age in buckets and use, newest first.
    used: Vec<(u8, u32)>,
}

impl Window {
    /// What `bytes` hold, as of a time in ms since 1970. Bytes that are no window are an empty one.
    pub fn read(bytes: &[u8], now_ms: u64) -> Self {
        let now = now_ms / BUCKET_MS;
        let Some((then, entries)) = bytes.split_first_chunk() else { return Self { now, used: Vec::new() } };
        let then = u64::from_le_bytes(*then);
        if then > now + AHEAD_MS_MAX / BUCKET_MS {
            return Self { now, used: Vec::new() };
        }
        let now = now.max(then);
        let older = now - then;
        let (entries, _) = entries.as_chunks::<ENTRY_BYTES>();
        let used = entries.iter().map_while(|[age, count @ ..]| {
            let age = u8::try_from(older + u64::from(*age)).ok().filter(|age| *age <= AGE_MAX)?;
            Some((age, u32::from_le_bytes(*count)))
        });
        Self { now, used: used.collect() }
    }

    /// At most 1.2 KiB.
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(size_of::<u64>() + self.used.len() * ENTRY_BYTES);
        bytes.extend(self.now.to_le_bytes());
        for (age, count) in &self.used {
            bytes.push(*age);
            bytes.extend(count.to_le_bytes());
        }
        bytes
    }

    /// Use of the last minute.
    pub fn total(&self) -> u64 {
        self.used.iter().map(|(_, count)| u64::from(*count)).sum()
    }

    /// Adds use. Returns in which bucket, for [`Self::take_back`].
    pub fn add(&mut self, amount: u32) -> u64 {
        match self.used.first_mut() {
            Some((0, count)) => *count = count.saturating_add(amount),
            _ => self.used.insert(0, (0, amount)),
        }
        self.now
    }

    /// Undoes use that was added in a bucket.
    pub fn take_back(&mut self, bucket: u64, amount: u32) {
        let age = self.now.saturating_sub(bucket);
        if let Some((_, count)) = self.used.iter_mut().find(|(own, _)| u64::from(*own) == age) {
            *count = count.saturating_sub(amount);
        }
        self.used.retain(|(_, count)| *count > 0);
    }

    /// Milliseconds until no more than `left` is in use, if nothing is added.
    pub fn wait_ms(&self, left: u64, now_ms: u64) -> u64 {
        let mut total = self.total();
        let mut wait_ms = 0;
        for (age, count) in self.used.iter().rev() {
            if total <= left {
                break;
            }
            total = total.saturating_sub(u64::from(*count));
            let free = self.now + u64::from(AGE_MAX) + 1 - u64::from(*age);
            wait_ms = free.saturating_mul(BUCKET_MS).saturating_sub(now_ms);
        }
        wait_ms
    }
}

/// A byte for the age, four for the use, which come first those of the newest.
const ENTRY_BYTES: usize = 5;

#[cfg(test)]
mod tests {
    use super::{AGE_MAX, BUCKET_MS, WINDOW_MS, Window};

    fn at(bytes: &[u8], now_ms: u64) -> Window {
        Window::read(bytes, now_ms)
    }

    #[test]
    fn use_is_forgotten_after_a_minute() {
        let mut window = at(&[], 1_000_100);
        window.add(3);
        window.add(1);
        let bytes = window.write();
        assert_eq!(at(&bytes, 1_000_100), window);
        assert_eq!(at(&bytes, 1_000_100).total(), 4);
        // A minute later its bucket, which began 100 ms before, still counts.
        assert_eq!(at(&bytes, 1_060_100).total(), 4);
        assert_eq!(at(&bytes, 1_060_249).total(), 4);
        assert_eq!(at(&bytes, 1_060_250).total(), 0);
        assert_eq!(at(&bytes, u64::MAX).total(), 0);
    }

    #[test]
    fn the_wait_is_until_there_is_room() {
        let mut window = at(&[], 10_000);
        window.add(5);
        let mut window = at(&window.write(), 20_000);
        window.add(2);
        for (left, wait_ms) in [(7, 0), (6, 50_250), (2, 50_250), (1, 60_250), (0, 60_250)] {
            assert_eq!(window.wait_ms(left, 20_000), wait_ms, "{left}");
            if wait_ms > 0 {
                assert!(at(&window.write(), 20_000 + wait_ms - 1).total() > left);
                assert!(at(&window.write(), 20_000 + wait_ms).total() <= left);
            }
        }
    }

    #[test]
    fn what_is_taken_back_was_never_used() {
        let mut window = at(&[], 10_000);
        let bucket = window.add(1);
        let mut later = at(&window.write(), 10_600);
        later.add(2);
        later.take_back(bucket, 1);
        assert_eq!(later.total(), 2);
        let untouched = later.clone();
        later.take_back(1, 1);
        assert_eq!(later, untouched);
    }

    #[test]
    fn clocks_may_differ_a_little_and_may_be_put_back() {
        let mut window = at(&[], 9_000_000);
        window.add(4);
        let bytes = window.write();
        let mut behind = at(&bytes, 9_000_000 - 30_000);
        behind.add(1);
        assert_eq!(at(&behind.write(), 9_000_000).total(), 5);
        assert_eq!(at(&bytes, 9_000_000 - 3_600_000).total(), 0);
    }

    #[test]
    fn other_bytes_are_an_empty_window() {
        for bytes in [&b""[..], b"x", &[0xff; 9], &[0xff; 600]] {
            assert_eq!(at(bytes, 1_000_000).total(), 0, "{bytes:?}");
        }
    }

    #[test]
    fn a_full_window_is_small() {
        let mut bytes = Vec::new();
        for step in 0..1_000 {
            let mut window = at(&bytes, step * BUCKET_MS);
            window.add(u32::MAX);
            bytes = window.write();
        }
        assert_eq!(u64::from(AGE_MAX) * BUCKET_MS, WINDOW_MS);
        assert_eq!(bytes.len(), 8 + 241 * 5);
    }
}

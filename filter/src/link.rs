//! A gRPC stream to the control server that is opened again whenever it breaks, later and later, never in step with
//! other nodes.

/// Wait after the first failure.
pub const BACKOFF_FIRST_MS: u64 = 100;
/// Longest wait.
pub const BACKOFF_MAX_MS: u64 = 5_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Down {
        retry_at_ms: u64,
    },
    /// Opened; the server has said nothing yet.
    Opened {
        token: u32,
    },
    /// The server has answered.
    Up {
        token: u32,
    },
}

/// What a machine wants of its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    Open,
    Send {
        token: u32,
        message: Vec<u8>,
    },
    /// Ends it in order: what was sent still arrives.
    Close {
        token: u32,
    },
    /// Ends it at once.
    Cancel {
        token: u32,
    },
}

#[derive(Debug)]
pub struct Link {
    phase: Phase,
    failures: u32,
    random: u64,
}

impl Link {
    /// Any seed but 0; nodes should have different ones.
    pub fn new(seed: u64) -> Self {
        Self { phase: Phase::Down { retry_at_ms: 0 }, failures: 0, random: seed | 1 }
    }

    pub fn is_due(&self, now_ms: u64) -> bool {
        matches!(self.phase, Phase::Down { retry_at_ms } if retry_at_ms <= now_ms)
    }

    pub fn opened(&mut self, token: u32) {
        self.phase = Phase::Opened { token };
    }

    pub fn token(&self) -> Option<u32> {
        match self.phase {
            Phase::Down { .. } => None,
            Phase::Opened { token } | Phase::Up { token } => Some(token),
        }
    }

    /// The server said something: the next failure is a first one.
    pub fn heard(&mut self) {
        if let Phase::Opened { token } = self.phase {
            self.phase = Phase::Up { token };
            self.failures = 0;
        }
    }

    /// The stream is gone, or never came to be. Returns the wait.
    pub fn lost(&mut self, now_ms: u64) -> u64 {
        let longest = BACKOFF_FIRST_MS.saturating_mul(1 << self.failures.min(16)).min(BACKOFF_MAX_MS);
        self.failures = self.failures.saturating_add(1);
        // Between half and all of it.
        let wait_ms = longest / 2 + self.next_random() % (longest / 2 + 1);
        self.phase = Phase::Down { retry_at_ms: now_ms + wait_ms };
        wait_ms
    }

    /// A xorshift generator: spreads retries, guards nothing.
    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

#[cfg(test)]
mod tests {
    use super::{BACKOFF_MAX_MS, Link};

    #[test]
    fn waits_grow_to_a_limit_and_differ() {
        let mut link = Link::new(7);
        let waits: Vec<u64> = (0..20).map(|_| link.lost(0)).collect();
        assert!((50..=100).contains(&waits[0]));
        assert!((1_600..=3_200).contains(&waits[5]), "{waits:?}");
        assert!(waits[8..].iter().all(|wait| (BACKOFF_MAX_MS / 2..=BACKOFF_MAX_MS).contains(wait)));
        assert_ne!(Link::new(9).lost(0), Link::new(123_456).lost(0));
    }

    #[test]
    fn an_answer_starts_the_count_anew() {
        let mut link = Link::new(7);
        for _ in 0..10 {
            link.lost(0);
        }
        link.opened(3);
        assert!(!link.is_due(u64::MAX));
        link.heard();
        assert_eq!(link.token(), Some(3));
        let wait = link.lost(1_000);
        assert!(wait <= 100);
        assert!(!link.is_due(1_000 + wait - 1) && link.is_due(1_000 + wait));
    }
}

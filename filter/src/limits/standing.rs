//! What a client is told of its limits, in the headers that OpenAI's API has ("Rate limits in headers").

use crate::headers::name;

/// Where a client stands with its limits; none: there is no such limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub requests: Option<Level>,
    pub tokens: Option<Level>,
}

/// Of one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    pub limit: u32,
    pub remaining: u64,
    /// Until all of the limit remains, if nothing more is used.
    pub reset_ms: u64,
}

impl Standing {
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let of = |level: Option<Level>, [limit, remaining, reset]: [&'static str; 3]| {
            level.map(|level| {
                let Level { limit: number, remaining: left, reset_ms } = level;
                [(limit, number.to_string()), (remaining, left.to_string()), (reset, duration(reset_ms))]
            })
        };
        let requests =
            of(self.requests, [name::RATE_LIMIT_REQUESTS, name::RATE_REMAINING_REQUESTS, name::RATE_RESET_REQUESTS]);
        let tokens = of(self.tokens, [name::RATE_LIMIT_TOKENS, name::RATE_REMAINING_TOKENS, name::RATE_RESET_TOKENS]);
        requests.into_iter().chain(tokens).flatten().collect()
    }
}

/// As OpenAI writes it: `20ms`, `8.64s`, `1m0.25s`.
fn duration(ms: u64) -> String {
    const SECOND_MS: u64 = 1_000;
    const MINUTE_MS: u64 = 60 * SECOND_MS;
    if ms < SECOND_MS {
        return format!("{ms}ms");
    }
    let (minutes, rest_ms) = (ms / MINUTE_MS, ms % MINUTE_MS);
    let fraction = format!("{:03}", rest_ms % SECOND_MS);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    let seconds = format!("{}{point}{fraction}s", rest_ms / SECOND_MS);
    if minutes == 0 { seconds } else { format!("{minutes}m{seconds}") }
}

#[cfg(test)]
mod tests {
    use super::{Level, Standing, duration};

    #[test]
    fn durations_are_written_as_openai_does() {
        for (ms, text) in
            [(0, "0ms"), (20, "20ms"), (1_000, "1s"), (8_640, "8.64s"), (60_250, "1m0.25s"), (360_000, "6m0s")]
        {
            assert_eq!(duration(ms), text);
        }
    }

    #[test]
    fn a_limit_that_is_not_there_is_not_told() {
        let requests = Some(Level { limit: 5, remaining: 3, reset_ms: 1_500 });
        let expected = [
            ("x-ratelimit-limit-requests", "5"),
            ("x-ratelimit-remaining-requests", "3"),
            ("x-ratelimit-reset-requests", "1.5s"),
        ];
        let expected = expected.map(|(name, value)| (name, value.to_owned()));
        assert_eq!(Standing { requests, tokens: None }.headers(), expected);
        assert_eq!(Standing::default().headers(), []);
    }
}

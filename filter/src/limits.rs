//! Requests and tokens a minute, of keys and of models: exact within one Envoy, whose workers share the windows.
//!
//! A key or model without a limit costs nothing, not even a look. Nothing is ever taken out of what workers share: it
//! holds at most one window, of 1.3 KiB at most, for each limit that was ever met since Envoy began, and so no more than
//! there were keys and models that have limits.

mod standing;
mod store;
mod window;

use mux::refusal::{Code, Refusal};
use mux::route::{Aim, Caller};
use mux::snapshot::Key;
use proto::v1;

pub use standing::{Level, Standing};
pub use store::{Own, Store, Unavailable, Versioned, Written};
use window::Window;

/// How often a change is begun anew because another worker was faster. Each time that one's change was made, so that it
/// takes as many workers that change the same window at once; past it the request is refused as if there were no room.
const CHANGES_MAX: usize = 64;
/// When to come again after that.
const CONTENDED_MS: u64 = 1_000;

/// The limits of all keys and models, as this VM sees them.
#[derive(Debug)]
pub struct Limits {
    store: Box<dyn Store>,
}

/// There is no room: an answer of 429.
#[derive(Debug)]
pub struct Exceeded {
    pub refusal: Refusal,
    pub retry_after_s: u64,
    /// With the limit in question.
    pub standing: Standing,
}

/// The outcome of asking for room.
enum Asked {
    /// Given, in this bucket.
    Given(Level, u64),
    Full(Level, u64),
}

impl Default for Limits {
    fn default() -> Self {
        Self::new(Box::new(Own::default()))
    }
}

impl Limits {
    pub fn new(store: Box<dyn Store>) -> Self {
        Self { store }
    }

    /// Takes room for one request, or none at all. A store that does not answer refuses nobody.
    pub fn admit(&self, caller: &Caller, aim: &Aim, now_ms: u64) -> Result<Standing, Box<Exceeded>> {
        let key = caller.key.as_deref();
        let tokens = key.and_then(|key| Some((key, key.tokens_per_minute()?)));
        let requests = key.and_then(|key| Some((key, key.requests_per_minute()?)));
        let mut standing = Standing::default();
        if let Some((key, limit)) = tokens {
            let window = self.window(&tokens_of(key.id), now_ms);
            let level = level(&window, limit, now_ms);
            if level.remaining == 0 {
                let wait_ms = window.wait_ms(u64::from(limit) - 1, now_ms);
                let standing = Standing { tokens: Some(level), requests: None };
                return Err(exceeded(&format!("This key's limit of {limit} tokens a minute"), wait_ms, standing));
            }
            standing.tokens = Some(level);
        }
        let mut taken = None;
        if let Some((key, limit)) = requests {
            match self.take(&requests_of(key), limit, now_ms) {
                Asked::Given(level, bucket) => {
                    standing.requests = Some(level);
                    taken = Some((key, bucket));
                }
                Asked::Full(level, wait_ms) => {
                    let standing = Standing { requests: Some(level), ..standing };
                    return Err(exceeded(&format!("This key's limit of {limit} requests a minute"), wait_ms, standing));
                }
            }
        }
        if let (Some(limit), Some(alias)) = (aim.requests_per_minute, &aim.alias) {
            let window = format!("requests/model/{}/{alias}", caller.workspace.name);
            if let Asked::Full(level, wait_ms) = self.take(&window, limit, now_ms) {
                if let Some((key, bucket)) = taken {
                    self.change(&requests_of(key), now_ms, |window| window.take_back(bucket, 1));
                }
                let standing = Standing { requests: Some(level), tokens: None };
                return Err(exceeded(
                    &format!("The limit of `{alias}`, {limit} requests a minute,"),
                    wait_ms,
                    standing,
                ));
            }
        }
        Ok(standing)
    }

    /// Counts the tokens of a request that has ended, estimated ones too.
    pub fn spend(&self, key: u64, attempts: &[v1::Attempt], now_ms: u64) {
        let usages = attempts.iter().filter_map(|attempt| attempt.usage.as_ref());
        let tokens: u64 = usages.map(|usage| usage.input_tokens.saturating_add(usage.output_tokens)).sum();
        let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
        if tokens > 0 {
            self.change(&tokens_of(key), now_ms, |window| window.add(tokens));
        }
    }

    fn window(&self, key: &str, now_ms: u64) -> Window {
        let held = self.store.read(key).ok().flatten();
        Window::read(held.as_ref().map_or(&[], |(bytes, _)| bytes), now_ms)
    }

    fn take(&self, key: &str, limit: u32, now_ms: u64) -> Asked {
        let taken = self.change(key, now_ms, |window| {
            let is_free = window.total() < u64::from(limit);
            let bucket = is_free.then(|| window.add(1));
            let wait_ms = window.wait_ms(u64::from(limit) - 1, now_ms);
            (level(window, limit, now_ms), bucket.ok_or(wait_ms))
        });
        match taken {
            Changed::Yes((level, Ok(bucket))) => Asked::Given(level, bucket),
            Changed::Yes((level, Err(wait_ms))) => Asked::Full(level, wait_ms),
            Changed::Contended => Asked::Full(Level { limit, remaining: 0, reset_ms: CONTENDED_MS }, CONTENDED_MS),
            Changed::Unavailable => Asked::Given(Level { limit, remaining: u64::from(limit), reset_ms: 0 }, 0),
        }
    }

    /// Changes a window as if nobody else did at the same time.
    fn change<T>(&self, key: &str, now_ms: u64, act: impl Fn(&mut Window) -> T) -> Changed<T> {
        for _ in 0..CHANGES_MAX {
            let Ok(held) = self.store.read(key) else { return Changed::Unavailable };
            let (bytes, version) = held.map_or((Vec::new(), None), |(bytes, version)| (bytes, Some(version)));
            let mut window = Window::read(&bytes, now_ms);
            let before = window.clone();
            let outcome = act(&mut window);
            if window == before {
                return Changed::Yes(outcome);
            }
            match self.store.write(key, &window.write(), version) {
                Ok(Written::Yes) => return Changed::Yes(outcome),
                Ok(Written::TooLate) => {}
                Err(Unavailable) => return Changed::Unavailable,
            }
        }
        Changed::Contended
    }
}

enum Changed<T> {
    Yes(T),
    /// [`CHANGES_MAX`] was not enough.
    Contended,
    Unavailable,
}

fn requests_of(key: &Key) -> String {
    format!("requests/key/{}", key.id)
}

fn tokens_of(key: u64) -> String {
    format!("tokens/key/{key}")
}

fn level(window: &Window, limit: u32, now_ms: u64) -> Level {
    let remaining = u64::from(limit).saturating_sub(window.total());
    Level { limit, remaining, reset_ms: window.wait_ms(0, now_ms) }
}

fn exceeded(what: &str, wait_ms: u64, standing: Standing) -> Box<Exceeded> {
    let retry_after_s = wait_ms.div_ceil(1_000).max(1);
    let message = format!("{what} is reached; there is room again in {retry_after_s} s.");
    Box::new(Exceeded { refusal: Refusal::new(Code::RateLimited, message), retry_after_s, standing })
}

#[cfg(test)]
mod tests;

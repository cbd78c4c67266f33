//! One request from its first byte to its record: what the route role and the attempts share, and who finishes it.
//!
//! Contexts end in no fixed order (when a client hangs up, the route role ends before the attempt does), so the record
//! is made when the last of them has ended.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use mux::config::{Model, Provider};
use mux::endpoint::Endpoint;
use mux::route::{Translation, UsageChunk};
use mux::usage::{BYTES_PER_TOKEN, Usage};
use proto::v1;

use crate::limits::Standing;

pub type Shared = Rc<RefCell<Exchange>>;

/// What the attempt role needs to send a request to its target.
#[derive(Debug)]
pub struct Target {
    pub provider: Rc<Provider>,
    pub model: Model,
    /// The provider's, which is not the client's if the request was translated.
    pub endpoint: Endpoint,
    /// Query of the client's path, with its `?`.
    pub query: String,
    pub usage_chunk: UsageChunk,
    /// None: the provider speaks the client's dialect.
    pub translation: Option<Translation>,
    /// Headers in which the client sent a credential.
    pub credentials: Vec<&'static str>,
}

/// How the client's side ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Downstream {
    Open,
    /// The whole answer went out.
    Complete,
    /// The client went away first.
    Disconnected,
    /// The answer was cut on the provider's side.
    Cut,
}

/// One try, as far as it came.
#[derive(Debug, Default)]
pub struct Try {
    pub started_ms: u64,
    pub status: u16,
    pub first_byte_ms: u64,
    pub ended_ms: u64,
    pub outcome: TryOutcome,
}

/// What is known of the tokens of a try.
#[derive(Debug, Default)]
pub enum TryOutcome {
    /// Nothing of an answer came.
    #[default]
    Unanswered,
    /// The answer did not come to its end: guessed from what came.
    Cut(Usage),
    /// Came to its end without a word on usage.
    Silent,
    Said(Usage),
}

#[derive(Debug)]
pub struct Exchange {
    pub record: v1::RequestRecord,
    pub target: Option<Target>,
    pub downstream: Downstream,
    pub tries: Vec<Try>,
    /// Contexts that have not ended yet, the route role's included.
    pub open: usize,
    pub number: u64,
    /// Status of the answer that an attempt has let pass and the route role has not seen yet.
    pub answering: Cell<Option<u16>>,
    /// What the client's key has left.
    pub standing: Standing,
}

impl Exchange {
    /// The record, complete. `now_ms` is when the last context ended.
    fn finish(&mut self, now_ms: u64) -> v1::RequestRecord {
        let mut record = std::mem::take(&mut self.record);
        record.duration_ms = elapsed(record.started_at_unix_ms, now_ms);
        match self.downstream {
            Downstream::Disconnected => record.outcome = "client_disconnected".into(),
            Downstream::Cut if record.outcome.is_empty() => record.outcome = "answer_cut".into(),
            _ => {}
        }
        let tries = std::mem::take(&mut self.tries);
        let bytes = record.request_bytes;
        record.attempts = tries.into_iter().zip(1..).map(|(one, number)| self.attempt(one, number, bytes)).collect();
        record
    }

    fn attempt(&self, one: Try, number: u32, request_bytes: u64) -> v1::Attempt {
        let Try { started_ms, status, first_byte_ms, ended_ms, outcome } = one;
        let usage = match outcome {
            TryOutcome::Said(usage) => Some(reported(usage, false)),
            TryOutcome::Silent => None,
            TryOutcome::Cut(usage) => Some(reported(usage, true)),
            // The provider had the prompt and may charge for it, unless it never answered at all of its own accord.
            TryOutcome::Unanswered if self.downstream == Downstream::Disconnected => {
                let input_tokens = request_bytes.div_ceil(BYTES_PER_TOKEN);
                Some(reported(Usage { input_tokens, ..Usage::default() }, true))
            }
            TryOutcome::Unanswered => None,
        };
        let (provider, model) = self
            .target
            .as_ref()
            .map(|target| (target.provider.name.to_string(), target.model.id.to_string()))
            .unwrap_or_default();
        v1::Attempt {
            number,
            provider,
            model,
            status: status.into(),
            duration_ms: elapsed(started_ms, ended_ms),
            first_byte_ms: if first_byte_ms == 0 { 0 } else { elapsed(started_ms, first_byte_ms) },
            usage,
        }
    }
}

fn elapsed(from_ms: u64, to_ms: u64) -> u32 {
    u32::try_from(to_ms.saturating_sub(from_ms)).unwrap_or(u32::MAX)
}

fn reported(usage: Usage, estimated: bool) -> v1::Usage {
    let Usage { input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, raw } = usage;
    v1::Usage { input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, estimated, raw }
}

/// All exchanges under way in this VM, by number.
#[derive(Debug, Default)]
pub struct Exchanges {
    under_way: HashMap<u64, Shared>,
    last_number: u64,
}

impl Exchanges {
    /// The number of the next exchange.
    pub fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    pub fn begin(&mut self, exchange: Exchange) -> Shared {
        let number = exchange.number;
        let shared = Rc::new(RefCell::new(exchange));
        self.under_way.insert(number, Rc::clone(&shared));
        shared
    }

    pub fn find(&self, number: u64) -> Option<&Shared> {
        self.under_way.get(&number)
    }

    /// One of its contexts has ended; gives the record when it was the last.
    pub fn end_one(&mut self, shared: &Shared, now_ms: u64) -> Option<v1::RequestRecord> {
        let mut exchange = shared.borrow_mut();
        exchange.open = exchange.open.saturating_sub(1);
        if exchange.open > 0 {
            return None;
        }
        self.under_way.remove(&exchange.number);
        Some(exchange.finish(now_ms))
    }

    pub fn len(&self) -> usize {
        self.under_way.len()
    }

    pub fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }
}

//! One request from its first byte to its record: what the route role and the attempts share, and who finishes it.
//!
//! Contexts end in no fixed order (when a client hangs up, the route role ends before the attempt does), so the record
//! is made when the last of them has ended.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use mux::dialect::Dialect;
use mux::usage::{BYTES_PER_TOKEN, Usage};
use proto::v1;

use crate::balance::Verdict;
use crate::cache::Keeping;
use crate::limits::Standing;
use crate::plan::{Deployed, Plan};
use crate::vm::Vm;

pub type Shared = Rc<RefCell<Exchange>>;

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
    /// Which of the plan's targets it is for.
    pub target: usize,
    /// Fields that the target's dialect cannot express and that change no meaning.
    pub dropped: Vec<&'static str>,
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
    pub client: Dialect,
    pub plan: Plan,
    pub downstream: Downstream,
    pub tries: Vec<Try>,
    /// Contexts that have not ended yet, the route role's included.
    pub open: usize,
    pub number: u64,
    /// Status of the answer that an attempt has let pass and the route role has not seen yet.
    pub answering: Cell<Option<u16>>,
    /// What the client's key has left.
    pub standing: Standing,
    /// How its answer is kept; none: it is not.
    pub keeping: Option<Keeping>,
}

impl Exchange {
    /// What a try says of its target.
    pub fn note(&self, vm: &mut Vm, index: usize, verdict: Verdict) {
        let Some(Deployed { workspace, deployment }) = &self.plan.deployment else { return };
        let aim = self.tries.get(index).and_then(|one| self.plan.tries.get(one.target));
        if let Some(alias) = aim.and_then(|aim| aim.alias.as_ref()) {
            vm.balances.note(&workspace.name, deployment, alias, verdict, vm.now_ms);
        }
    }

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
        let Try { target, dropped: _, started_ms, status, first_byte_ms, ended_ms, outcome } = one;
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
        let aim = self.plan.tries.get(target);
        let (provider, model) =
            aim.map(|aim| (aim.provider.name.to_string(), aim.model.id.to_string())).unwrap_or_default();
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

pub fn elapsed(from_ms: u64, to_ms: u64) -> u32 {
    u32::try_from(to_ms.saturating_sub(from_ms)).unwrap_or(u32::MAX)
}

pub fn reported(usage: Usage, estimated: bool) -> v1::Usage {
    let Usage { input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, raw } = usage;
    v1::Usage { input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, estimated, raw }
}

/// All exchanges under way in this VM, by number.
#[derive(Debug, Default)]
pub struct Exchanges {
    under_way: HashMap<u64, Shared>,
    last_number: u64,
    kept_bytes: usize,
}

impl Exchanges {
    /// The number of the next exchange.
    pub fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    pub fn begin(&mut self, exchange: Exchange) -> Shared {
        let number = exchange.number;
        self.kept_bytes += exchange.plan.kept_bytes();
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
        self.kept_bytes = self.kept_bytes.saturating_sub(exchange.plan.kept_bytes());
        Some(exchange.finish(now_ms))
    }

    /// Bytes of clients' bodies that are kept for further tries.
    pub fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    pub fn len(&self) -> usize {
        self.under_way.len()
    }

    pub fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }
}

//! The attempt role: one try at one target, as an upstream filter. Headers only on the way out; on the way back it
//! reads usage and passes bytes on.

use std::rc::Rc;

use mux::config::{Auth, KeyHeader};
use mux::dialect::Dialect;
use mux::refusal::{Code, Refusal};
use mux::route::UsageChunk;

use crate::answer::Answer;
use crate::effect::{Effect, Flow, Reply, Step};
use crate::exchange::{Exchange, Shared, Try, TryOutcome};
use crate::headers::{Headers, PASSED_ON, is_ours, is_rate_limit, name};
use crate::limits::Standing;
use crate::translated::Whole;
use crate::vm::Vm;

/// One upstream stream.
#[derive(Debug, Default)]
pub enum Attempt {
    #[default]
    Start,
    /// Sent; no answer yet.
    Sent {
        exchange: Shared,
        index: usize,
    },
    Answered {
        exchange: Shared,
        index: usize,
        answer: Answer,
    },
    /// Not a request of the route role's, or over.
    Idle,
}

impl Attempt {
    /// The headers of the try, by the request id that the route role gave them.
    pub fn request_headers(&mut self, vm: &mut Vm, request_id: Option<&str>) -> Step {
        let number = request_id.and_then(|id| vm.number_in(id));
        let Some(exchange) = number.and_then(|number| vm.exchanges.find(number)) else {
            *self = Self::Idle;
            let refusal = Refusal::new(Code::Internal, "The request came past the routing filter.");
            return Step::reply(Reply::refusal(&refusal, Dialect::Chat));
        };
        let effects = send(&exchange.borrow());
        let index = begin_try(&mut exchange.borrow_mut(), vm.now_ms);
        *self = Self::Sent { exchange: Rc::clone(exchange), index };
        Step::with(Flow::Continue, effects)
    }

    pub fn response_headers(&mut self, now_ms: u64, headers: &Headers, is_last: bool) -> Step {
        let Self::Sent { exchange, index } = std::mem::replace(self, Self::Idle) else { return Step::on() };
        let status = headers.get(name::STATUS).and_then(|status| status.parse().ok()).unwrap_or(0);
        // The client's own limits are told instead of those that the gateway has with the provider.
        let is_limited = exchange.borrow().standing != Standing::default();
        let (answer, passed_on) = {
            let mut exchange = exchange.borrow_mut();
            if let Some(one) = exchange.tries.get_mut(index) {
                one.status = status;
                one.first_byte_ms = now_ms;
            }
            let mut answer = answer_of(&exchange, now_ms, status, headers);
            let passed_on = if is_last { answer.end_empty(status) } else { status };
            exchange.answering.set(Some(passed_on));
            (answer, passed_on)
        };
        let misplaced = |own: &&str| {
            is_ours(own)
                || (*own == name::CONTENT_LENGTH && answer.changes_length())
                || (is_limited && is_rate_limit(own))
        };
        let removed = headers.names().filter(misplaced).map(|own| Effect::RemoveResponseHeader(own.into()));
        let changed = (passed_on != status).then(|| Effect::SetResponseHeader(name::STATUS, passed_on.to_string()));
        let effects = removed.chain(changed).collect();
        let flow = if answer.is_held() && !is_last { Flow::Pause } else { Flow::Continue };
        *self = Self::Answered { exchange, index, answer };
        Step::with(flow, effects)
    }

    /// Whether an answer is read at all.
    pub fn is_reading(&self) -> bool {
        matches!(self, Self::Answered { answer, .. } if answer.looks())
    }

    /// Whether the bytes of the next chunk are worth copying in: of an answer that is held back, all of them at its end.
    pub fn looks_at(&self, is_last: bool) -> bool {
        matches!(self, Self::Answered { answer, .. } if answer.looks() && (is_last || !answer.is_held()))
    }

    /// The next chunk; of an answer that is held back, the last one is all of it.
    pub fn response_chunk(&mut self, chunk: &[u8], is_last: bool) -> Step {
        let Self::Answered { exchange, answer, .. } = self else { return Step::on() };
        match answer {
            Answer::Translated(translated) if translated.is_held() => {
                if !is_last {
                    return Step::hold();
                }
                let Whole { status, body } = translated.whole(chunk);
                exchange.borrow().answering.set(Some(status));
                let effects = vec![
                    Effect::SetResponseHeader(name::STATUS, status.to_string()),
                    Effect::SetResponseHeader(name::CONTENT_TYPE, "application/json".into()),
                    Effect::RemoveResponseHeader(name::CONTENT_ENCODING.into()),
                    Effect::SetResponseHeader(name::CONTENT_LENGTH, body.len().to_string()),
                    Effect::ReplaceResponseBody(body),
                ];
                Step::with(Flow::Continue, effects)
            }
            _ => {
                let effects = answer.chunk(chunk, is_last).map(Effect::ReplaceResponseBody);
                Step::with(Flow::Continue, effects.into_iter().collect())
            }
        }
    }

    /// Envoy is done with the try.
    pub fn done(&mut self, vm: &mut Vm) {
        let (exchange, index, answer) = match std::mem::replace(self, Self::Idle) {
            Self::Sent { exchange, index } => (exchange, index, None),
            Self::Answered { exchange, index, answer } => (exchange, index, Some(answer)),
            Self::Start | Self::Idle => return,
        };
        {
            let mut exchange = exchange.borrow_mut();
            let request_bytes = exchange.record.request_bytes;
            if let Some(one) = exchange.tries.get_mut(index) {
                one.ended_ms = vm.now_ms;
                one.outcome = answer.map_or(TryOutcome::Unanswered, |mut answer| answer.outcome(request_bytes));
            }
        }
        vm.end_one(&exchange);
    }
}

/// How the answer of this status is read.
fn answer_of(exchange: &Exchange, now_ms: u64, status: u16, headers: &Headers) -> Answer {
    let (kind, encoding) = (headers.get(name::CONTENT_TYPE), headers.get(name::CONTENT_ENCODING));
    let Some(target) = &exchange.target else {
        return Answer::new(Dialect::Chat, status, kind, encoding, UsageChunk::Keep);
    };
    let dialect = target.endpoint.dialect();
    match &target.translation {
        Some(translation) => {
            let mut translation = translation.clone();
            translation.asked.now = now_ms / 1_000;
            Answer::translated(dialect, status, kind, translation)
        }
        None => Answer::new(dialect, status, kind, encoding, target.usage_chunk),
    }
}

fn begin_try(exchange: &mut Exchange, now_ms: u64) -> usize {
    exchange.tries.push(Try { started_ms: now_ms, ..Try::default() });
    exchange.open += 1;
    exchange.answering.set(None);
    exchange.tries.len() - 1
}

/// What makes a request the target's own: path, host and credential; nothing of the gateway's goes along.
fn send(exchange: &Exchange) -> Vec<Effect> {
    let Some(target) = &exchange.target else { return Vec::new() };
    let provider = &target.provider;
    let mut effects = vec![
        Effect::SetRequestHeader(
            name::PATH,
            format!("{}{}{}", provider.base_path, target.endpoint.path(), target.query),
        ),
        Effect::SetRequestHeader(name::AUTHORITY, provider.authority.to_string()),
        Effect::RemoveRequestHeader(name::CLUSTER.into()),
        Effect::RemoveRequestHeader(name::REQUEST_ID.into()),
    ];
    if exchange.record.key > 0 {
        effects.push(Effect::RemoveRequestHeader(name::KEY.into()));
    }
    let own = own_credential(&provider.auth);
    for credential in &target.credentials {
        let is_replaced = own.as_ref().is_some_and(|(name, _)| name == credential);
        let goes_on = provider.auth == Auth::Passthrough && PASSED_ON.contains(credential);
        if !is_replaced && !goes_on {
            effects.push(Effect::RemoveRequestHeader((*credential).into()));
        }
    }
    effects.extend(own.map(|(name, value)| Effect::SetRequestHeader(name, value)));
    effects
}

/// The header in which a provider gets its own key, and its value.
fn own_credential(auth: &Auth) -> Option<(&'static str, String)> {
    match auth {
        Auth::None | Auth::Passthrough => None,
        Auth::Key { header: KeyHeader::Bearer, key } => Some((name::AUTHORIZATION, format!("Bearer {key}"))),
        Auth::Key { header: KeyHeader::XApiKey, key } => Some((name::X_API_KEY, key.to_string())),
    }
}

//! The attempt role: one try at one target, as an upstream filter. Headers only on the way out; on the way back it
//! reads usage and passes bytes on.

use std::rc::Rc;

use mux::config::{Auth, KeyHeader};
use mux::dialect::Dialect;
use mux::refusal::{Code, Refusal};
use proto::v1;

use crate::answer::Answer;
use crate::balance::Verdict;
use crate::cache::Collecting;
use crate::effect::{Effect, Flow, Reply, Step};
use crate::exchange::{Downstream, Exchange, Shared, Try, TryOutcome, reported};
use crate::headers::{Headers, PASSED_ON, is_ours, is_rate_limit, name};
use crate::limits::Standing;
use crate::plan::{ClientHeader, Next, Picked, Plan, Sent};
use crate::translated::Whole;
use crate::vm::Vm;

/// For clients that do not say which version of Anthropic's API they speak.
const ANTHROPIC_VERSION: &str = "2023-06-01";
/// What a translated answer is, unless it is a stream.
const JSON: &str = "application/json";

/// One upstream stream.
#[derive(Debug, Default)]
pub enum Attempt {
    #[default]
    Start,
    /// Held until its body can be replaced.
    Replacing { one: OneTry, body: Vec<u8> },
    /// Sent; no answer yet.
    Sent(OneTry),
    Answered {
        one: OneTry,
        answer: Answer,
        /// None: it will not be kept.
        collecting: Option<Box<Collecting>>,
    },
    /// Not a request of the route role's, or over.
    Idle,
}

/// A try of an exchange.
#[derive(Debug)]
pub struct OneTry {
    exchange: Shared,
    /// In the exchange's list of tries.
    index: usize,
    sent: Sent,
}

impl Attempt {
    /// The headers of the try, by the request id that the route role gave them.
    pub fn request_headers(&mut self, vm: &mut Vm, request_id: Option<&str>, picked: &Picked) -> Step {
        *self = Self::Idle;
        let found = request_id.and_then(|id| vm.number_in(id)).and_then(|number| vm.exchanges.find(number));
        let Some(exchange) = found.map(Rc::clone) else {
            let refusal = Refusal::new(Code::Internal, "The request came past the routing filter.");
            return Step::reply(Reply::refusal(&refusal, Dialect::Chat));
        };
        let (effects, body, sent, target) = {
            let own = exchange.borrow();
            let target = own.plan.target_of(picked);
            let next = match target.and_then(|target| own.plan.next(target)) {
                Ok(next) => next,
                Err(refusal) => return Step::reply(Reply::refusal(&refusal, own.client)),
            };
            let mut effects = send(&own.plan, &next);
            if own.record.key > 0 && own.tries.is_empty() {
                effects.push(Effect::RemoveRequestHeader(name::KEY.into()));
            }
            let Next { index, sent, body, .. } = next;
            if let Some(body) = &body {
                effects.push(Effect::SetRequestHeader(name::CONTENT_LENGTH, body.len().to_string()));
            }
            (effects, body, sent, index)
        };
        let dropped = sent.translation.as_ref().map_or_else(Vec::new, |translation| translation.dropped.clone());
        vm.counts.fields_dropped += dropped.len() as u64;
        let index =
            begin_try(&mut exchange.borrow_mut(), Try { target, dropped, started_ms: vm.now_ms, ..Try::default() });
        let one = OneTry { exchange, index, sent };
        match body {
            None => {
                *self = Self::Sent(one);
                Step::with(Flow::Continue, effects)
            }
            Some(body) => {
                *self = Self::Replacing { one, body };
                Step::with(Flow::Pause, effects)
            }
        }
    }

    /// More of the body has come, and whether it is the end.
    pub fn request_chunk(&mut self, is_last: bool) -> Step {
        match std::mem::replace(self, Self::Idle) {
            Self::Replacing { one, body } if is_last => {
                *self = Self::Sent(one);
                Step::with(Flow::Continue, vec![Effect::ReplaceRequestBody(body)])
            }
            held @ Self::Replacing { .. } => {
                *self = held;
                Step::hold()
            }
            other => {
                *self = other;
                Step::on()
            }
        }
    }

    pub fn response_headers(&mut self, vm: &mut Vm, headers: &Headers, is_last: bool) -> Step {
        let (Self::Sent(one) | Self::Replacing { one, .. }) = std::mem::replace(self, Self::Idle) else {
            return Step::on();
        };
        let status = headers.get(name::STATUS).and_then(|status| status.parse().ok()).unwrap_or(0);
        one.note_answer(vm, status, headers);
        let mut answer = one.answer(vm.now_ms, status, headers);
        let passed_on = if is_last { answer.end_empty(status) } else { status };
        one.exchange.borrow().answering.set(Some(passed_on));
        let is_held = answer.is_held() && !is_last;
        // The client's own limits are told instead of those that the gateway has with the provider.
        let is_limited = one.exchange.borrow().standing != Standing::default();
        let misplaced = |own: &&str| {
            is_ours(own)
                || (*own == name::CONTENT_LENGTH && answer.changes_length())
                || (*own == name::CONTENT_ENCODING && is_held)
                || (is_limited && is_rate_limit(own))
        };
        let removed = headers.names().filter(misplaced).map(|own| Effect::RemoveResponseHeader(own.into()));
        let set_status = (passed_on != status).then(|| (name::STATUS, passed_on.to_string()));
        let kind =
            (is_held && headers.get(name::CONTENT_TYPE) != Some(JSON)).then(|| (name::CONTENT_TYPE, JSON.into()));
        let set = set_status.into_iter().chain(kind).map(|(name, value)| Effect::SetResponseHeader(name, value));
        let effects = removed.chain(set).collect();
        let flow = if is_held { Flow::Pause } else { Flow::Continue };
        let collecting = one.collecting(vm, &answer, passed_on).filter(|_| !is_last);
        *self = Self::Answered { one, answer, collecting };
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
        let Self::Answered { one, answer, collecting } = self else { return Step::on() };
        match answer {
            Answer::Translated(translated) if translated.is_held() => {
                if !is_last {
                    return Step::hold();
                }
                let Whole { status, body } = translated.whole(chunk);
                if let (200, Some(collecting)) = (status, collecting) {
                    collecting.push(&body, true);
                }
                let is_other = one.exchange.borrow().answering.replace(Some(status)) != Some(status);
                let changed = is_other.then(|| Effect::SetResponseHeader(name::STATUS, status.to_string()));
                let length = Effect::SetResponseHeader(name::CONTENT_LENGTH, body.len().to_string());
                let effects = changed.into_iter().chain([length, Effect::ReplaceResponseBody(body)]);
                Step::with(Flow::Continue, effects.collect())
            }
            _ => {
                let out = answer.chunk(chunk, is_last);
                if let Some(collecting) = collecting {
                    // A chunk of usage that only the gateway asked for is part of the answer that is kept.
                    let is_translated = matches!(answer, Answer::Translated(_));
                    collecting.push(if is_translated { out.as_deref().unwrap_or_default() } else { chunk }, is_last);
                }
                Step::with(Flow::Continue, out.map(Effect::ReplaceResponseBody).into_iter().collect())
            }
        }
    }

    /// Envoy is done with the try.
    pub fn done(&mut self, vm: &mut Vm) {
        let (one, answer, collecting) = match std::mem::replace(self, Self::Idle) {
            Self::Sent(one) | Self::Replacing { one, .. } => (one, None, None),
            Self::Answered { one, answer, collecting } => (one, Some(answer), collecting),
            Self::Start | Self::Idle => return,
        };
        let OneTry { exchange, index, sent: _ } = one;
        {
            let mut own = exchange.borrow_mut();
            let request_bytes = own.record.request_bytes;
            let outcome = answer.map_or(TryOutcome::Unanswered, |mut answer| answer.outcome(request_bytes));
            if let Some(collecting) = collecting {
                keep(vm, &own, index, *collecting, &outcome);
            }
            let broke = matches!(outcome, TryOutcome::Unanswered | TryOutcome::Cut(_));
            let status = own.tries.get(index).map_or(0, |one| one.status);
            if broke && own.downstream != Downstream::Disconnected && !own.plan.retries_on(status) {
                own.note(vm, index, Verdict::Failure { retry_after_ms: None });
            }
            if let Some(own) = own.tries.get_mut(index) {
                own.ended_ms = vm.now_ms;
                own.outcome = outcome;
            }
        }
        vm.end_one(&exchange);
    }
}

/// Keeps an answer that is over, if it is complete.
fn keep(vm: &mut Vm, own: &Exchange, index: usize, collecting: Collecting, outcome: &TryOutcome) {
    let usage = if let TryOutcome::Said(usage) = outcome { Some(usage) } else { None };
    let aim = own.tries.get(index).and_then(|one| own.plan.tries.get(one.target));
    let (Some(keeping), Some(aim), Some(body)) = (&own.keeping, aim, collecting.finish(usage)) else { return };
    let answer = v1::CachedAnswer {
        body,
        provider: aim.provider.name.to_string(),
        model: aim.model.id.to_string(),
        usage: usage.map(|usage| reported(usage.clone(), false)),
        stored_at_unix_ms: vm.now_ms,
    };
    vm.cache.put(keeping, answer);
}

impl OneTry {
    /// What becomes of an answer that may be kept.
    fn collecting(&self, vm: &Vm, answer: &Answer, status: u16) -> Option<Box<Collecting>> {
        let own = self.exchange.borrow();
        own.keeping.filter(|_| status == 200 && answer.looks())?;
        Some(Box::new(Collecting::new(own.client, answer.is_stream(), vm.cache.room.clone())))
    }

    /// An answer has begun: what that says of its target.
    fn note_answer(&self, vm: &mut Vm, status: u16, headers: &Headers) {
        let mut own = self.exchange.borrow_mut();
        if let Some(one) = own.tries.get_mut(self.index) {
            one.status = status;
            one.first_byte_ms = vm.now_ms;
        }
        let verdict = if own.plan.retries_on(status) {
            let seconds = headers.get(name::RETRY_AFTER).and_then(|text| text.trim().parse::<u64>().ok());
            Verdict::Failure { retry_after_ms: seconds.map(|seconds| seconds.saturating_mul(1_000)) }
        } else {
            Verdict::Success
        };
        own.note(vm, self.index, verdict);
    }

    /// How the answer of this status is read.
    fn answer(&self, now_ms: u64, status: u16, headers: &Headers) -> Answer {
        let (kind, encoding) = (headers.get(name::CONTENT_TYPE), headers.get(name::CONTENT_ENCODING));
        let Sent { endpoint, usage_chunk, translation } = &self.sent;
        match translation {
            Some(translation) => {
                let mut translation = translation.clone();
                translation.asked.now = now_ms / 1_000;
                Answer::translated(endpoint.dialect(), status, kind, translation)
            }
            None => Answer::new(endpoint.dialect(), status, kind, encoding, *usage_chunk),
        }
    }
}

fn begin_try(exchange: &mut Exchange, one: Try) -> usize {
    exchange.tries.push(one);
    exchange.open += 1;
    exchange.answering.set(None);
    exchange.tries.len() - 1
}

/// What makes a request the target's own: path, host and credential; nothing of the gateway's goes along. The headers of
/// one try are those that the next one begins with.
fn send(plan: &Plan, next: &Next) -> Vec<Effect> {
    let Next { index: _, aim, sent, body: _ } = next;
    let provider = &aim.provider;
    // A query of one API means nothing to another.
    let query = if sent.translation.is_some() { "" } else { &plan.query };
    let mut effects = vec![
        Effect::SetRequestHeader(name::PATH, format!("{}{}{query}", provider.base_path, sent.endpoint.path())),
        Effect::SetRequestHeader(name::AUTHORITY, provider.authority.to_string()),
        Effect::RemoveRequestHeader(name::CLUSTER.into()),
        Effect::RemoveRequestHeader(name::REQUEST_ID.into()),
    ];
    vendor_headers(plan, next, &mut effects);
    credentials(plan, next, &mut effects);
    effects
}

fn vendor_headers(plan: &Plan, next: &Next, effects: &mut Vec<Effect>) {
    let Next { index, sent, .. } = next;
    let goes_on = sent.translation.is_none();
    for ClientHeader { name, value } in &plan.vendor {
        match value {
            _ if !goes_on => effects.push(Effect::RemoveRequestHeader((*name).into())),
            Some(value) if *index > 0 => effects.push(Effect::SetRequestHeader(name, value.clone())),
            _ => {}
        }
    }
    let is_said = goes_on && plan.vendor.iter().any(|own| own.name == name::ANTHROPIC_VERSION);
    match sent.endpoint.dialect() {
        Dialect::Messages if is_said => {}
        Dialect::Messages => {
            effects.push(Effect::SetRequestHeader(name::ANTHROPIC_VERSION, ANTHROPIC_VERSION.into()));
        }
        _ if *index > 0 => effects.push(Effect::RemoveRequestHeader(name::ANTHROPIC_VERSION.into())),
        _ => {}
    }
}

fn credentials(plan: &Plan, next: &Next, effects: &mut Vec<Effect>) {
    let Next { index, aim, .. } = next;
    let provider = &aim.provider;
    let own = own_credential(&provider.auth);
    let is_replaced = |name: &str| own.as_ref().is_some_and(|(own, _)| *own == name);
    let goes_on = |name: &&'static str| provider.auth == Auth::Passthrough && PASSED_ON.contains(name);
    for ClientHeader { name, value } in &plan.credentials {
        match value {
            _ if is_replaced(name) => {}
            Some(value) if goes_on(name) && *index > 0 => effects.push(Effect::SetRequestHeader(name, value.clone())),
            _ if goes_on(name) => {}
            _ => effects.push(Effect::RemoveRequestHeader((*name).into())),
        }
    }
    // What the tries before set.
    let sent_by_client = |name: &str| plan.credentials.iter().any(|credential| credential.name == name);
    for name in OWN_CREDENTIALS {
        if *index > 0 && !is_replaced(name) && !sent_by_client(name) {
            effects.push(Effect::RemoveRequestHeader(name.into()));
        }
    }
    effects.extend(own.map(|(name, value)| Effect::SetRequestHeader(name, value)));
}

/// Where providers get their own keys.
const OWN_CREDENTIALS: [&str; 2] = [name::AUTHORIZATION, name::X_API_KEY];

/// The header in which a provider gets its own key, and its value.
fn own_credential(auth: &Auth) -> Option<(&'static str, String)> {
    match auth {
        Auth::None | Auth::Passthrough => None,
        Auth::Key { header: KeyHeader::Bearer, key } => Some((name::AUTHORIZATION, format!("Bearer {key}"))),
        Auth::Key { header: KeyHeader::XApiKey, key } => Some((name::X_API_KEY, key.to_string())),
    }
}

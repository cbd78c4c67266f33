//! The route role: one client's request, from its headers to the end of its answer.
//!
//! A request is always read to its end before it is answered, also when it is refused: so the connection stays usable.

use std::cell::Cell;
use std::rc::Rc;

use mux::config::{Model, Provider};
use mux::dialect::Dialect;
use mux::endpoint::{self, Endpoint};
use mux::refusal::{Code, Refusal};
use mux::route::{self, Action, Aim, Caller, Credentials, Decision, InOrder, Request, Sending};
use proto::v1;

use crate::effect::{Effect, Flow, Reply, Step};
use crate::exchange::{Downstream, Exchange, Shared, Target};
use crate::headers::{CREDENTIALS, Headers, is_internal, name};
use crate::limits::{Exceeded, Standing};
use crate::vm::Vm;

/// Bytes of a request body. Envoy's own buffer limit, which answers past it, is the same.
pub const REQUEST_BYTES_MAX: usize = 32 << 20;
/// For clients that do not say which version of Anthropic's API they speak.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// One downstream stream.
#[derive(Debug, Default)]
pub enum Route {
    #[default]
    Start,
    /// Its body is coming.
    Reading(Head),
    /// Sent on; its answer may be coming.
    Routed(Shared),
    /// Answered by this filter.
    Answered,
}

/// A request that has a number.
struct Begun {
    number: u64,
    record: v1::RequestRecord,
}

/// Where a request goes.
struct Chosen {
    provider: Rc<Provider>,
    model: Model,
    /// What the client's key has left.
    standing: Standing,
}

/// What is kept of a request's headers.
#[derive(Debug)]
pub struct Head {
    started_ms: u64,
    headers: Headers,
    content_length: Option<usize>,
    /// Why it will be refused whatever its body is.
    refusal: Option<Refusal>,
}

impl Route {
    pub fn request_headers(&mut self, vm: &mut Vm, headers: Headers, is_last: bool) -> Step {
        let head = Head::read(vm.now_ms, headers);
        if head.content_length.is_some_and(|bytes| bytes > REQUEST_BYTES_MAX) {
            return self.refuse(vm, &head, &too_large());
        }
        let internal = head.headers.names().filter(|name| is_internal(name));
        // A compressed answer could not be read for usage.
        let unwanted = head.headers.names().filter(|own| *own == name::ACCEPT_ENCODING);
        let keys = head.headers.with_keys();
        let effects = internal.chain(unwanted).chain(keys).map(|own| Effect::RemoveRequestHeader(own.into())).collect();
        *self = Self::Reading(head);
        if is_last {
            let mut step = self.request_end(vm, &[]);
            step.effects.splice(0..0, effects);
            return step;
        }
        Step::with(Flow::Pause, effects)
    }

    /// More of the body has come, `bytes` in all so far, and it is not the end.
    pub fn request_chunk(&mut self, vm: &mut Vm, bytes: usize) -> Step {
        match self {
            Self::Reading(_) if bytes > REQUEST_BYTES_MAX => {
                let Self::Reading(head) = std::mem::take(self) else { return Step::hold() };
                self.refuse(vm, &head, &too_large())
            }
            Self::Reading(_) => Step::hold(),
            _ => Step::on(),
        }
    }

    /// The body is complete.
    pub fn request_end(&mut self, vm: &mut Vm, body: &[u8]) -> Step {
        let head = match std::mem::take(self) {
            Self::Reading(head) => head,
            other => {
                *self = other;
                return Step::on();
            }
        };
        if let Some(refusal) = &head.refusal {
            return self.refuse(vm, &head, refusal);
        }
        if vm.snapshot.revision() == 0 {
            let message = "The gateway has no configuration yet; it is connecting to its control server.";
            return self.refuse(vm, &head, &Refusal::new(Code::NotReady, message));
        }
        let Some(address) = endpoint::address(head.path()) else {
            return self.refuse(vm, &head, &unknown_endpoint(head.path()));
        };
        let (workspace, session) = (head.headers.get(name::WORKSPACE), head.headers.get(name::SESSION));
        let request = Request { address, workspace, session, headers: &head.headers.0, body };
        let credentials = Credentials::of(request.headers);
        match route::caller(&vm.snapshot, &request, credentials, vm.now_ms) {
            Err(refusal) => self.refuse(vm, &head, &refusal),
            Ok(caller) if request.address.endpoint == Endpoint::Models => {
                *self = Self::Answered;
                let ids = route::models(&vm.snapshot, &caller);
                Step::reply(Reply::json(200, route::models_body(&ids, head.list_dialect())))
            }
            Ok(caller) => self.decide(vm, &head, &caller, &request),
        }
    }

    fn decide(&mut self, vm: &mut Vm, head: &Head, caller: &Caller, request: &Request) -> Step {
        let number = vm.exchanges.next_number();
        let request_id = vm.request_id(number);
        let mut record = record(&request_id, vm.snapshot.revision(), head, caller, request);
        let decision = match route::decide(&vm.snapshot, caller, request, &mut InOrder) {
            Ok(decision) => decision,
            Err(refusal) => return self.refuse_recorded(vm, head, record, &refusal),
        };
        let Decision { rule, deployment: _, tries, requested_model, stream, action } = decision;
        let aim = tries.first;
        record.rule = rule.unwrap_or_default();
        record.requested_model = requested_model;
        record.stream = stream;
        let standing = match vm.limits.admit(caller, &aim, vm.now_ms) {
            Ok(standing) => standing,
            Err(exceeded) => return self.exceeded(vm, head, record, *exceeded),
        };
        match action {
            Action::Send(sending) => {
                vm.counts.routed += 1;
                let Aim { provider, model, .. } = aim;
                let chosen = Chosen { provider, model, standing };
                self.send(vm, Begun { number, record }, head, request, chosen, sending)
            }
            Action::Estimate { input_tokens } => self.estimate(vm, record, input_tokens, standing),
        }
    }

    /// Refuses a prompt, which leaves a record.
    fn refuse_recorded(&mut self, vm: &mut Vm, head: &Head, mut record: v1::RequestRecord, refusal: &Refusal) -> Step {
        record.status = refusal.code.status().into();
        record.outcome = refusal.code.as_str().into();
        record.duration_ms = u32::try_from(vm.now_ms.saturating_sub(head.started_ms)).unwrap_or(u32::MAX);
        vm.queue.push(&record);
        let headers = [
            (name::WORKSPACE, record.workspace),
            (name::REVISION, record.revision.to_string()),
            (name::REQUEST_ID, record.request_id),
        ];
        with_headers(self.refuse(vm, head, refusal), headers)
    }

    fn exceeded(&mut self, vm: &mut Vm, head: &Head, record: v1::RequestRecord, exceeded: Exceeded) -> Step {
        let Exceeded { refusal, retry_after_s, standing } = exceeded;
        let step = self.refuse_recorded(vm, head, record, &refusal);
        let retry_after = (name::RETRY_AFTER, retry_after_s.to_string());
        with_headers(step, std::iter::once(retry_after).chain(standing.headers()))
    }

    fn send(
        &mut self,
        vm: &mut Vm,
        begun: Begun,
        head: &Head,
        request: &Request,
        chosen: Chosen,
        sending: Sending,
    ) -> Step {
        let Begun { number, record } = begun;
        let Chosen { provider, model, standing } = chosen;
        let Sending { endpoint, head: new_head, usage_chunk, translation } = sending;
        vm.counts.fields_dropped += translation.as_ref().map_or(0, |translation| translation.dropped.len() as u64);
        let mut effects = vec![
            Effect::AddRequestHeader(name::CLUSTER, provider.cluster.to_string()),
            Effect::AddRequestHeader(name::REQUEST_ID, record.request_id.clone()),
        ];
        if record.key > 0 {
            effects.push(Effect::AddRequestHeader(name::KEY, record.key.to_string()));
        }
        let bytes = request.body.len();
        let sent_bytes = new_head.as_ref().map_or(bytes, |new| bytes.saturating_sub(new.bytes) + new.with.len());
        if endpoint.dialect() == Dialect::Messages && head.headers.get(name::ANTHROPIC_VERSION).is_none() {
            effects.push(Effect::AddRequestHeader(name::ANTHROPIC_VERSION, ANTHROPIC_VERSION.into()));
        }
        // Also where the client sent none: some model servers take no chunked requests.
        if head.content_length != Some(sent_bytes) {
            effects.push(Effect::SetRequestHeader(name::CONTENT_LENGTH, sent_bytes.to_string()));
        }
        effects.extend(new_head.map(Effect::ReplaceRequestHead));
        // A query of one API means nothing to another.
        let query = if translation.is_some() { "" } else { request.address.query };
        let target = Target {
            provider: Rc::clone(&provider),
            model,
            endpoint,
            query: query.to_owned(),
            usage_chunk,
            translation,
            credentials: head.credentials(),
        };
        let downstream = Downstream::Open;
        let exchange = Exchange {
            record,
            target: Some(target),
            downstream,
            tries: Vec::new(),
            open: 1,
            number,
            answering: Cell::new(None),
            standing,
        };
        *self = Self::Routed(vm.exchanges.begin(exchange));
        Step::with(Flow::Continue, effects)
    }

    /// Answers with the size of the prompt, as Anthropic's "Count tokens" does.
    fn estimate(&mut self, vm: &mut Vm, mut record: v1::RequestRecord, input_tokens: u64, standing: Standing) -> Step {
        record.status = 200;
        vm.queue.push(&record);
        *self = Self::Answered;
        let mut reply = Reply::json(200, format!("{{\"input_tokens\":{input_tokens}}}").into_bytes());
        reply.headers.extend([
            (name::WORKSPACE, record.workspace),
            (name::REVISION, record.revision.to_string()),
            (name::REQUEST_ID, record.request_id),
            (name::RULE, header_text(&record.rule)),
            (name::ESTIMATED, "true".to_owned()),
        ]);
        reply.headers.extend(standing.headers());
        Step::reply(reply)
    }

    /// The status of the answer that is on its way, if an attempt has seen it: others come from Envoy itself.
    pub fn known_status(&self) -> Option<u16> {
        let Self::Routed(exchange) = self else { return None };
        exchange.borrow().answering.take()
    }

    pub fn response_headers(&mut self, status: u16, is_last: bool) -> Step {
        let Self::Routed(exchange) = self else { return Step::on() };
        let mut exchange = exchange.borrow_mut();
        exchange.record.status = status.into();
        if is_last {
            exchange.downstream = Downstream::Complete;
        }
        let record = &exchange.record;
        let mut effects = vec![
            Effect::AddResponseHeader(name::WORKSPACE, record.workspace.clone()),
            Effect::AddResponseHeader(name::REVISION, record.revision.to_string()),
            Effect::AddResponseHeader(name::REQUEST_ID, record.request_id.clone()),
        ];
        if !record.rule.is_empty() {
            effects.push(Effect::AddResponseHeader(name::RULE, header_text(&record.rule)));
        }
        if let Some(target) = &exchange.target {
            effects.push(Effect::AddResponseHeader(name::TARGET, header_text(&target.model.to_string())));
            let dropped = target.translation.as_ref().map_or(&[][..], |translation| &translation.dropped);
            if !dropped.is_empty() {
                effects.push(Effect::AddResponseHeader(name::DROPPED_FIELDS, dropped.join(", ")));
            }
        }
        let limits = exchange.standing.headers().into_iter();
        effects.extend(limits.map(|(name, value)| Effect::SetResponseHeader(name, value)));
        Step::with(Flow::Continue, effects)
    }

    /// The answer's last byte is on its way to the client.
    pub fn response_end(&mut self) {
        if let Self::Routed(exchange) = self {
            exchange.borrow_mut().downstream = Downstream::Complete;
        }
    }

    /// Whether how the request ended must be asked of Envoy.
    pub fn is_unfinished(&self) -> bool {
        matches!(self, Self::Routed(exchange) if exchange.borrow().downstream == Downstream::Open)
    }

    /// The request ended without its answer's last byte, by whose doing.
    pub fn broke_off(&mut self, how: Downstream) {
        if let Self::Routed(exchange) = self {
            exchange.borrow_mut().downstream = how;
        }
    }

    /// Envoy is done with the request.
    pub fn done(&mut self, vm: &mut Vm) {
        if let Self::Routed(exchange) = std::mem::replace(self, Self::Answered) {
            vm.end_one(&exchange);
        }
    }

    fn refuse(&mut self, vm: &mut Vm, head: &Head, refusal: &Refusal) -> Step {
        match refusal.code {
            Code::NotReady => vm.counts.not_ready += 1,
            _ => vm.counts.refused += 1,
        }
        *self = Self::Answered;
        let dialect = match endpoint::address(head.path()).map(|address| address.endpoint) {
            Some(Endpoint::Models) => head.list_dialect(),
            Some(endpoint) => endpoint.dialect(),
            None => endpoint::likely_dialect(head.path()),
        };
        Step::reply(Reply::refusal(refusal, dialect))
    }
}

impl Head {
    fn read(now_ms: u64, headers: Headers) -> Self {
        let content_length = headers.get(name::CONTENT_LENGTH).and_then(|text| text.parse().ok());
        let refusal = refusal_by_headers(headers.get(name::PATH).unwrap_or_default(), &headers);
        Self { started_ms: now_ms, headers, content_length, refusal }
    }

    fn path(&self) -> &str {
        self.headers.get(name::PATH).unwrap_or_default()
    }

    /// In whose shape the client wants the list of models: only Anthropic's clients name a version of its API.
    fn list_dialect(&self) -> Dialect {
        self.headers.get(name::ANTHROPIC_VERSION).map_or(Dialect::Chat, |_| Dialect::Messages)
    }

    /// Headers in which the client sent a credential.
    fn credentials(&self) -> Vec<&'static str> {
        CREDENTIALS.into_iter().filter(|own| self.headers.names().any(|name| name == *own)).collect()
    }
}

/// The reply in `step` with more headers.
fn with_headers(mut step: Step, headers: impl IntoIterator<Item = (&'static str, String)>) -> Step {
    if let Some(Effect::Reply(reply)) = step.effects.last_mut() {
        reply.headers.extend(headers);
    }
    step
}

fn refusal_by_headers(path: &str, headers: &Headers) -> Option<Refusal> {
    let Some(address) = endpoint::address(path) else { return Some(unknown_endpoint(path)) };
    let method = headers.get(name::METHOD).unwrap_or_default();
    if method != address.endpoint.method() {
        let message = format!("`{}` takes {}.", address.endpoint.path(), address.endpoint.method());
        return Some(Refusal::new(Code::MethodNotAllowed, message));
    }
    let encoding = headers.get(name::CONTENT_ENCODING).unwrap_or("identity");
    if !encoding.eq_ignore_ascii_case("identity") {
        let message = "The body is compressed; send it as it is, without `content-encoding`.";
        return Some(Refusal::new(Code::UnsupportedEncoding, message));
    }
    None
}

fn unknown_endpoint(path: &str) -> Refusal {
    let short: String = path.chars().take(200).collect();
    let message = format!("`{short}` is no endpoint of this gateway; prompts go to `/v1/mux/chat/completions`.");
    Refusal::new(Code::UnknownEndpoint, message)
}

fn too_large() -> Refusal {
    Refusal::new(Code::RequestTooLarge, format!("The body has more than {REQUEST_BYTES_MAX} bytes."))
}

fn record(request_id: &str, revision: u64, head: &Head, caller: &Caller, request: &Request) -> v1::RequestRecord {
    let dialect: Dialect = request.address.endpoint.dialect();
    v1::RequestRecord {
        request_id: request_id.to_owned(),
        started_at_unix_ms: head.started_ms,
        revision,
        workspace: caller.workspace.name.to_string(),
        session: caller.session.as_ref().map(ToString::to_string).unwrap_or_default(),
        request: dialect.as_str().into(),
        request_bytes: request.body.len() as u64,
        key: caller.key.as_ref().map_or(0, |key| key.id),
        ..v1::RequestRecord::default()
    }
}

/// Names may hold what a header may not: everything but printable ASCII becomes `?`.
fn header_text(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}

#[cfg(test)]
mod key_tests;
#[cfg(test)]
mod tests;

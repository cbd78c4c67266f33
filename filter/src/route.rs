//! The route role: one client's request, from its headers to the end of its answer.
//!
//! A request is always read to its end before it is answered, also when it is refused: so the connection stays usable.

use std::cell::Cell;
use std::rc::Rc;

use mux::config::Deployment;
use mux::dialect::Dialect;
use mux::endpoint::{self, Endpoint};
use mux::refusal::{Code, Refusal};
use mux::route::{self, Action, Caller, Credentials, Decision, Request, Sending, Tries, holds_key};
use proto::v1;

use crate::cache::Keeping;
use crate::effect::{Effect, Flow, Reply, Step};
use crate::exchange::{Downstream, Exchange, Shared};
use crate::headers::{CREDENTIALS, Headers, VENDOR_HEADERS, is_internal, name, retry};
use crate::limits::{Exceeded, Standing};
use crate::plan::{ClientHeader, Deployed, KEPT_BYTES_MAX, Kept, Later, Plan, Sent};
use crate::vm::Vm;

/// Bytes of a request body. Envoy's own buffer limit, which answers past it, is the same.
pub const REQUEST_BYTES_MAX: usize = 32 << 20;
/// Failures without a status for which the next target is tried: no connection, or one that broke or timed out before an
/// answer began.
const RETRY_ON: &str = "connect-failure,refused-stream,reset,retriable-status-codes";

/// One downstream stream.
#[derive(Debug, Default)]
pub enum Route {
    #[default]
    Start,
    /// Its body is coming.
    Reading(Head),
    /// Sent on; its answer may be coming.
    Routed(Shared),
    /// Ready to be sent on, unless there is an answer already: that is being asked.
    Asking(Shared),
    /// Answered by this filter.
    Answered,
}

/// A request that has a number.
struct Begun<'a> {
    number: u64,
    record: v1::RequestRecord,
    caller: Caller,
    /// Of the client's path, with its `?`.
    query: &'a str,
    endpoint: Endpoint,
}

/// Where a request goes.
struct Destination {
    deployment: Option<Rc<Deployment>>,
    tries: Tries,
    /// What the first try needs.
    sending: Sending,
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
            let mut step = self.request_end(vm, Vec::new());
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
            Self::Reading(_) | Self::Asking(_) => Step::hold(),
            _ => Step::on(),
        }
    }

    /// The body is complete.
    pub fn request_end(&mut self, vm: &mut Vm, body: Vec<u8>) -> Step {
        let head = match std::mem::take(self) {
            Self::Reading(head) => head,
            asking @ Self::Asking(_) => {
                *self = asking;
                return Step::hold();
            }
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
        let (query, endpoint) = (address.query, address.endpoint);
        let (workspace, session) = (head.headers.get(name::WORKSPACE), head.headers.get(name::SESSION));
        let request = Request { address, workspace, session, headers: &head.headers.0, body: &body };
        match route::caller(&vm.snapshot, &request, Credentials::of(request.headers), vm.now_ms) {
            Err(refusal) => self.refuse(vm, &head, &refusal),
            Ok(caller) if endpoint == Endpoint::Models => {
                *self = Self::Answered;
                let ids = route::models(&vm.snapshot, &caller);
                Step::reply(Reply::json(200, route::models_body(&ids, head.list_dialect())))
            }
            Ok(caller) => {
                let number = vm.exchanges.next_number();
                let record = record(&vm.request_id(number), vm.snapshot.revision(), &head, &caller, &request);
                let begun = Begun { number, record, caller, query, endpoint };
                match route::decide(&vm.snapshot, &begun.caller, &request, &mut vm.balances.at(vm.now_ms)) {
                    Err(refusal) => self.refuse_recorded(vm, &head, begun.record, &refusal),
                    Ok(decision) => self.decided(vm, &head, begun, decision, body),
                }
            }
        }
    }

    fn decided(&mut self, vm: &mut Vm, head: &Head, mut begun: Begun, decision: Decision, body: Vec<u8>) -> Step {
        let Decision { rule, deployment, tries, requested_model, stream, action } = decision;
        let record = &mut begun.record;
        record.rule = rule.unwrap_or_default();
        record.requested_model = requested_model;
        record.deployment = deployment.as_ref().map(|own| own.name.to_string()).unwrap_or_default();
        record.stream = stream;
        let standing = match vm.limits.admit(&begun.caller, &tries.first, vm.now_ms) {
            Ok(standing) => standing,
            Err(exceeded) => return self.exceeded(vm, head, begun.record, *exceeded),
        };
        match action {
            Action::Estimate { input_tokens } => self.estimate(vm, begun.record, input_tokens, standing),
            Action::Send(sending) => {
                self.go(vm, head, begun, Destination { deployment, tries, sending, standing }, body)
            }
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
        head: &Head,
        begun: Begun,
        to: Destination,
        body: Vec<u8>,
        keeping: Option<Keeping>,
    ) -> Step {
        let Begun { number, record, caller, query, endpoint: client_endpoint } = begun;
        let Destination { deployment, tries, sending, standing } = to;
        let deployment = deployment.map(|deployment| Deployed { workspace: Rc::clone(&caller.workspace), deployment });
        let Sending { endpoint, head: new_head, usage_chunk, translation } = sending;
        let is_one_of_several = !tries.others.is_empty();
        let request_id = record.request_id.clone();
        let mut effects = vec![
            Effect::AddRequestHeader(name::CLUSTER, tries.cluster()),
            if is_one_of_several {
                Effect::ShareRequestId(request_id)
            } else {
                Effect::AddRequestHeader(name::REQUEST_ID, request_id)
            },
        ];
        if record.key > 0 {
            effects.push(Effect::AddRequestHeader(name::KEY, record.key.to_string()));
        }
        if let Some(Deployed { deployment, .. }) = &deployment {
            effects.extend(retries(deployment, tries.count()));
        }
        let bytes = body.len();
        let sent_bytes = new_head.as_ref().map_or(bytes, |new| bytes.saturating_sub(new.bytes) + new.with.len());
        // Also where the client sent none: some model servers take no chunked requests.
        if head.content_length != Some(sent_bytes) {
            effects.push(Effect::SetRequestHeader(name::CONTENT_LENGTH, sent_bytes.to_string()));
        }
        effects.extend(new_head.map(Effect::ReplaceRequestHead));
        let later = if !is_one_of_several || route::share_a_body(&tries, client_endpoint.dialect()) {
            Later::AsFirst
        } else if vm.exchanges.kept_bytes() + bytes > KEPT_BYTES_MAX {
            vm.counts.bodies_not_kept += 1;
            Later::Unkept
        } else {
            let rule = Some(record.rule.clone()).filter(|rule| !rule.is_empty());
            Later::Own(Box::new(Kept { caller, endpoint: client_endpoint, rule, body }))
        };
        let plan = Plan {
            tries,
            deployment,
            query: query.to_owned(),
            credentials: head.sent(&CREDENTIALS, is_one_of_several),
            vendor: head.sent(&VENDOR_HEADERS, is_one_of_several),
            first: Sent { endpoint, usage_chunk, translation },
            later,
        };
        let downstream = Downstream::Open;
        let (tries, answering) = (Vec::new(), Cell::new(None));
        let client = client_endpoint.dialect();
        let exchange =
            Exchange { record, client, plan, downstream, tries, open: 1, number, answering, standing, keeping };
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
        if !record.cache.is_empty() {
            effects.push(Effect::AddResponseHeader(name::CACHE, record.cache.clone()));
        }
        let last = exchange.tries.last();
        let index = last.map_or(0, |last| last.target);
        if let Some(aim) = exchange.plan.tries.get(index) {
            effects.push(Effect::AddResponseHeader(name::TARGET, header_text(&aim.model.to_string())));
        }
        if exchange.tries.len() > 1 {
            effects.push(Effect::AddResponseHeader(name::ATTEMPTS, exchange.tries.len().to_string()));
        }
        if let Some(last) = last.filter(|last| !last.dropped.is_empty()) {
            effects.push(Effect::AddResponseHeader(name::DROPPED_FIELDS, last.dropped.join(", ")));
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
        matches!(self, Self::Routed(exchange) | Self::Asking(exchange) if exchange.borrow().downstream == Downstream::Open)
    }

    /// The request ended without its answer's last byte, by whose doing.
    pub fn broke_off(&mut self, how: Downstream) {
        if let Self::Routed(exchange) | Self::Asking(exchange) = self {
            exchange.borrow_mut().downstream = how;
        }
    }

    /// Envoy is done with the request.
    pub fn done(&mut self, vm: &mut Vm) {
        if let Self::Routed(exchange) | Self::Asking(exchange) = std::mem::replace(self, Self::Answered) {
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

    /// Those of these headers that the client sent, with their values or by name alone; keys of this gateway are gone by
    /// then.
    fn sent(&self, names: &[&'static str], with_values: bool) -> Vec<ClientHeader> {
        let left = |own: &str| self.headers.0.iter().any(|(name, value)| name == own && !holds_key(name, value));
        let value = |name| self.headers.get(name).filter(|_| with_values).map(str::to_owned);
        let sent = names.iter().filter(|own| left(own));
        sent.map(|name| ClientHeader { name, value: value(name) }).collect()
    }
}

/// Adds headers to the answer that a step gives.
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

/// What Envoy's router does when a try at one of the targets fails.
fn retries(deployment: &Deployment, targets: usize) -> Vec<Effect> {
    let Deployment { name: _, policy: _, targets: _, retry_on, try_timeout_ms, breaker: _, cache_ttl_s: _ } =
        deployment;
    let mut effects = Vec::new();
    if targets > 1 {
        let statuses: Vec<String> = retry_on.iter().map(ToString::to_string).collect();
        effects.extend([
            Effect::AddRequestHeader(retry::MAX, (targets - 1).to_string()),
            Effect::AddRequestHeader(retry::ON, RETRY_ON.to_owned()),
            Effect::AddRequestHeader(retry::STATUSES, statuses.join(",")),
        ]);
    }
    if *try_timeout_ms > 0 {
        effects.push(Effect::AddRequestHeader(retry::TRY_TIMEOUT_MS, try_timeout_ms.to_string()));
    }
    effects
}

/// Names may hold what a header may not: everything but printable ASCII becomes `?`.
fn header_text(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}

mod cached;
#[cfg(test)]
mod key_tests;
#[cfg(test)]
mod tests;

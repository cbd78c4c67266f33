//! Requests that may be answered with what is kept: this VM's copy, else the control server's.
//!
//! While that one is asked the request stands still, ready to go on: everything about it is decided and applied before.

use mux::cache::{self, Origin, Policy};
use mux::config::Auth;
use mux::dialect::Dialect;
use mux::route::{self, holds_key};
use proto::v1;

use super::{Begun, Destination, Head, Route, header_text};
use crate::cache::Keeping;
use crate::effect::{Effect, Flow, Reply, Step};
use crate::exchange::{Downstream, elapsed};
use crate::headers::{PASSED_ON, VENDOR_HEADERS, name};
use crate::limits::Standing;
use crate::vm::Vm;

/// What a record and an answer say of it.
const HIT: &str = "hit";
const MISS: &str = "miss";
const BYPASS: &str = "bypass";

impl Route {
    /// Sends a request on, unless there is an answer already.
    pub(super) fn go(&mut self, vm: &mut Vm, head: &Head, mut begun: Begun, to: Destination, body: Vec<u8>) -> Step {
        let keeping = keeping(head, &mut begun, &to, &body);
        let Some(keeping) = keeping.filter(|keeping| keeping.reads) else {
            vm.counts.routed += 1;
            return self.send(vm, head, begun, to, body, keeping);
        };
        if let Some(answer) = vm.cache.get(&keeping.key, vm.now_ms) {
            let (record, client) = (&mut begun.record, begun.endpoint.dialect());
            if let Some(reply) = hit(record, client, &keeping, &answer, &to.standing) {
                vm.counts.cache_hits += 1;
                record.duration_ms = elapsed(record.started_at_unix_ms, vm.now_ms);
                vm.queue.push(record);
                *self = Self::Answered;
                return Step::reply(reply);
            }
        }
        let mut step = self.send(vm, head, begun, to, body, Some(keeping));
        if let Self::Routed(exchange) = std::mem::take(self) {
            *self = Self::Asking(exchange);
        }
        step.flow = Flow::Pause;
        step.effects.push(Effect::AskCache(keeping.key));
        step
    }

    /// What the control server said; none: it did not in time. Returns none if nobody asked.
    pub fn cache_answer(&mut self, vm: &mut Vm, message: Option<&[u8]>) -> Option<Step> {
        let exchange = match std::mem::take(self) {
            Self::Asking(exchange) => exchange,
            other => {
                *self = other;
                return None;
            }
        };
        let keeping = exchange.borrow().keeping;
        let answer = keeping.zip(message).and_then(|(keeping, message)| {
            let answer = vm.cache.received(&keeping, message, vm.now_ms)?;
            let mut own = exchange.borrow_mut();
            let (client, standing) = (own.client, own.standing);
            hit(&mut own.record, client, &keeping, &answer, &standing)
        });
        let Some(reply) = answer else {
            vm.counts.routed += 1;
            vm.counts.cache_misses += 1;
            *self = Self::Routed(exchange);
            return Some(Step::on());
        };
        vm.counts.cache_hits += 1;
        exchange.borrow_mut().downstream = Downstream::Complete;
        vm.end_one(&exchange);
        *self = Self::Answered;
        Some(Step::reply(reply))
    }
}

/// What a request does about kept answers, which its record then says; none: nothing.
fn keeping(head: &Head, begun: &mut Begun, to: &Destination, body: &[u8]) -> Option<Keeping> {
    let Begun { caller, endpoint, query, record, .. } = begun;
    let ttl_s = cache::ttl_s(&caller.workspace, to.deployment.as_deref());
    if ttl_s == 0 {
        return None;
    }
    let headers = || head.headers.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
    let control = headers().filter(|(name, _)| *name == name::CACHE_CONTROL).map(|(_, value)| value);
    let policy = cache::policy(*endpoint, control);
    record.cache = BYPASS.into();
    if policy == Policy::Bypass {
        return None;
    }
    // A provider that gets the client's own credential answers those alone whom it knows.
    let shows_own = to.tries.iter().any(|aim| aim.provider.auth == Auth::Passthrough);
    let matters = |name: &str| VENDOR_HEADERS.contains(&name) || (shows_own && PASSED_ON.contains(&name));
    let mut said: Vec<(&str, &[u8])> =
        headers().filter(|(name, value)| matters(name) && !holds_key(name, value)).collect();
    said.sort_by_key(|(name, _)| *name);
    let rule = Some(record.rule.as_str()).filter(|rule| !rule.is_empty());
    let origin = Origin {
        workspace: &caller.workspace.name,
        epoch: caller.workspace.cache_epoch,
        endpoint: *endpoint,
        deployment: to.deployment.as_ref().map(|own| own.name.as_str()),
        tries: &to.tries,
        instructions: route::instructions_of(caller, rule),
        query,
        headers: &said,
    };
    let cache::Asked { key, include_usage } = cache::ask(&origin, body)?;
    let reads = policy == Policy::Use;
    if reads {
        record.cache = MISS.into();
    }
    Some(Keeping { key, ttl_s, include_usage, reads })
}

/// The answer to a client; none: there is no such answer in the form that it wants.
fn hit(
    record: &mut v1::RequestRecord,
    client: Dialect,
    keeping: &Keeping,
    answer: &v1::CachedAnswer,
    standing: &Standing,
) -> Option<Reply> {
    let v1::CachedAnswer { body, provider, model, usage, stored_at_unix_ms: _ } = answer;
    let (kind, body) = if record.stream {
        ("text/event-stream", cache::replay(client, body, keeping.include_usage)?)
    } else {
        ("application/json", body.clone())
    };
    record.cache = HIT.into();
    record.status = 200;
    let (provider, model, usage) = (provider.clone(), model.clone(), usage.clone());
    let target = format!("{provider}/{model}");
    record.saved = Some(v1::Attempt { provider, model, status: 200, usage, ..v1::Attempt::default() });
    let mut headers = vec![
        ("content-type", kind.to_owned()),
        (name::WORKSPACE, record.workspace.clone()),
        (name::REVISION, record.revision.to_string()),
        (name::REQUEST_ID, record.request_id.clone()),
        (name::TARGET, header_text(&target)),
        (name::CACHE, HIT.to_owned()),
    ];
    if !record.rule.is_empty() {
        headers.push((name::RULE, header_text(&record.rule)));
    }
    headers.extend(standing.headers());
    Some(Reply { status: 200, headers, body })
}

#[cfg(test)]
mod tests;

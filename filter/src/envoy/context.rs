//! The HTTP contexts of both roles.

use log::error;
use mux::json::Head;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, BufferType, MapType};

use super::{calls, note_time, with_vm};
use crate::attempt::Attempt;
use crate::effect::{Effect, Flow, Reply, Step};
use crate::exchange::Downstream;
use crate::headers::{Headers, name};
use crate::plan::Picked;
use crate::route::Route;

/// Bits of Envoy's response flags (`envoy.data.accesslog`, in the order of its `CoreResponseFlag`) that say that an
/// answer was cut on the provider's side: timeout, local reset, remote reset, connection failure, connection
/// termination, overflow, idle timeout.
const CUT_FLAGS: u64 = 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 16;

#[derive(Default)]
pub struct RouteContext(Route);

impl RouteContext {
    fn act(&mut self, step: Step) -> Action {
        let question = step.effects.iter().find_map(|effect| match effect {
            Effect::AskCache(key) => Some(*key),
            _ => None,
        });
        let action = apply(step);
        match question {
            // Not even asked: then there is no answer.
            Some(key) if !calls::ask(&key) => with_vm(|vm| self.0.cache_answer(vm, None)).map_or(action, apply),
            _ => action,
        }
    }

    fn note_how_it_ended(&mut self) {
        if !self.0.is_unfinished() {
            return;
        }
        note_time();
        let flags = hostcalls::get_property(vec!["response", "flags"]).ok().flatten();
        let flags = flags.and_then(|bytes| bytes.first_chunk().copied()).map_or(0, u64::from_le_bytes);
        self.0.broke_off(if flags & CUT_FLAGS == 0 { Downstream::Disconnected } else { Downstream::Cut });
    }
}

impl Context for RouteContext {
    fn on_grpc_call_response(&mut self, _: u32, status: u32, bytes: usize) {
        let message =
            if status == 0 { hostcalls::get_buffer(BufferType::GrpcReceiveBuffer, 0, bytes).ok() } else { None };
        let message = message.map(Option::unwrap_or_default);
        note_time();
        let Some(step) = with_vm(|vm| self.0.cache_answer(vm, message.as_deref())) else { return };
        if apply(step) == Action::Continue
            && let Err(status) = hostcalls::resume_http_request()
        {
            error!("Envoy did not go on with a request: {status:?}");
        }
    }

    fn on_done(&mut self) -> bool {
        self.note_how_it_ended();
        with_vm(|vm| self.0.done(vm));
        true
    }
}

impl HttpContext for RouteContext {
    fn on_http_request_headers(&mut self, _: usize, is_last: bool) -> Action {
        let headers = Headers(hostcalls::get_map_bytes(MapType::HttpRequestHeaders).unwrap_or_default());
        #[cfg(feature = "test-trap")]
        trap::spring(&headers, "route");
        note_time();
        let step = with_vm(|vm| self.0.request_headers(vm, headers, is_last));
        self.act(step)
    }

    fn on_http_request_body(&mut self, bytes: usize, is_last: bool) -> Action {
        if !is_last {
            return apply(with_vm(|vm| self.0.request_chunk(vm, bytes)));
        }
        let body = hostcalls::get_buffer(BufferType::HttpRequestBody, 0, bytes).ok().flatten().unwrap_or_default();
        note_time();
        let step = with_vm(|vm| self.0.request_end(vm, body));
        self.act(step)
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        // Trailers end the body instead of its last chunk.
        let body = hostcalls::get_buffer(BufferType::HttpRequestBody, 0, crate::route::REQUEST_BYTES_MAX);
        let body = body.ok().flatten().unwrap_or_default();
        note_time();
        let step = with_vm(|vm| self.0.request_end(vm, body));
        self.act(step)
    }

    fn on_http_response_headers(&mut self, _: usize, is_last: bool) -> Action {
        let status = self.0.known_status().unwrap_or_else(status);
        apply(self.0.response_headers(status, is_last))
    }

    fn on_http_response_body(&mut self, _: usize, is_last: bool) -> Action {
        if is_last {
            self.0.response_end();
        }
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _: usize) -> Action {
        self.0.response_end();
        Action::Continue
    }

    fn on_log(&mut self) {
        self.note_how_it_ended();
    }
}

#[derive(Default)]
pub struct AttemptContext(Attempt);

impl Context for AttemptContext {
    fn on_done(&mut self) -> bool {
        if self.0.is_reading() {
            note_time();
        }
        with_vm(|vm| self.0.done(vm));
        calls::put_answers();
        true
    }
}

impl HttpContext for AttemptContext {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        #[cfg(feature = "test-trap")]
        trap::spring(&Headers(hostcalls::get_map_bytes(MapType::HttpRequestHeaders).unwrap_or_default()), "attempt");
        // The header is there where there is one target alone.
        let (request_id, picked) = match header(MapType::HttpRequestHeaders, name::REQUEST_ID) {
            Some(id) => (Some(id), Picked::Only),
            None => (shared_request_id(), picked()),
        };
        if let Picked::HostOf { number: 2.., .. } = picked {
            note_time();
        }
        apply(with_vm(|vm| self.0.request_headers(vm, request_id.as_deref(), &picked)))
    }

    fn on_http_request_body(&mut self, _: usize, is_last: bool) -> Action {
        apply(self.0.request_chunk(is_last))
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        apply(self.0.request_chunk(true))
    }

    fn on_http_response_headers(&mut self, _: usize, is_last: bool) -> Action {
        let headers = Headers(hostcalls::get_map_bytes(MapType::HttpResponseHeaders).unwrap_or_default());
        note_time();
        apply(with_vm(|vm| self.0.response_headers(vm, &headers, is_last)))
    }

    fn on_http_response_body(&mut self, bytes: usize, is_last: bool) -> Action {
        let chunk = if self.0.looks_at(is_last) && bytes > 0 {
            hostcalls::get_buffer(BufferType::HttpResponseBody, 0, bytes).ok().flatten().unwrap_or_default()
        } else {
            Vec::new()
        };
        apply(self.0.response_chunk(&chunk, is_last))
    }

    fn on_http_response_trailers(&mut self, _: usize) -> Action {
        // Nothing can be put in front of trailers: what was held back of an unfinished event is dropped, as clients do.
        // A whole answer that is held back can still be read and replaced.
        let held = hostcalls::get_buffer(BufferType::HttpResponseBody, 0, crate::answer::PLAIN_BYTES_MAX);
        let held = held.ok().flatten().unwrap_or_default();
        apply(self.0.response_chunk(&held, true))
    }
}

/// Under which the route role shares a request's id with its tries, in Envoy's state of the stream.
const SHARED_REQUEST_ID: &str = "muxspace_request_id";

fn shared_request_id() -> Option<String> {
    String::from_utf8(hostcalls::get_property(vec![SHARED_REQUEST_ID]).ok().flatten()?).ok()
}

/// Whose host Envoy picked for a try, as the cluster's endpoint says, and which try it is.
fn picked() -> Picked {
    let path = vec!["xds", "upstream_host_metadata", "filter_metadata", "muxspace", "target"];
    let provider = hostcalls::get_property(path).ok().flatten().unwrap_or_default();
    let number = hostcalls::get_property(vec!["upstream", "request_attempt_count"]).ok().flatten();
    let number = number.and_then(|bytes| bytes.first_chunk().copied()).map_or(1, u64::from_le_bytes);
    Picked::HostOf {
        provider: String::from_utf8(provider).unwrap_or_default(),
        number: usize::try_from(number).unwrap_or(usize::MAX),
    }
}

fn status() -> u16 {
    header(MapType::HttpResponseHeaders, name::STATUS).and_then(|status| status.parse().ok()).unwrap_or(0)
}

fn header(map: MapType, name: &str) -> Option<String> {
    let value = hostcalls::get_map_value_bytes(map, name).ok().flatten()?;
    String::from_utf8(value).ok()
}

fn apply(step: Step) -> Action {
    let Step { flow, effects } = step;
    for effect in effects {
        if let Err(status) = perform(effect) {
            error!("Envoy refused an effect: {status:?}");
        }
    }
    match flow {
        Flow::Continue => Action::Continue,
        Flow::Pause => Action::Pause,
    }
}

fn perform(effect: Effect) -> Result<(), proxy_wasm::types::Status> {
    use MapType::{HttpRequestHeaders, HttpResponseHeaders};
    match effect {
        Effect::AddRequestHeader(name, value) => hostcalls::add_map_value(HttpRequestHeaders, name, &value),
        Effect::SetRequestHeader(name, value) => hostcalls::set_map_value(HttpRequestHeaders, name, Some(&value)),
        #[cfg(feature = "test-trap")]
        Effect::RemoveRequestHeader(name) if name == trap::HEADER => Ok(()),
        Effect::RemoveRequestHeader(name) => hostcalls::remove_map_value(HttpRequestHeaders, &name),
        Effect::ShareRequestId(id) => hostcalls::set_property(vec![SHARED_REQUEST_ID], Some(id.as_bytes())),
        Effect::ReplaceRequestHead(Head { bytes, with }) => {
            hostcalls::set_buffer(BufferType::HttpRequestBody, 0, bytes, &with)
        }
        // A length past the end is all of it.
        Effect::ReplaceRequestBody(body) => {
            hostcalls::set_buffer(BufferType::HttpRequestBody, 0, usize::MAX >> 1, &body)
        }
        Effect::AddResponseHeader(name, value) => hostcalls::add_map_value(HttpResponseHeaders, name, &value),
        Effect::SetResponseHeader(name, value) => hostcalls::set_map_value(HttpResponseHeaders, name, Some(&value)),
        Effect::RemoveResponseHeader(name) => hostcalls::remove_map_value(HttpResponseHeaders, &name),
        Effect::ReplaceResponseBody(body) => {
            // A length past the end of the chunk is all of it.
            hostcalls::set_buffer(BufferType::HttpResponseBody, 0, usize::MAX >> 1, &body)
        }
        // Done by whoever hears of the outcome.
        Effect::AskCache(_) => Ok(()),
        Effect::Reply(Reply { status, headers, body }) => {
            let headers = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            hostcalls::send_http_response(status.into(), headers, Some(&body))
        }
    }
}

#[cfg(feature = "test-trap")]
mod trap {
    //! Ends the VM when a request asks for it.

    use crate::headers::Headers;

    pub const HEADER: &str = "x-muxspace-test-trap";

    pub fn spring(headers: &Headers, role: &str) {
        if headers.get(HEADER) == Some(role) {
            std::arch::wasm32::unreachable();
        }
    }
}

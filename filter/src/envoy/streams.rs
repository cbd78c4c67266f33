//! The gRPC streams of a VM: the machines' wishes to host calls.

use std::time::Duration;

use log::{info, warn};
use proxy_wasm::hostcalls;

use super::metrics::Metrics;
use super::{note_time, now_ms, random, with_vm};
use crate::link::Wish;
use crate::report::Reporter;
use crate::subscription::{Identity, Outcome, Subscription};

pub const SERVICE: &str = "muxspace.v1.Sync";
/// The node token, which Envoy passes on from its own environment.
const TOKEN_VARIABLE: &str = "MUXSPACE_NODE_TOKEN";
/// A stream that ended for a while is worth a line in the log.
const LOGGED_WAIT: Duration = Duration::from_secs(1);

pub struct Streams {
    control_cluster: String,
    authorization: String,
    subscription: Subscription,
    reporter: Reporter,
    metrics: Metrics,
}

#[derive(Clone, Copy)]
enum Stream {
    Subscribe,
    Report,
}

impl Streams {
    pub fn new(control_cluster: String) -> Self {
        Self {
            control_cluster,
            authorization: authorization(),
            subscription: Subscription::new(random(), identity()),
            reporter: Reporter::new(random()),
            metrics: Metrics::define(),
        }
    }

    pub fn tick(&mut self) {
        note_time();
        let now_ms = now_ms();
        if self.subscription.is_due(now_ms) {
            self.perform(Stream::Subscribe, Wish::Open);
        }
        if let Some(wish) = with_vm(|vm| self.reporter.tick(&mut vm.queue, now_ms)) {
            self.perform(Stream::Report, wish);
        }
        with_vm(|vm| vm.cache.tick());
        super::calls::put_answers();
        let in_flight = self.reporter.in_flight();
        with_vm(|vm| self.metrics.update(vm, in_flight));
    }

    pub fn message(&mut self, token: u32, message: &[u8]) {
        let now_ms = now_ms();
        if self.reporter.owns(token) {
            if let Some(wish) = with_vm(|vm| self.reporter.message(&mut vm.queue, message, now_ms)) {
                self.perform(Stream::Report, wish);
            }
        } else if self.subscription.owns(token) {
            let (outcome, wishes) = with_vm(|vm| self.subscription.message(&mut vm.snapshot, message, now_ms));
            match outcome {
                Outcome::Waiting => {}
                Outcome::Applied { revision } => log::debug!("revision {revision} is applied"),
                Outcome::Refused { revision, reason } => {
                    with_vm(|vm| vm.counts.nacked += 1);
                    warn!("revision {revision} is refused, the last good one stays: {reason}");
                }
            }
            for wish in wishes {
                self.perform(Stream::Subscribe, wish);
            }
        }
    }

    pub fn closed(&mut self, token: u32, status: u32) {
        let now_ms = now_ms();
        let (stream, wait_ms) = if self.reporter.owns(token) {
            (Stream::Report, self.reporter.lost(now_ms))
        } else if self.subscription.owns(token) {
            (Stream::Subscribe, self.subscription.lost(now_ms))
        } else {
            return;
        };
        if Duration::from_millis(wait_ms) >= LOGGED_WAIT {
            info!("{} ended with gRPC status {status}; opened again in {wait_ms} ms", stream.method());
        }
    }

    fn perform(&mut self, stream: Stream, wish: Wish) {
        match wish {
            Wish::Open => self.open(stream),
            Wish::Send { token, message } => {
                // A stream that is gone is told of by its close.
                let _ = hostcalls::send_grpc_stream_message(token, Some(&message), false);
            }
            Wish::Close { token } => {
                let _ = hostcalls::close_grpc_stream(token);
            }
            Wish::Cancel { token } => {
                let _ = hostcalls::cancel_grpc_stream(token);
            }
        }
    }

    fn open(&mut self, stream: Stream) {
        let metadata = vec![("authorization", self.authorization.as_bytes())];
        let opened = hostcalls::open_grpc_stream(&self.control_cluster, SERVICE, stream.method(), metadata);
        let now_ms = now_ms();
        let wish = match (opened, stream) {
            (Ok(token), Stream::Subscribe) => with_vm(|vm| Some(self.subscription.opened(&vm.snapshot, token))),
            (Ok(token), Stream::Report) => with_vm(|vm| self.reporter.opened(&mut vm.queue, token, now_ms)),
            (Err(_), Stream::Subscribe) => {
                self.subscription.lost(now_ms);
                None
            }
            (Err(_), Stream::Report) => {
                self.reporter.lost(now_ms);
                None
            }
        };
        if let Some(wish) = wish {
            self.perform(stream, wish);
        }
    }
}

impl Stream {
    fn method(self) -> &'static str {
        match self {
            Self::Subscribe => "Subscribe",
            Self::Report => "Report",
        }
    }
}

/// How this Envoy shows the control server who it is.
pub fn authorization() -> String {
    format!("Bearer {}", std::env::var(TOKEN_VARIABLE).unwrap_or_default())
}

fn identity() -> Identity {
    let text = |path: Vec<&str>| {
        let bytes = hostcalls::get_property(path).ok().flatten().unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    Identity {
        node: with_vm(|vm| vm.node.clone()),
        envoy: text(vec!["xds", "node", "id"]),
        envoy_version: envoy_version(),
        build: env!("CARGO_PKG_VERSION").into(),
    }
}

fn envoy_version() -> String {
    let number = |part: &str| {
        let path = vec!["xds", "node", "user_agent_build_version", "version", part];
        let bytes = hostcalls::get_property(path).ok().flatten()?;
        bytes.first_chunk().copied().map(u64::from_le_bytes)
    };
    let parts = [number("major_number"), number("minor_number"), number("patch")];
    let known: Vec<String> = parts.into_iter().flatten().map(|part| part.to_string()).collect();
    known.join(".")
}

//! The only place that knows the proxy-wasm SDK: callbacks to events, effects to host calls. It decides nothing.
//!
//! Header values are read as bytes: the SDK's text calls end the VM on a value that is not UTF-8, which any client can
//! send. No borrow of the VM's state is held during a host call that could call back.

mod calls;
mod context;
mod metrics;
mod shared;
mod streams;

use std::cell::RefCell;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use log::{error, warn};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{BufferType, ContextType, LogLevel};

use crate::config::{Config, Role};
use crate::limits::Limits;
use crate::vm::Vm;
use context::{AttemptContext, RouteContext};
use shared::SharedData;
use streams::Streams;

/// How often queues, streams and metrics are looked at.
const TICK: Duration = Duration::from_millis(100);

thread_local! {
    static VM: Rc<RefCell<Vm>> = Rc::new(RefCell::new(vm()));
}

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}}

/// Runs `act` on the VM's state.
fn with_vm<T>(act: impl FnOnce(&mut Vm) -> T) -> T {
    VM.with(|vm| act(&mut vm.borrow_mut()))
}

fn vm() -> Vm {
    Vm { limits: Limits::new(Box::new(SharedData)), ..Vm::new(random()) }
}

fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Gives the machines the time.
fn note_time() {
    let now_ms = now_ms();
    with_vm(|vm| vm.now_ms = now_ms);
}

fn now_ms() -> u64 {
    let now = hostcalls::get_current_time().unwrap_or(UNIX_EPOCH);
    now.duration_since(UNIX_EPOCH).map_or(0, |elapsed| u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}

#[derive(Default)]
struct Root {
    role: Option<Role>,
    /// The route role's alone: one subscription and one report a VM.
    streams: Option<Streams>,
}

impl Context for Root {
    fn on_grpc_stream_message(&mut self, token: u32, bytes: usize) {
        let Some(streams) = &mut self.streams else { return };
        match hostcalls::get_buffer(BufferType::GrpcReceiveBuffer, 0, bytes) {
            Ok(message) => streams.message(token, &message.unwrap_or_default()),
            Err(status) => error!("a message of {bytes} bytes could not be read: {status:?}"),
        }
    }

    fn on_grpc_stream_close(&mut self, token: u32, status: u32) {
        if let Some(streams) = &mut self.streams {
            streams.closed(token, status);
        }
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, bytes: usize) -> bool {
        let json = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, bytes).ok().flatten().unwrap_or_default();
        let config = match Config::parse(&json) {
            Ok(config) => config,
            Err(message) => {
                error!("{message}");
                return false;
            }
        };
        self.role = Some(config.role);
        if config.role == Role::Route && self.streams.is_none() {
            calls::configure(&config.control_cluster);
            self.streams = Some(Streams::new(config.control_cluster));
            if let Err(status) = hostcalls::set_tick_period(TICK) {
                warn!("no ticks: {status:?}");
            }
        }
        true
    }

    fn on_tick(&mut self) {
        if let Some(streams) = &mut self.streams {
            streams.tick();
        }
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(match self.role {
            Some(Role::Attempt) => Box::new(AttemptContext::default()),
            Some(Role::Route) | None => Box::new(RouteContext::default()),
        })
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

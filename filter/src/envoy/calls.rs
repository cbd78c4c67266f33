//! Single calls to the control server: for kept answers.
//!
//! Envoy makes them for the whole VM, whichever context began them: one that outlives its context is still made.

use std::cell::RefCell;
use std::time::Duration;

use mux::cache::Key;
use proxy_wasm::hostcalls;

use super::streams::{SERVICE, authorization};
use super::with_vm;
use crate::cache::{ASK_TIMEOUT_MS, PUT_TIMEOUT_MS, question};

struct Control {
    cluster: String,
    authorization: String,
}

thread_local! {
    static CONTROL: RefCell<Option<Control>> = const { RefCell::new(None) };
}

pub fn configure(cluster: &str) {
    let control = Control { cluster: cluster.to_owned(), authorization: authorization() };
    CONTROL.with(|own| own.replace(Some(control)));
}

/// Asks for a kept answer; false: that failed. The calling context hears what comes of it.
pub fn ask(key: &Key) -> bool {
    call("CacheGet", &question(key), ASK_TIMEOUT_MS)
}

/// Sends the answers that wait to be kept, as many as may go now. Whether they are kept nobody asks.
pub fn put_answers() {
    while let Some(message) = with_vm(|vm| vm.cache.next_put()) {
        call("CachePut", &message, PUT_TIMEOUT_MS);
    }
}

fn call(method: &str, message: &[u8], timeout_ms: u64) -> bool {
    CONTROL.with_borrow(|control| {
        let Some(Control { cluster, authorization }) = control else { return false };
        let metadata = vec![("authorization", authorization.as_bytes())];
        let timeout = Duration::from_millis(timeout_ms);
        hostcalls::dispatch_grpc_call(cluster, SERVICE, method, metadata, Some(message), timeout).is_ok()
    })
}

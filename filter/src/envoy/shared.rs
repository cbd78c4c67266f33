//! Envoy's memory that all VMs of one `vm_id` share.

use proxy_wasm::hostcalls;
use proxy_wasm::types::Status;

use crate::limits::{Store, Unavailable, Versioned, Written};

/// Envoy takes any version for a value that is not there, and 0 for one that is: this one is never that of a value that
/// another VM has just written, so that of two that write first only one does.
const NO_VERSION: u32 = u32::MAX;

#[derive(Debug)]
pub struct SharedData;

impl Store for SharedData {
    fn read(&self, key: &str) -> Result<Option<Versioned>, Unavailable> {
        match hostcalls::get_shared_data(key) {
            Ok((Some(bytes), Some(version))) => Ok(Some((bytes, version))),
            // The SDK gives no bytes for an empty value.
            Ok((None, Some(version))) => Ok(Some((Vec::new(), version))),
            Ok((_, None)) => Ok(None),
            Err(_) => Err(Unavailable),
        }
    }

    fn write(&self, key: &str, value: &[u8], version: Option<u32>) -> Result<Written, Unavailable> {
        match hostcalls::set_shared_data(key, Some(value), Some(version.unwrap_or(NO_VERSION))) {
            Ok(()) => Ok(Written::Yes),
            Err(Status::CasMismatch) => Ok(Written::TooLate),
            Err(_) => Err(Unavailable),
        }
    }
}

//! The Envoy that `up` runs: finding it, checking it, keeping it alive.

mod binary;
pub mod guard;
mod runtime;
mod supervisor;

pub use binary::{Binary, VERSION_MIN, version_numbers};
pub use runtime::has_v8;
pub use supervisor::{Launch, Supervisor};

//! The Envoy that `up` runs: finding it, checking it, keeping it alive.

mod binary;
pub mod guard;
mod supervisor;

pub use binary::Binary;
pub use supervisor::{Launch, Supervisor};

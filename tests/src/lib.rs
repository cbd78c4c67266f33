//! Harness for the end-to-end tests: fake providers that judge what reached them, a control server process and a real
//! Envoy, on random ports of the loopback.
//!
//! Logs are kept in files and printed only when a test fails. Everything that was started is stopped by its process id,
//! also when a test panics.

pub mod api;
pub mod client;
pub mod compose;
pub mod gate;
pub mod percentile;
pub mod process;
pub mod provider;
pub mod recorded;
pub mod stack;

pub use provider::{Answer, Provider, Seen};
pub use stack::{Options, Stack};

//! The engine of Muxspace: bytes of a prompt in, a decision and rewritten bytes out.
//!
//! It does no I/O, reads no clock, holds no global state and knows neither Envoy nor the control server. For any bytes
//! and any rules it returns a value; it never panics. It builds natively and for wasm.

pub mod cache;
pub mod config;
pub mod dialect;
pub mod endpoint;
pub mod json;
pub mod prompt;
pub mod refusal;
pub mod route;
pub mod rules;
pub mod snapshot;
pub mod sse;
pub mod usage;

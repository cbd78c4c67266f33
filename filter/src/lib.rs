//! The Muxspace filter: what runs inside Envoy, once per worker.
//!
//! Two roles share one VM. [`route`] is the downstream filter: it reads a prompt, decides and picks the cluster.
//! [`attempt`] is the upstream filter: it runs once per try and does what belongs to the target. [`subscription`] keeps
//! the snapshot, [`report`] sends back what happened. All of them are machines without I/O: events in, effects out.
//! `envoy` alone names the proxy-wasm SDK, exists only for wasm and decides nothing.

pub mod answer;
pub mod attempt;
pub mod balance;
pub mod cache;
pub mod config;
pub mod effect;
#[cfg(target_arch = "wasm32")]
mod envoy;
pub mod exchange;
pub mod headers;
pub mod limits;
pub mod link;
pub mod plan;
pub mod report;
pub mod route;
pub mod subscription;
pub mod translated;
pub mod vm;

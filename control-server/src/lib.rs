//! The Muxspace control server: owns workspaces, sessions, provider keys and usage, and streams every change to the
//! filters.
//!
//! [`domain`] knows only `mux`; [`store`] alone speaks SQL; [`rest`] alone speaks HTTP to people; [`grpc`] and [`xds`]
//! alone speak to Envoys; [`publisher`] stands between them; [`cache`] keeps answers in memory; [`outbound`] calls providers;
//! [`cli`] puts all together.

pub mod cache;
pub mod cli;
pub mod domain;
pub mod grpc;
pub mod outbound;
pub mod publisher;
pub mod rest;
pub mod store;
pub mod xds;

//! What the control server is about, as plain validated values. It knows `mux` and nothing of SQL, HTTP or gRPC.

pub mod audit;
pub mod cache;
pub mod catalog;
pub mod collection;
pub mod deployment;
pub mod document;
pub mod error;
pub mod event;
pub mod key;
pub mod lint;
pub mod model;
pub mod persona;
pub mod price;
pub mod provider;
pub mod record;
pub mod rules;
pub mod session;
pub mod settings;
pub mod usage;
pub mod workspace;

/// Text that is never printed, and wiped when dropped.
pub use secrecy::{ExposeSecret, SecretString};

//! What must hold between a client, a real Envoy, the control server and providers.

mod answers;
mod bytes_kept;
mod cache;
mod cli;
mod compose;
mod conditions;
mod deployments;
mod dialects;
mod envoy_state;
mod gateway;
mod hygiene;
mod instructions;
mod keys;
mod paths;
mod providers;
mod refusals;
mod rules;
mod transfer;
mod up;
mod usage;
mod workspaces;

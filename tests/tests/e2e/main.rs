//! What must hold between a client, a real Envoy, the control server and providers.

mod answers;
mod bytes_kept;
mod compose;
mod envoy_state;
mod hygiene;
mod paths;
mod providers;
mod refusals;
mod rules;
mod up;
mod usage;

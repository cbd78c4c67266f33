//! Answers that are kept for those who ask the same again: who may have them, by what they are found, and how a plain
//! answer becomes a stream and a stream a plain answer. What is kept is always plain and in the client's dialect. This
//! module keeps nothing itself.

mod gather;
mod key;
mod replay;
mod whole;

use crate::config::Deployment;
use crate::endpoint::Endpoint;
use crate::snapshot::Workspace;

pub use gather::Gatherer;
pub use key::{Asked, Key, Origin, ask};
pub use replay::replay;
pub use whole::{is_whole, without_identity};

/// Members of a request that decide nothing of its answer but its shape, or only say who asks. The model is part of the
/// target.
const VOLATILE: [&[u8]; 8] = [
    b"model",
    b"stream",
    b"stream_options",
    b"user",
    b"metadata",
    b"safety_identifier",
    b"prompt_cache_key",
    b"prompt_cache_retention",
];

/// What a request does with kept answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Takes one, and else leaves its own.
    Use,
    /// Takes none, and leaves its own.
    Renew,
    Bypass,
}

/// For how long the answers of a target are kept, in seconds; 0: they are not.
pub fn ttl_s(workspace: &Workspace, deployment: Option<&Deployment>) -> u32 {
    deployment.and_then(|own| own.cache_ttl_s).unwrap_or(workspace.cache_ttl_s)
}

/// By what is asked for and `cache-control`, of which there may be several.
pub fn policy<'a>(endpoint: Endpoint, cache_control: impl Iterator<Item = &'a [u8]>) -> Policy {
    if matches!(endpoint, Endpoint::CountTokens | Endpoint::Models) {
        return Policy::Bypass;
    }
    let mut policy = Policy::Use;
    for directive in cache_control.flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii) {
        if directive.eq_ignore_ascii_case(b"no-store") {
            return Policy::Bypass;
        }
        if directive.eq_ignore_ascii_case(b"no-cache") {
            policy = Policy::Renew;
        }
    }
    policy
}

#[cfg(test)]
mod tests;

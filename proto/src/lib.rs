//! `muxspace.v1`: the contract between filter and control server.
//!
//! The messages are generated from `proto/muxspace/v1/sync.proto`; [`convert`] alone turns them into what `mux` works
//! with. It holds no policy: what a resource means is `mux`'s business.

pub mod convert;

#[allow(clippy::all)]
pub mod v1 {
    //! Generated from `muxspace/v1/sync.proto`.
    include!(concat!(env!("OUT_DIR"), "/muxspace.v1.rs"));
}

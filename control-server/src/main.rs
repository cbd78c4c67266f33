//! The Muxspace control server.
fn main() {}

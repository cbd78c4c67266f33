//! Compiles `muxspace.v1` with a pure-Rust protobuf compiler; the gRPC service only for the `server` feature.

const FILE: &str = "proto/muxspace/v1/sync.proto";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed={FILE}");
    let files = protox::compile([FILE], ["proto"])?;
    if std::env::var_os("CARGO_FEATURE_SERVER").is_some() {
        tonic_prost_build::configure().compile_fds(files)?;
    } else {
        prost_build::Config::new().compile_fds(files)?;
    }
    Ok(())
}

//! The target `sse` of `muxspace-fuzz` for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| muxspace_fuzz::run("sse", input));

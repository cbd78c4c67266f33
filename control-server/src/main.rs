//! The Muxspace control server and command line.

fn main() -> std::process::ExitCode {
    muxspace::cli::main()
}

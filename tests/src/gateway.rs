//! `lienthong` itself, for tests that watch it from outside as a process.

fn main() -> std::process::ExitCode {
    lienthong::cli::main()
}

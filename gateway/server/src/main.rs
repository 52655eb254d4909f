//! `lienthong`: one binary, everything in it. See `cli` for the commands.

fn main() -> std::process::ExitCode {
    lienthong::cli::main()
}

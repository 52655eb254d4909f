//! The gateway as it is, built with its crash points: see `lienthong::crash`.

use std::process::ExitCode;

fn main() -> ExitCode {
    lienthong::cli::main()
}

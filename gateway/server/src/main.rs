//! `lienthong`: one binary, everything in it. See `cli` for the commands.

/// A message is some two hundred small allocations that die together; this allocator makes the hop a tenth faster.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    lienthong::cli::main()
}

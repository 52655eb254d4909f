//! `lienthong`: one binary, everything in it. See `cli` for the commands.

/// A message is some two hundred small allocations that die together; this allocator makes the hop a tenth faster.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    // The allocator asks for huge pages, of which each holds two megabytes for what may be a few hundred bytes: an idle gateway would
    // weigh ten megabytes more and be no faster. A system that cannot say so has none to give.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    lienthong::cli::main()
}

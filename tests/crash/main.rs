//! The real binary, killed between any two writes: what was answered with success is at the portal in the end, once and in
//! order, and the store opens clean and explains every dossier.
//!
//! `CRASH_SEEDS=50` tries more moments; by default there are few, so that the whole stays below two minutes and a half.

mod backup;
mod crowd;
mod down;
mod feed;
mod kill;
mod lives;
mod money;
mod mutants;
mod network;
mod panics;
mod polled;
mod prove;
mod stop;
mod sweep;
mod sync;
mod world;

//! The skin of Liên Thông: sockets, disk, clock, processes. It does what the core decided.
//!
//! Read in this order: [`intake`] (the receiving half of a message's way), [`delivery`] (the sending half), then their leaves:
//! [`poller`] (peers that do not call are asked), [`http`], [`store`], [`transport`], [`sessions`]; [`app`] composes, [`cli`] is what people type.

pub mod app;
pub mod audit;
pub mod backup;
pub mod catalogue;
pub mod certificates;
pub mod cli;
pub mod clock;
pub mod config;
pub mod crash;
pub mod delivery;
pub mod disk;
pub mod doorkeeper;
pub mod files;
pub mod health;
pub mod http;
pub mod intake;
pub mod keyring;
pub(crate) mod lifting;
pub mod openapi;
pub(crate) mod outflow;
mod payment;
mod piecework;
pub mod poller;
pub mod posted;
pub mod prove;
pub(crate) mod publishing;
pub mod question;
pub mod queue;
pub mod rules;
pub mod sessions;
pub mod simulator;
pub mod store;
pub mod story;
pub mod telemetry;
pub mod transport;
pub mod watched;
pub mod words;

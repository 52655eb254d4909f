//! Through the front doors only: what a user sees. One binary, so that it links once.

mod commands;
mod contracts;
mod stories;
mod tidy;
mod tls;
mod translations;

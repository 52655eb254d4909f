//! Through the front doors only: what a user sees. One binary, so that it links once.

mod commands;
mod contracts;
mod damage;
mod doors;
mod entrance;
mod fuzz;
mod outside;
mod privacy;
mod process;
mod sessions;
mod stories;
mod tidy;
mod tls;
mod translations;
mod webhooks;
mod wire;

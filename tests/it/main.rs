//! Through the front doors only: what a user sees. One binary, so that it links once.

mod stories;
mod tls;

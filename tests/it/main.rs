//! Through the front doors only: what a user sees. One binary, so that it links once.

mod ailing;
mod clients;
mod commands;
mod contracts;
mod damage;
mod doors;
mod entrance;
mod fuzz;
mod openapi;
mod outside;
mod package;
mod posted;
mod privacy;
mod process;
mod questions;
mod rabbitmq;
mod sessions;
mod simulators;
mod stories;
mod subscribers;
mod tidy;
mod tls;
mod translations;
mod waiting;
mod webhooks;
mod wire;

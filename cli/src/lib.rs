//! The command line `conveyor-driver`, and what a laptop needs beside a driver: a
//! [control plane](control_plane) small enough to read, and a [`nats-server`](nats_server) to run it
//! on. For development and tests; the real Conveyor CI server takes their place without a change to
//! any driver.
#![forbid(unsafe_code)]

mod api;
mod arguments;
mod commands;
mod connection;
pub mod control_plane;
pub mod dev;
mod documents;
mod exit_code;
mod fault;
mod jetstream;
pub mod nats_server;
pub mod rest;
mod screen;
mod services;

pub use arguments::command_line;

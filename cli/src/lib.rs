//! What a laptop needs beside a driver: a [control plane](control_plane) small enough to read, and
//! a [`nats-server`](nats_server) to run it on. For development and tests; the real Conveyor CI
//! server takes their place without a change to any driver.
#![forbid(unsafe_code)]

pub mod control_plane;
pub mod nats_server;

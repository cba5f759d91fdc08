//! The driver manager, on the embedded stream and on a real server.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod answers;
mod cancelling;
mod consumers;
mod dead_letters;
mod draining;
mod leases;
mod logs;
mod order;
mod retries;
mod review;
mod starting;
mod tracing_lines;

//! The driver manager, on the embedded stream and on a real server.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod answers;
mod blocked_lanes;
mod cancelling;
mod consumers;
mod dead_letters;
mod draining;
mod ending;
mod host_logs;
mod host_managers;
mod host_waits;
mod hosts;
mod lease_limits;
mod leases;
mod limits;
mod log_limits;
mod logs;
mod made_anew;
mod odd_stream;
mod order;
mod parts;
mod reporting;
mod retries;
mod services;
mod starting;
mod tracing_lines;

//! The client of the Conveyor API against servers that do what is told: answer, stall, break off.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod answers;
mod calls;

mod faults;
mod identities;
mod log_streams;
mod proxies;
mod runs;
mod secrets;
mod stub;
mod tls;
mod tokens;

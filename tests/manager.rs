//! The driver manager, on the embedded stream and on a real server.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "manager/answers.rs"]
mod answers;
#[path = "manager/consumers.rs"]
mod consumers;
#[path = "manager/dead_letters.rs"]
mod dead_letters;
#[path = "manager/draining.rs"]
mod draining;
#[path = "manager/leases.rs"]
mod leases;
#[path = "manager/logs.rs"]
mod logs;
#[path = "manager/order.rs"]
mod order;
#[path = "manager/retries.rs"]
mod retries;
#[path = "manager/starting.rs"]
mod starting;
#[path = "manager/tracing_lines.rs"]
mod tracing_lines;

//! The protocol's vectors, every one of them: what drivers receive and send, and how the pipeline
//! engine and the log store react.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "vectors_checks/driver_messages.rs"]
mod driver_messages;
#[path = "vectors_checks/driver_results.rs"]
mod driver_results;
#[path = "vectors_checks/engine_cases.rs"]
mod engine_cases;
#[path = "vectors_checks/logs.rs"]
mod logs;
#[path = "vectors_checks/pipeline_events.rs"]
mod pipeline_events;
#[path = "vectors_checks/shop.rs"]
mod shop;
#[path = "vectors_checks/vector_file.rs"]
mod vector_file;

//! The protocol's vectors, every one of them: what drivers receive and send, and how the pipeline
//! engine and the log store react.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod api_errors;
mod driver_messages;
mod driver_results;
mod engine_cases;
mod logs;
mod pipeline_events;
mod resources;
mod shop;

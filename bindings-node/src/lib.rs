//! The native half of the npm package `conveyor-driver`: it converts and forwards. It calls JavaScript
//! in one way only, a wake without arguments; whatever else there is to know, JavaScript asks for.

// What JavaScript calls is public and takes its arguments by value: napi has it so.
#![allow(unreachable_pub, clippy::needless_pass_by_value)]
// In a test build napi registers nothing.
#![cfg_attr(test, allow(dead_code))]

mod client;
mod command_line;
mod commands;
mod embedded;
mod error;
mod host;
mod manager;
mod options;
mod run;
mod signals;
mod wake;

/// The runtime's threads free what others took, many times an event, which is dear in most allocators.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

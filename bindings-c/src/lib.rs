//! The runtime as a C library. It converts and forwards; what a driver does is the core's.
//!
//! Every function of the interface is [guarded](guard): a panic becomes an error, and so does a handle that
//! is stale or of another kind, since handles are numbers that are looked up.
#![allow(unsafe_code, non_camel_case_types, unreachable_pub)]

mod answers;
mod callbacks;
mod client;
mod complete;
mod disposition;
mod driver;
mod embedded;
mod error;
mod exec;
mod fork;
mod guard;
mod handle;
mod interrupt;
mod json;
mod library_log;
mod manager;
mod places;
mod pool;
mod queue;
mod resource;
mod run;
mod run_log;
mod signals;
mod stack;
mod take;
mod text;
mod time;
mod version;
mod view;

/// The runtime's threads free what others took, many times an event, which is dear in most allocators. A debug build
/// has the system's, which valgrind and the sanitizers look through.
#[cfg(not(debug_assertions))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

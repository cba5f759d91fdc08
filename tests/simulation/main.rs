//! The driver manager under random faults on virtual time: thousands of histories, each from one
//! seed, each checked whole.
//!
//! `SIMULATION_SEED=<n>` repeats one history and prints its trace. `SIMULATION_FROM=<n>` and
//! `SIMULATION_HISTORIES=<n>` choose others than the usual ones.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod check;
mod event;
mod fault;
mod history;
mod instance;
mod plan;
mod recorder;
mod seeds;
mod stage;
mod tally;
mod wire;
mod work;

//! The fault matrix, each cell once with a seed of its own, and the checker that judges it.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, clippy::print_stderr)]

mod checker;
mod matrix;
mod proxy;

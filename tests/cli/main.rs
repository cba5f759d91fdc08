//! The command line as its user meets it: what it prints, how it exits, what it leaves behind.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod developing;
mod driving;
mod files;
#[path = "../src/household.rs"]
pub mod household;
mod operating;
mod scripts;
mod support;
mod terminal;
mod words;

//! The command line as its user meets it: what it prints, how it exits, what it leaves behind.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod developing;
mod driving;
mod files;
mod operating;
mod scripts;
mod support;
mod terminal;
mod words;

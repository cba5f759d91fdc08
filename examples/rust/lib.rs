//! Drivers to read, run and copy.
#![forbid(unsafe_code)]

pub mod git_build;

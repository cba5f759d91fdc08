//! The contract with other languages: every file that is generated from the Rust definitions is up
//! to date, and its schemas say what the runtime does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod append_only;
mod artefact;
mod artefacts;
mod c;
mod documents;
mod go;
mod node;
mod prose;
mod python;
mod schema;
mod verdicts;
mod words;

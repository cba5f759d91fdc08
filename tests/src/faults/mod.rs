//! The fault matrix: real servers, a bad network, drivers that are killed, and a checker that reads
//! all that came of it.

pub mod actor;
mod admin;
mod cells;
mod checker;
mod driver;
mod history;
mod lines;
mod outcome;
mod proxy;
mod report;
mod scene;
mod servers;
mod setup;
mod soak;
mod spans;

pub use cells::{Body, Cell, all};
pub use checker::{Bounds, Verdict, check};
pub use history::{
    DeadLetter, Deed, Expect, History, Outcome, Post, Record, StoredLine, StoredResult, text,
};
pub use proxy::{Cut, Proxy, Weather};
pub use report::{Report, run_cell, run_cells};
pub use soak::{Soak, soak};

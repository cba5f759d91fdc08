//! The shared scenarios: files that say what a driver does, what happens to it, and what must come of
//! it, for every language. Their words stand in `tests/scenarios/README.md`.
//!
//! A file is [read and checked](Scenario), [played](play) on a [`Ground`] by a [`Host`], and what was
//! [seen](Seen) is [judged](differences). Only the host differs between languages.

mod document;
mod ear;
mod expectation;
mod ground;
mod here;
mod host;
mod interpreter;
mod judge;
mod pattern;
mod play;
mod post;
mod program;
mod seen;
mod step;

pub use document::{Need, Scenario, scenarios};
pub use ground::{Ground, Grounds};
pub use here::Here;
pub use host::{Host, Instance, Refusal, Release, report_document};
pub use interpreter::interpreter;
pub use judge::differences;
pub use play::play;
pub use program::Program;
pub use seen::Seen;
pub use step::Step;

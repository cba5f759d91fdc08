//! The Conveyor CI driver runtime.
#![forbid(unsafe_code)]

mod clock;
mod driver;
mod error;
pub mod exec;
mod failure;
mod fault_point;
mod logger;
mod manager;
pub mod message;
pub mod options;
mod patience;
mod run;
mod run_id;
pub mod stream;
pub mod subject;
#[cfg(feature = "testing")]
pub mod testing;

pub use driver::{Driver, DriverBuilder};
pub use error::{Error, ErrorCode, Result};
pub use failure::Failure;
pub use logger::{Level, LogLine, RunLog, RunLogLayer};
pub use manager::{DrainReport, DriverManager, DriverReport, RunningManager, StopHandle};
pub use message::DriverResult;
pub use run::Run;
pub use run_id::RunId;

//! The Conveyor CI driver runtime.
#![forbid(unsafe_code)]

mod cancellation;
#[cfg(feature = "client")]
pub mod client;
mod clock;
#[cfg(feature = "contract")]
pub mod contract;
mod driver;
mod error;
mod error_document;
pub mod exec;
mod failure;
mod fault_point;
pub mod host;
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
#[cfg(any(feature = "client", feature = "nats"))]
mod tls;

pub use cancellation::CancelReason;
#[cfg(feature = "client")]
pub use client::Client;
pub use driver::{Driver, DriverBuilder};
pub use error::{Error, ErrorCode, Result};
pub use failure::Failure;
#[cfg(feature = "fault-points")]
pub use fault_point::jump_clock;
pub use logger::{Level, LogLine, RunLog, RunLogLayer};
pub use manager::{
    DrainReport, DriverManager, DriverReport, HostManager, RunningManager, StopHandle, StopSignals,
};
pub use message::DriverResult;
pub use run::Run;
pub use run_id::RunId;

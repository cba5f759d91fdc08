//! The Conveyor CI driver runtime.
#![forbid(unsafe_code)]

mod clock;
pub mod error;
pub mod exec;
pub mod message;
pub mod options;
pub mod run_id;
pub mod stream;
pub mod subject;

pub use error::{Error, ErrorCode, Result};
pub use run_id::RunId;

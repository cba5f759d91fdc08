//! The driver logger: takes the lines of all runs of a driver, keeps their order, and sees them
//! stored.
//!
//! A line is stamped and encoded where it is written ([`RunLog`]), waits in a bounded queue
//! (`queue.rs`), and is published by one sender (`sender.rs`) that keeps a window of receipts open.
//! When the queue is full the writer waits, or gets a ticket where it cannot (`tickets.rs`). Before a
//! result is published its run's log is flushed.

mod fields;
mod fitted;
mod hold;
mod line;
mod pieces;
mod queue;
mod queued_line;
mod run_log;
mod sender;
mod subjects;
mod tickets;
mod tracing_layer;

pub use line::{Level, LogLine};
pub use run_log::RunLog;
pub use tickets::LogTicket;
pub use tracing_layer::RunLogLayer;

pub(crate) use fields::Fields;
pub(crate) use queue::LogQueue;
pub(crate) use sender::LogSender;
pub(crate) use tickets::TicketHolder;
pub(crate) use tracing_layer::{in_log, run_span};

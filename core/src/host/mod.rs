//! The seam between the runtime and whatever runs the user's function: a queue, not a callback.
//!
//! The core puts runs into a [`RunQueue`] and wakes the host once for a burst of them. The host takes
//! a batch, has each run done in its own way, on its own threads or loop, and completes it. Permits,
//! leases, limits, retries, cancellation and logs stay in the core, so that a driver behaves the same
//! in every language. A Rust closure is served by the same queue (`function.rs`).
//!
//! | | |
//! | --- | --- |
//! | core → host | *wake*: there is something where nothing was. In one of these ways: [`ready`](RunQueue::ready) for tasks, [`wait`](RunQueue::wait) for threads, [`wake_fd`](RunQueue::wake_fd) for event loops, the call of [`waking`](RunQueue::waking) |
//! | host → core | *drain*: [`take`](RunQueue::take) or [`take_into`](RunQueue::take_into) until no run is left, and of the notices those that concern it |
//! | | [`take_cancelled`](RunQueue::take_cancelled): runs that should end early |
//! | | [`take_state`](RunQueue::take_state): how far the [`HostManager`](crate::HostManager) is, and that the queue was closed |
//! | | [`take_accepted`](RunQueue::take_accepted): log lines that have room now; only for a host that writes them with [`log`](RunQueue::log) |
//! | | [`take_library_logs`](RunQueue::take_library_logs): what the library says; only after [`attach_library_logs`](RunQueue::attach_library_logs) |
//! | host → core | [`complete`](RunQueue::complete) or [`complete_all`](RunQueue::complete_all), once for each run; a run that is dropped completes as [`Outcome::Dropped`] |
//!
//! A host of many threads has each of them wait in [`next`](RunQueue::next), which wakes one for each run,
//! and one more in [`wait_for_notice`](RunQueue::wait_for_notice) for all the rest.
//!
//! A queue belongs to the process that runs come from. In a fork of it nothing of the queue may be called,
//! as [`HomeProcess`] and every call of the manager tell; what is dropped there is left alone.
//!
//! No call of a queue ever waits, unless its name says so, and none calls back into the host with a
//! lock held.

#[cfg(feature = "client")]
mod api_calls;
mod cancel_descriptor;
#[cfg(feature = "client")]
mod client_runtime;
mod complete_resource;
mod control_plane;
#[cfg(feature = "core-end")]
mod core_end;
mod descriptor;
mod embedded_results;
mod function;
mod handed;
mod library_logs;
mod log;
mod open;
mod process;
mod queue;
mod resource_parts;
mod shared;
mod state;
mod wake;

pub use crate::logger::LogTicket;
#[cfg(feature = "client")]
pub use api_calls::{Answer, ApiCalls};
pub use cancel_descriptor::CancelDescriptor;
pub use complete_resource::is_complete_resource;
pub use control_plane::EmbeddedControlPlane;
#[cfg(feature = "core-end")]
pub use core_end::CoreEnd;
pub use handed::HandedRun;
pub use library_logs::{LibraryLog, LibraryLogLayer, LibraryLogs};
pub use open::RunKey;
pub use process::HomeProcess;
pub use queue::{CancelNotice, RunQueue};
pub use resource_parts::ResourceParts;
pub use state::ManagerState;

pub(crate) use function::serve;
pub(crate) use handed::InHand;

use crate::failure::Failure;
use crate::message::DriverResult;

/// What a host says of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The user's function returned, failed, or asked for another attempt.
    Ended(Result<DriverResult, Failure>),
    /// Nobody will say what came of it. The event is given back and tried again, as after a retry.
    Dropped,
}

//! The seam between the runtime and whatever runs the user's function: a queue, not a callback.
//!
//! The core puts runs into a [`RunQueue`] and wakes the host once for a burst of them. The host takes
//! a batch, has each run done in its own way, on its own threads or loop, and completes it. Permits,
//! leases, limits, retries, cancellation and logs stay in the core, so that a driver behaves the same
//! in every language. A Rust closure is served by the same queue (`function.rs`).
//!
//! | | |
//! | --- | --- |
//! | core → host | *wake*: a queue that was empty no longer is |
//! | host → core | [`take`](RunQueue::take), [`take_cancelled`](RunQueue::take_cancelled), until nothing is left |
//! | host → core | [`complete`](RunQueue::complete), once for each run; a run that is dropped completes as [`Outcome::Dropped`] |

mod function;
mod handed;
mod open;
mod queue;
mod wake;

pub use handed::HandedRun;
pub use open::RunKey;
pub use queue::{CancelNotice, RunQueue};

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

//! An event that this process has the right to run.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::generation::Taken;
use super::lease::{Lease, Leases};
use crate::cancellation::Cancellation;
use crate::message::DriverMessage;

/// A delivery whose message could be read, with its lease and its cancellation.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) delivery: Taken,
    pub(super) message: DriverMessage,
    pub(super) lease: Lease,
    pub(super) cancel: Cancellation,
}

impl Event {
    /// Takes the lease. `all` cancels it with all others of its driver.
    pub(super) fn take(
        delivery: Taken,
        message: DriverMessage,
        leases: &Arc<Leases>,
        all: &CancellationToken,
    ) -> Self {
        let cancel = Cancellation::below(all);
        let lease = leases.take(&delivery, &message.run_id, &cancel);
        Self { delivery, message, lease, cancel }
    }
}

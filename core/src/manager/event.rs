//! An event that this process has the right to run.

use std::sync::Arc;

use super::generation::Taken;
use super::lease::{Lease, Leases};
use crate::cancellation::Cancellation;
use crate::message::DriverMessage;

/// A delivery whose message could be read, with its lease and its cancellation.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) delivery: Taken,
    pub(super) message: Arc<DriverMessage>,
    pub(super) lease: Lease,
    pub(super) cancel: Cancellation,
}

impl Event {
    /// Takes the lease.
    pub(super) fn take(delivery: Taken, message: DriverMessage, leases: &Arc<Leases>) -> Self {
        let (message, cancel) = (Arc::new(message), Cancellation::default());
        let lease = leases.take(&delivery, &message, &cancel);
        Self { delivery, message, lease, cancel }
    }

    /// Which delivery of the event this is, from 1.
    pub(super) fn attempt(&self) -> u32 {
        self.delivery.attempt()
    }
}

//! Which making of the consumer a delivery came from.
//!
//! The server knows a delivery by its message's number alone, and numbers start again when the stream
//! is made anew, as after a lost disk. What was taken before must not settle what came after.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::stream::Delivery;

/// How often the consumer was made anew since the driver started.
#[derive(Clone, Debug, Default)]
pub(super) struct Generation(Arc<AtomicU64>);

impl Generation {
    pub(super) fn current(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    pub(super) fn advance(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// A delivery with the generation it was taken in.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) delivery: Delivery,
    pub(super) generation: u64,
}

impl Taken {
    /// Which delivery of its message this is, from 1.
    pub(super) fn attempt(&self) -> u32 {
        u32::try_from(self.delivery.attempt).unwrap_or(u32::MAX)
    }
}

impl Deref for Taken {
    type Target = Delivery;

    fn deref(&self) -> &Delivery {
        &self.delivery
    }
}

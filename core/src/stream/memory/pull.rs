//! A pull: takes from its consumer while somebody waits for it.

use std::future::pending;
use std::pin::pin;

use async_trait::async_trait;
use tokio::time::sleep_until;

use super::claim::{Claim, Found};
use super::link::Link;
use super::{MemoryStream, closed};
use crate::error::Result;
use crate::stream::{Delivery, Pull};

/// A pull on one consumer of the embedded stream.
#[derive(Debug)]
pub(super) struct MemoryPull {
    connection: MemoryStream,
    claim: Claim,
}

impl MemoryPull {
    pub(super) fn new(connection: MemoryStream, claim: Claim) -> Self {
        Self { connection, claim }
    }
}

#[async_trait]
impl Pull for MemoryPull {
    fn request(&mut self, more: usize) {
        self.claim.extend(more, &mut self.connection.server());
    }

    async fn next(&mut self) -> Result<Vec<Delivery>> {
        tokio::task::coop::consume_budget().await;
        let mut link = self.connection.watch();
        loop {
            let state = *link.borrow_and_update();
            match state {
                Link::Up => {}
                Link::Closed => return Err(closed()),
                Link::Cut => {
                    // The sender is held by the connection, so this only ends with a change.
                    let _ = link.changed().await;
                    continue;
                }
            }
            let wake = self.claim.attach(&mut self.connection.server())?;
            let mut woken = pin!(wake.notified());
            // Listen before looking, or what comes between the two is missed.
            woken.as_mut().enable();
            let due = match self.claim.take(&mut self.connection.server())? {
                Found::Deliveries(deliveries) => return Ok(deliveries),
                Found::Nothing(due) => due,
            };
            let falls_due = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                _ = link.changed() => {}
                () = woken => {}
                () = falls_due => {}
            }
        }
    }

    async fn stop(&mut self) -> Vec<Delivery> {
        self.claim.withdraw(&mut self.connection.server());
        Vec::new()
    }
}

impl Drop for MemoryPull {
    fn drop(&mut self) {
        self.claim.withdraw(&mut self.connection.server());
    }
}

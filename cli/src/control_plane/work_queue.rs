//! Taking messages off a work queue, whatever happens to consumer, stream and server.

use std::collections::HashSet;
use std::future::Future;
use std::time::Duration;

use conveyor_driver::stream::{Delivery, Pull, Settlement, SharedStream};
use conveyor_driver::{ErrorCode, Result};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::streams::{WorkQueue, put_streams};

/// How many messages are asked for ahead of their turn.
const WINDOW: usize = 64;
const PAUSE: Duration = Duration::from_millis(200);

/// What is done with a message.
pub(super) trait Handler: Send {
    /// Whether the message is done with; it comes back when not.
    fn handle(&mut self, delivery: &Delivery) -> impl Future<Output = bool> + Send;
}

/// One reader of a work queue.
pub(super) struct Reader<H> {
    pub(super) stream: SharedStream,
    pub(super) queue: WorkQueue,
    pub(super) handler: H,
    pub(super) stop: CancellationToken,
    /// The numbers of messages done with: a lost ack must not do them twice.
    pub(super) done: HashSet<u64>,
}

impl<H: Handler> Reader<H> {
    /// Reads until told to stop or the stream is closed.
    pub(super) async fn run(mut self) {
        while !self.stop.is_cancelled() {
            let Err(error) = self.read().await else { break };
            if error.code() == ErrorCode::Closed {
                break;
            }
            tracing::warn!(queue = self.queue.name, %error, "cannot read; trying again");
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = sleep(PAUSE) => {}
            }
        }
    }

    /// Ends without an error only when told to stop.
    async fn read(&mut self) -> Result<()> {
        let stop = self.stop.clone();
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            made = self.make_consumer() => made?,
        }
        let mut pull = self.stream.pull(self.queue.name, self.queue.name).await?;
        pull.request(WINDOW);
        let outcome = self.take(&mut *pull, &stop).await;
        for delivery in pull.stop().await {
            self.stream.settle(&delivery.token, Settlement::Nak(Duration::ZERO)).await?;
        }
        outcome
    }

    async fn take(&mut self, pull: &mut dyn Pull, stop: &CancellationToken) -> Result<()> {
        loop {
            let deliveries = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                deliveries = pull.next() => deliveries?,
            };
            pull.request(deliveries.len());
            for delivery in &deliveries {
                let settlement = if self.is_done(delivery).await {
                    Settlement::Ack
                } else {
                    Settlement::Nak(Duration::ZERO)
                };
                self.stream.settle(&delivery.token, settlement).await?;
            }
        }
    }

    async fn is_done(&mut self, delivery: &Delivery) -> bool {
        if self.done.contains(&delivery.sequence) {
            return true;
        }
        let done = !self.stop.is_cancelled() && self.handler.handle(delivery).await;
        if done {
            self.done.insert(delivery.sequence);
        }
        done
    }

    async fn make_consumer(&mut self) -> Result<()> {
        if self.stream.stream(self.queue.name).await?.is_none() {
            put_streams(&*self.stream).await?;
            // A new stream counts anew.
            self.done.clear();
        }
        self.stream.put_consumer(self.queue.name, &self.queue.consumer()).await?;
        Ok(())
    }
}

//! A stream of a test's own, and the few steps behaviours are told in.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use conveyor_driver::stream::{
    ConsumerConfig, ConsumerInfo, Delivery, Message, Pull, Retention, Settlement, SharedStream,
    Stored, StreamConfig,
};
use conveyor_driver::{Error, ErrorCode, Result};
use tokio::time::{Instant, sleep, timeout};

/// The ack wait of consumers made here. The real server runs in real time, so it is short.
pub(crate) const ACK_WAIT: Duration = Duration::from_secs(1);
/// How long anything may take that is to happen.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A name no other test uses.
pub(crate) fn unique_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("s{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A consumer that keeps to the defaults of this suite.
pub(crate) fn consumer_config(name: &str, filters: Vec<String>) -> ConsumerConfig {
    ConsumerConfig {
        name: name.to_owned(),
        durable: true,
        filters,
        ack_wait: ACK_WAIT,
        max_ack_pending: 1000,
        inactive_threshold: None,
        metadata: BTreeMap::new(),
    }
}

/// One stream with a name of its own that takes every subject below that name.
pub(crate) struct Scene {
    pub(crate) stream: SharedStream,
    pub(crate) name: String,
}

impl Scene {
    pub(crate) async fn new(stream: SharedStream, retention: Retention) -> Result<Self> {
        let name = unique_name();
        let subjects = format!("{name}.>");
        stream.put_stream(&StreamConfig::new(&name, &[&subjects], retention)).await?;
        Ok(Self { stream, name })
    }

    pub(crate) fn subject(&self, rest: &str) -> String {
        format!("{}.{rest}", self.name)
    }

    pub(crate) fn config(&self, name: &str, filters: &[&str]) -> ConsumerConfig {
        consumer_config(name, filters.iter().map(|filter| self.subject(filter)).collect())
    }

    pub(crate) async fn put(&self, config: &ConsumerConfig) -> Result<ConsumerInfo> {
        self.stream.put_consumer(&self.name, config).await
    }

    pub(crate) async fn consumer(&self, name: &str, filters: &[&str]) -> Result<ConsumerInfo> {
        self.put(&self.config(name, filters)).await
    }

    pub(crate) async fn info(&self, consumer: &str) -> Result<ConsumerInfo> {
        let found = self.stream.consumer(&self.name, consumer).await?;
        found.ok_or_else(|| Error::new(ErrorCode::NotFound, consumer))
    }

    pub(crate) async fn delete(&self, consumer: &str) -> Result<()> {
        self.stream.delete_consumer(&self.name, consumer).await
    }

    pub(crate) async fn publish(&self, rest: &str, payload: &'static str) -> Result<Stored> {
        self.stream.publish(Message::new(self.subject(rest), payload)).await?.await
    }

    /// Publishes so many messages to one subject.
    pub(crate) async fn publish_many(&self, rest: &str, count: usize) -> Result<()> {
        for _ in 0..count {
            self.publish(rest, "x").await?;
        }
        Ok(())
    }

    /// A pull that has asked for so many.
    pub(crate) async fn pull(&self, consumer: &str, count: usize) -> Result<Box<dyn Pull>> {
        let mut pull = self.stream.pull(&self.name, consumer).await?;
        pull.request(count);
        Ok(pull)
    }

    /// So many deliveries from a consumer, and no more asked for.
    pub(crate) async fn take(&self, consumer: &str, count: usize) -> Result<Vec<Delivery>> {
        take(&mut *self.pull(consumer, count).await?, count).await
    }

    pub(crate) async fn settle(&self, delivery: &Delivery, settlement: Settlement) -> Result<()> {
        self.stream.settle_confirmed(&delivery.token, settlement).await
    }

    pub(crate) async fn ack(&self, deliveries: &[Delivery]) -> Result<()> {
        for delivery in deliveries {
            self.settle(delivery, Settlement::Ack).await?;
        }
        Ok(())
    }

    /// How many messages the stream holds, as a consumer of all of them sees it. Not for work
    /// queues, which refuse such a consumer beside others.
    pub(crate) async fn held(&self) -> Result<u64> {
        let info = self.consumer("observer", &[]).await?;
        self.delete("observer").await?;
        Ok(info.pending)
    }

    pub(crate) async fn holds(&self, count: u64) -> Result<()> {
        eventually(async || Ok((self.held().await? == count).then_some(()))).await
    }
}

/// Waits for so many deliveries.
pub(crate) async fn take(pull: &mut dyn Pull, count: usize) -> Result<Vec<Delivery>> {
    let mut taken = Vec::new();
    while taken.len() < count {
        match timeout(DEADLINE, pull.next()).await {
            Ok(deliveries) => taken.extend(deliveries?),
            Err(_) => return Err(late()),
        }
    }
    Ok(taken)
}

/// Makes sure that nothing is delivered for so long.
pub(crate) async fn stays_silent(pull: &mut dyn Pull, long: Duration) {
    let outcome = timeout(long, pull.next()).await;
    assert!(outcome.is_err(), "came all the same: {outcome:?}");
}

/// Asks until there is an answer.
pub(crate) async fn eventually<T>(ask: impl AsyncFn() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        if Instant::now() > deadline {
            return Err(late());
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// The code a call failed with.
pub(crate) fn code<T>(outcome: Result<T>) -> Option<ErrorCode> {
    outcome.err().map(|error| error.code())
}

/// The numbers of the messages, and which attempt each is.
pub(crate) fn attempts(deliveries: &[Delivery]) -> Vec<(u64, u64)> {
    deliveries.iter().map(|delivery| (delivery.sequence, delivery.attempt)).collect()
}

pub(crate) fn sequences(deliveries: &[Delivery]) -> Vec<u64> {
    deliveries.iter().map(|delivery| delivery.sequence).collect()
}

fn late() -> Error {
    Error::new(ErrorCode::TimedOut, "what was to happen did not")
}

//! The embedded stream with faults that it cannot be told.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use conveyor_driver::stream::{
    AckToken, ConsumerConfig, ConsumerInfo, EventStream, MemoryStream, Message, Pull, Receipt,
    Settlement, StreamConfig,
};
use conveyor_driver::{Error, ErrorCode};
use conveyor_driver_tests::Stage;
use futures_util::stream::BoxStream;

/// What is asked of a stream by one part of a driver each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    StoreLine,
    Renew,
    Acknowledge,
    ListenForRequests,
}

/// The embedded stream with faults that it cannot be told.
#[derive(Clone, Debug)]
pub(crate) struct Odd {
    pub(crate) memory: MemoryStream,
    pub(crate) limit: Arc<AtomicUsize>,
    /// What the streams take, which may be less than what the server takes.
    pub(crate) stream_limit: Arc<AtomicUsize>,
    /// Published log lines whose receipts were not looked at, and the most there ever were.
    pub(crate) open_lines: Arc<AtomicUsize>,
    pub(crate) most_open_lines: Arc<AtomicUsize>,
    /// Pulls fail at once and always, although the consumer is fine.
    pub(crate) bad_pulls: Arc<AtomicBool>,
    pub(crate) consumer_looks: Arc<AtomicUsize>,
    /// Settling a delivery of this consumer panics.
    pub(crate) panics_for: Arc<Mutex<Option<String>>>,
    /// What the runtime asks the stream for when it panics.
    pub(crate) panics_at: Arc<Mutex<Option<Asked>>>,
    /// How often pulling was started.
    pub(crate) pulls: Arc<AtomicUsize>,
    /// The first delivery that is renewed never gets an answer.
    pub(crate) first_token_hangs: Arc<AtomicBool>,
    pub(crate) hanging: Arc<Mutex<Option<AckToken>>>,
    /// The consumer of this name is unavailable.
    pub(crate) no_consumer: Arc<Mutex<Option<String>>>,
}

impl Odd {
    pub(crate) async fn new() -> Self {
        let memory = MemoryStream::new();
        for config in StreamConfig::of_control_plane() {
            memory.put_stream(&config).await.unwrap();
        }
        Self {
            memory,
            limit: Arc::new(AtomicUsize::new(1_048_576)),
            stream_limit: Arc::new(AtomicUsize::new(1_048_576)),
            open_lines: Arc::default(),
            most_open_lines: Arc::default(),
            bad_pulls: Arc::default(),
            consumer_looks: Arc::default(),
            panics_for: Arc::default(),
            panics_at: Arc::default(),
            pulls: Arc::default(),
            first_token_hangs: Arc::default(),
            hanging: Arc::default(),
            no_consumer: Arc::default(),
        }
    }

    pub(crate) async fn stage(&self) -> Stage {
        Stage::on(Arc::new(self.clone()), Some(self.memory.clone())).await
    }

    fn asked(&self, what: Asked) {
        let panics_at = *self.panics_at.lock().unwrap();
        assert_ne!(panics_at, Some(what), "a fault within the runtime");
    }

    fn counted(&self, receipt: Receipt) -> Receipt {
        let open = self.open_lines.fetch_add(1, Ordering::AcqRel) + 1;
        self.most_open_lines.fetch_max(open, Ordering::AcqRel);
        let open_lines = self.open_lines.clone();
        Receipt::new(async move {
            let stored = receipt.await;
            open_lines.fetch_sub(1, Ordering::AcqRel);
            stored
        })
    }

    fn too_large(&self, message: &Message) -> Result<(), Error> {
        if message.wire_bytes() > self.limit.load(Ordering::Acquire) {
            return Err(Error::new(ErrorCode::TooLarge, "too large"));
        }
        Ok(())
    }
}

#[derive(Debug)]
struct BadPull;

#[async_trait]
impl Pull for BadPull {
    fn request(&mut self, _more: usize) {}
    async fn next(&mut self) -> Result<Vec<conveyor_driver::stream::Delivery>, Error> {
        tokio::task::yield_now().await;
        Err(Error::new(ErrorCode::Conflict, "Exceeded MaxRequestBatch of 1"))
    }
    async fn stop(&mut self) -> Vec<conveyor_driver::stream::Delivery> {
        Vec::new()
    }
}

#[async_trait]
impl EventStream for Odd {
    async fn put_stream(&self, config: &StreamConfig) -> Result<(), Error> {
        self.memory.put_stream(config).await
    }
    async fn stream(&self, name: &str) -> Result<Option<StreamConfig>, Error> {
        EventStream::stream(&self.memory, name).await
    }
    async fn put_consumer(&self, s: &str, config: &ConsumerConfig) -> Result<ConsumerInfo, Error> {
        self.memory.put_consumer(s, config).await
    }
    async fn consumer(&self, stream: &str, name: &str) -> Result<Option<ConsumerInfo>, Error> {
        if self.no_consumer.lock().unwrap().as_deref() == Some(name) {
            return Err(Error::new(ErrorCode::Unavailable, "no leader"));
        }
        self.consumer_looks.fetch_add(1, Ordering::AcqRel);
        self.memory.consumer(stream, name).await
    }
    async fn delete_consumer(&self, stream: &str, name: &str) -> Result<(), Error> {
        self.memory.delete_consumer(stream, name).await
    }
    async fn pull(&self, stream: &str, consumer: &str) -> Result<Box<dyn Pull>, Error> {
        if self.bad_pulls.load(Ordering::Acquire) {
            return Ok(Box::new(BadPull));
        }
        self.pulls.fetch_add(1, Ordering::AcqRel);
        self.memory.pull(stream, consumer).await
    }
    async fn publish(&self, message: Message) -> Result<Receipt, Error> {
        self.too_large(&message)?;
        let is_line = message.subject.starts_with("logs.");
        if is_line {
            self.asked(Asked::StoreLine);
        }
        let receipt = if message.wire_bytes() > self.stream_limit.load(Ordering::Acquire) {
            let refused = Error::new(ErrorCode::TooLarge, "message size exceeds maximum allowed");
            Receipt::new(std::future::ready(Err(refused)))
        } else {
            self.memory.publish(message).await?
        };
        Ok(if is_line { self.counted(receipt) } else { receipt })
    }
    async fn send(&self, message: Message) -> Result<(), Error> {
        self.too_large(&message)?;
        self.memory.send(message).await
    }
    async fn subscribe(&self, subject: &str) -> Result<BoxStream<'static, Message>, Error> {
        if subject.starts_with("control.") {
            self.asked(Asked::ListenForRequests);
        }
        self.memory.subscribe(subject).await
    }
    async fn settle(&self, token: &AckToken, settlement: Settlement) -> Result<(), Error> {
        let panics_for = self.panics_for.lock().unwrap().clone();
        if panics_for.is_some_and(|name| format!("{token:?}").contains(&format!(".{name}."))) {
            panic!("a fault within the runtime");
        }
        self.memory.settle(token, settlement).await
    }
    async fn settle_confirmed(&self, t: &AckToken, settlement: Settlement) -> Result<(), Error> {
        match settlement {
            Settlement::InProgress => self.asked(Asked::Renew),
            Settlement::Ack => self.asked(Asked::Acknowledge),
            _ => {}
        }
        if settlement == Settlement::InProgress && self.first_token_hangs.load(Ordering::Acquire) {
            let hangs = {
                let mut hanging = self.hanging.lock().unwrap();
                *hanging.get_or_insert_with(|| t.clone()) == *t
            };
            if hangs {
                std::future::pending::<()>().await;
            }
        }
        self.memory.settle_confirmed(t, settlement).await
    }
    async fn ready(&self) {
        self.memory.ready().await;
    }
    async fn flush(&self) -> Result<(), Error> {
        self.memory.flush().await
    }
    fn max_payload(&self) -> usize {
        self.limit.load(Ordering::Acquire)
    }
    async fn close(&self) {
        self.memory.close().await;
    }
}

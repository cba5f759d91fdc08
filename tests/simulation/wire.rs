//! An instance's connection: the embedded stream's, with a note of all that passes.

use std::future::ready;
use std::sync::Arc;

use async_trait::async_trait;
use conveyor_driver::message::ResultEvent;
use conveyor_driver::stream::{
    AckToken, ConsumerConfig, ConsumerInfo, Delivery, EventStream, MemoryStream, Message, Pull,
    Receipt, Settlement, Stored, StreamConfig,
};
use conveyor_driver::subject::{
    DEAD_LETTERS_STREAM, DRIVER_RESULT, LOGS_STREAM, ORIGIN_HEADER, PART_HEADER, PIPELINES_STREAM,
};
use conveyor_driver::{ErrorCode, Result};
use futures_util::stream::BoxStream;

use crate::event::event_of;
use crate::history::{Answer, Fate, Settled, What};
use crate::plan::Plan;
use crate::recorder::Recorder;

#[derive(Clone, Debug)]
pub(crate) struct Wire {
    pub(crate) inner: MemoryStream,
    pub(crate) instance: usize,
    pub(crate) plan: Arc<Plan>,
    pub(crate) recorder: Recorder,
}

impl Wire {
    fn note_settled(&self, token: &AckToken, settlement: &Settlement, confirmed: bool) {
        let by = match settlement {
            Settlement::Ack => Settled::Ack,
            Settlement::Nak(_) => Settled::Nak,
            Settlement::Term(_) => Settled::Term,
            Settlement::InProgress => return,
        };
        let delivery = self.recorder.delivery(self.instance, token, confirmed);
        self.recorder.note(What::Settled { delivery, by, confirmed });
    }

    /// What the stream made of a message, by what it holds and what it says.
    fn fate(&self, stream: &'static str, said: &Result<Stored>) -> Fate {
        if self.recorder.has_grown(stream, self.inner.held(stream)) {
            return Fate::Stored;
        }
        match said {
            // Of a duplicate whose receipt was lost.
            Err(error) if error.code() == ErrorCode::TimedOut => Fate::Duplicate,
            Err(_) => Fate::Refused,
            Ok(_) => Fate::Duplicate,
        }
    }

    fn note_published(&self, message: &Message, said: &Result<Stored>) {
        if message.subject == DRIVER_RESULT {
            let fate = self.fate(PIPELINES_STREAM, said);
            let result = ResultEvent::decode(&message.payload).expect("a result can be read");
            self.recorder.note(What::Answered {
                instance: self.instance,
                driver: self.plan.driver_named(&result.driver),
                event: event_of(result.run_id.as_str()).expect("the run id is echoed"),
                by: answer_of(&result),
                fate,
            });
        } else if message.subject.starts_with("logs.") {
            if self.fate(LOGS_STREAM, said) == Fate::Stored {
                self.recorder.line_stored();
            }
        } else if let Some(driver) = message.subject.strip_prefix("dead-letters.") {
            let fate = self.fate(DEAD_LETTERS_STREAM, said);
            let origin = message.header(ORIGIN_HEADER).and_then(|text| text.split_once('/'));
            self.recorder.note(What::Buried {
                driver: self.plan.driver_named(driver),
                sequence: origin.and_then(|(_, n)| n.parse().ok()).expect("a letter says whence"),
                part: message.header(PART_HEADER).unwrap_or_default().to_owned(),
                fate,
            });
        }
    }
}

/// A run's results start with `run-<number>`, whatever the runtime adds.
fn answer_of(event: &ResultEvent) -> Answer {
    let (result, data) = (&event.result, &event.result.data);
    let number = |text: &str| text.split(' ').next()?.strip_prefix("run-")?.parse().ok();
    if let Some(run) = number(&result.message) {
        return Answer::Run { run, success: result.success };
    }
    match data["error"]["type"].as_str() {
        Some("GivenUp") => Answer::GivenUp,
        Some("Cancelled") => Answer::Cancelled,
        Some("TimedOut") => Answer::TimedOut,
        _ => Answer::Unknown,
    }
}

#[async_trait]
impl EventStream for Wire {
    async fn put_stream(&self, config: &StreamConfig) -> Result<()> {
        self.inner.put_stream(config).await
    }

    async fn stream(&self, name: &str) -> Result<Option<StreamConfig>> {
        self.inner.stream(name).await
    }

    async fn put_consumer(&self, stream: &str, config: &ConsumerConfig) -> Result<ConsumerInfo> {
        let made = self.inner.put_consumer(stream, config).await?;
        let driver = self.plan.driver_named(&config.name);
        self.recorder.note(What::ConsumerMade { driver });
        Ok(made)
    }

    async fn consumer(&self, stream: &str, name: &str) -> Result<Option<ConsumerInfo>> {
        self.inner.consumer(stream, name).await
    }

    async fn delete_consumer(&self, stream: &str, name: &str) -> Result<()> {
        self.inner.delete_consumer(stream, name).await
    }

    async fn pull(&self, stream: &str, consumer: &str) -> Result<Box<dyn Pull>> {
        let inner = self.inner.pull(stream, consumer).await?;
        let driver = self.plan.driver_named(consumer);
        Ok(Box::new(WirePull { inner, driver, wire: self.clone() }))
    }

    async fn publish(&self, message: Message) -> Result<Receipt> {
        // The receipts of the embedded stream are there at once.
        let said = self.inner.publish(message.clone()).await?.await;
        self.note_published(&message, &said);
        Ok(Receipt::new(ready(said)))
    }

    async fn send(&self, message: Message) -> Result<()> {
        self.inner.send(message).await
    }

    async fn subscribe(&self, subject: &str) -> Result<BoxStream<'static, Message>> {
        self.inner.subscribe(subject).await
    }

    async fn settle(&self, token: &AckToken, settlement: Settlement) -> Result<()> {
        self.note_settled(token, &settlement, false);
        self.inner.settle(token, settlement).await
    }

    async fn settle_confirmed(&self, token: &AckToken, settlement: Settlement) -> Result<()> {
        self.note_settled(token, &settlement, true);
        self.inner.settle_confirmed(token, settlement).await
    }

    async fn ready(&self) {
        self.inner.ready().await;
    }

    async fn flush(&self) -> Result<()> {
        self.inner.flush().await
    }

    fn max_payload(&self) -> usize {
        self.inner.max_payload()
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

#[derive(Debug)]
struct WirePull {
    inner: Box<dyn Pull>,
    driver: usize,
    wire: Wire,
}

impl WirePull {
    fn note(&self, deliveries: &[Delivery]) {
        let Wire { recorder, instance, .. } = &self.wire;
        for Delivery { token, sequence, attempt, .. } in deliveries {
            recorder.delivered(*instance, self.driver, token, *sequence, *attempt);
        }
    }
}

#[async_trait]
impl Pull for WirePull {
    fn request(&mut self, more: usize) {
        self.inner.request(more);
    }

    async fn next(&mut self) -> Result<Vec<Delivery>> {
        let deliveries = self.inner.next().await?;
        self.note(&deliveries);
        Ok(deliveries)
    }

    async fn stop(&mut self) -> Vec<Delivery> {
        let late = self.inner.stop().await;
        self.note(&late);
        late
    }
}

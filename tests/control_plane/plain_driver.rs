//! A driver made of plain protocol, without the runtime: answers each message with what it is told.

use std::time::Duration;

use conveyor_driver::message::{DriverMessage, DriverResult, LogEntry, Resource, ResultEvent};
use conveyor_driver::stream::{ConsumerConfig, Message, Pull, Settlement, SharedStream};
use conveyor_driver::subject;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(60);

pub(crate) struct PlainDriver {
    stream: SharedStream,
    name: &'static str,
    pull: Box<dyn Pull>,
}

impl PlainDriver {
    pub(crate) async fn start(stream: &SharedStream, name: &'static str, resource: &str) -> Self {
        let config = ConsumerConfig {
            name: name.to_owned(),
            durable: true,
            filters: subject::filters(name, &[resource.to_owned()]),
            ack_wait: Duration::from_secs(30),
            max_ack_pending: 100,
            inactive_threshold: None,
            metadata: Default::default(),
        };
        stream.put_consumer(subject::MESSAGES_STREAM, &config).await.unwrap();
        let pull = stream.pull(subject::MESSAGES_STREAM, name).await.unwrap();
        Self { stream: stream.clone(), name, pull }
    }

    /// The next message and where it came; it is acknowledged.
    pub(crate) async fn receive(&mut self) -> (String, DriverMessage) {
        self.pull.request(1);
        let delivery = timeout(SOON, self.pull.next()).await.unwrap().unwrap().remove(0);
        self.stream.settle(&delivery.token, Settlement::Ack).await.unwrap();
        (delivery.subject.to_string(), DriverMessage::decode(&delivery.payload).unwrap())
    }

    /// Whether nothing more is waiting.
    pub(crate) async fn is_idle(&mut self) -> bool {
        self.pull.request(1);
        let idle = timeout(Duration::from_millis(300), self.pull.next()).await.is_err();
        self.pull.stop().await;
        idle
    }

    pub(crate) async fn answer(&self, to: &DriverMessage, result: DriverResult) {
        let event = ResultEvent {
            run_id: to.run_id.clone(),
            resource: Resource::decode(to.payload.as_bytes()).unwrap(),
            driver: self.name.to_owned(),
            result,
        };
        let message = Message::new(subject::DRIVER_RESULT, event.encode());
        self.publish(message.with_id(format!("{}-{}", self.name, to.id))).await;
    }

    /// Receives and answers one message.
    pub(crate) async fn serve(&mut self, result: DriverResult) -> DriverMessage {
        let (_, message) = self.receive().await;
        self.answer(&message, result).await;
        message
    }

    /// Writes a line, stored and live.
    pub(crate) async fn log(&self, to: &DriverMessage, number: u32, line: &str) {
        let mut entry = LogEntry {
            runid: to.run_id.clone(),
            driver: self.name.to_owned(),
            pipeline: to.pipeline.clone(),
            timestamp: format!("2026-01-01T00:00:00.{number:09}Z"),
            message: line.to_owned(),
            ..LogEntry::default()
        };
        entry.labels.insert("level".into(), "info".into());
        let stored = Message::new(subject::logs(&entry.runid).unwrap(), entry.encode());
        self.publish(stored).await;
        let live = subject::live_logs(&entry.runid, self.name).unwrap();
        self.stream.send(Message::new(live, entry.encode())).await.unwrap();
    }

    async fn publish(&self, message: Message) {
        self.stream.publish(message).await.unwrap().await.unwrap();
    }
}

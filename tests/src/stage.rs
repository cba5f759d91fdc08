//! A stage for one driver: streams, a driver manager, and the control plane's side of the wire.

use std::sync::Arc;
use std::time::Duration;

use conveyor_driver::message::{DriverMessage, LogEntry, Resource, ResultEvent};
use conveyor_driver::options::{DriverOptions, ManagerOptions};
use conveyor_driver::stream::{
    ConsumerInfo, EventStream, MemoryStream, Message, SharedStream, StreamConfig,
};
use conveyor_driver::subject::{self, DRIVER_RESULT, MESSAGES_STREAM};
use conveyor_driver::{Driver, DriverBuilder, DriverManager, RunId, RunningManager};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::condition::{eventually, unique_name};
use crate::server;

/// One driver's stage. Its names are its own, so that all stages can share a server.
#[derive(Debug)]
pub struct Stage {
    /// The stage's own connection.
    pub stream: SharedStream,
    /// The embedded stream, where it is the one.
    pub memory: Option<MemoryStream>,
    /// The driver's name.
    pub driver: String,
    /// The resource type it handles.
    pub resource: String,
    /// How long a result may take.
    patience: Duration,
    results: Mutex<Subscribed>,
    log: Mutex<Subscribed>,
}

/// What was published to a subject since the stage was made.
struct Subscribed(BoxStream<'static, Message>);

impl std::fmt::Debug for Subscribed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Subscribed")
    }
}

impl Stage {
    /// On an embedded stream of its own. The clock may be paused.
    pub async fn on_memory() -> Self {
        let memory = MemoryStream::new();
        for config in StreamConfig::of_control_plane() {
            memory.put_stream(&config).await.unwrap();
        }
        Self::on(Arc::new(memory.clone()), Some(memory)).await
    }

    /// On the real server that all tests of this binary share.
    pub async fn on_nats() -> Self {
        Self::on(server::nats().await, None).await
    }

    /// On any stream.
    pub async fn on(stream: SharedStream, memory: Option<MemoryStream>) -> Self {
        let results = Mutex::new(Subscribed(stream.subscribe(DRIVER_RESULT).await.unwrap()));
        let log = Mutex::new(Subscribed(stream.subscribe("logs.>").await.unwrap()));
        // What is subscribed is certainly heard once the server has answered something later.
        stream.flush().await.unwrap();
        let patience = Duration::from_secs(if memory.is_some() { 7 * 86_400 } else { 30 });
        let (driver, resource) = (unique_name("driver"), unique_name("resource"));
        Self { stream, memory, driver, resource, patience, results, log }
    }

    /// Another stage for the same driver, on another connection.
    pub async fn again_on(&self, stream: SharedStream, memory: Option<MemoryStream>) -> Self {
        let mut other = Self::on(stream, memory).await;
        other.driver.clone_from(&self.driver);
        other.resource.clone_from(&self.resource);
        other
    }

    /// The stage's driver, to be given its reconcile.
    pub fn driver(&self) -> DriverBuilder {
        self.driver_with(|_| {})
    }

    /// The stage's driver with other options.
    pub fn driver_with(&self, change: impl FnOnce(&mut DriverOptions)) -> DriverBuilder {
        let mut options = DriverOptions {
            name: self.driver.clone(),
            resources: vec![self.resource.clone()],
            ..DriverOptions::default()
        };
        change(&mut options);
        Driver::with_options(options)
    }

    /// A manager on the stage's stream.
    #[must_use]
    pub fn manager(&self) -> DriverManager {
        self.manager_with(|_| {})
    }

    /// The same with other options.
    #[must_use]
    pub fn manager_with(&self, change: impl FnOnce(&mut ManagerOptions)) -> DriverManager {
        let mut options = ManagerOptions { signals: false, ..ManagerOptions::default() };
        change(&mut options);
        let manager = DriverManager::new(options).stream(self.stream.clone());
        if self.memory.is_some() { manager.in_place() } else { manager }
    }

    /// Starts a manager with this driver.
    pub async fn start(&self, driver: Driver) -> RunningManager {
        self.manager().driver(driver).start().await.unwrap()
    }

    /// A resource of the stage's type.
    #[must_use]
    pub fn resource(&self, name: &str) -> Resource {
        Resource {
            name: name.to_owned(),
            resource: self.resource.clone(),
            spec: json!({"text": "x"}),
            ..Resource::default()
        }
    }

    /// Posts the event `create` for a resource of this name, as a broadcast. The run id is new.
    pub async fn post(&self, name: &str) -> RunId {
        self.post_event("create", &self.resource(name), subject::resource(&self.resource)).await
    }

    /// Posts an event for a resource to a subject.
    pub async fn post_event(&self, event: &str, resource: &Resource, subject: String) -> RunId {
        let run = RunId::generate();
        let message = DriverMessage::new(event, resource, run.as_str(), run.clone());
        self.publish(&subject, message.encode()).await;
        run
    }

    /// Publishes any bytes to the driver.
    pub async fn publish(&self, subject: &str, bytes: impl Into<bytes::Bytes>) {
        self.stream.publish(Message::new(subject, bytes)).await.unwrap().await.unwrap();
    }

    /// The next result of the stage's driver.
    pub async fn result(&self) -> ResultEvent {
        let mut results = self.results.lock().await;
        loop {
            let next = timeout(self.patience, results.0.next()).await;
            let message = next.expect("a result in time").expect("an open stream");
            let result = ResultEvent::decode(&message.payload).unwrap();
            if result.driver == self.driver {
                return result;
            }
        }
    }

    /// Makes sure that no further result of the stage's driver is published for so long.
    pub async fn no_result_for(&self, long: Duration) {
        let mut results = self.results.lock().await;
        let further = async {
            while let Some(message) = results.0.next().await {
                let result = ResultEvent::decode(&message.payload).unwrap();
                assert_ne!(result.driver, self.driver, "a further result: {result:?}");
            }
        };
        let _quiet = timeout(long, further).await;
    }

    /// The lines of a run that were published until now.
    pub async fn log(&self, run: &RunId) -> Vec<LogEntry> {
        let mut log = self.log.lock().await;
        let mut lines = Vec::new();
        while let Ok(Some(message)) = timeout(Duration::from_millis(100), log.0.next()).await {
            let entry = LogEntry::decode(&message.payload).unwrap();
            if entry.runid == *run {
                lines.push(entry);
            }
        }
        lines
    }

    /// The driver's consumer as the server has it.
    pub async fn consumer(&self) -> ConsumerInfo {
        self.stream.consumer(MESSAGES_STREAM, &self.driver).await.unwrap().unwrap()
    }

    /// Waits until every event of the driver is settled for good.
    pub async fn all_settled(&self) {
        eventually("every event is settled", async || {
            let info = self.consumer().await;
            (info.pending == 0 && info.ack_pending == 0).then_some(())
        })
        .await;
    }
}

//! Runs a driver in a unit test: on the embedded stream, on virtual time, without a server.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::select;
use tokio::time::{Instant, timeout};

use crate::driver::Driver;
use crate::error::{Error, ErrorCode, Result};
use crate::manager::DriverManager;
use crate::message::{DriverMessage, DriverResult, LogEntry, Resource, ResultEvent};
use crate::options::ManagerOptions;
use crate::run_id::RunId;
use crate::stream::{EventStream, MemoryStream, Message, StreamConfig};
use crate::subject::{self, DEAD_LETTERS_STREAM, DRIVER_RESULT, LOGS_STREAM, PIPELINES_STREAM};

/// One event for one driver, from its posting to its answer.
///
/// Retries, back-off and time limits pass at once: the clock is virtual and jumps to the next
/// deadline when nothing else is to be done. A driver that runs commands or talks to the network
/// needs [`real_time`](Self::real_time).
///
/// ```
/// use conveyor_driver::message::Resource;
/// use conveyor_driver::testing::DriverTest;
/// use conveyor_driver::{Driver, DriverResult, Failure};
///
/// let driver = Driver::new("greeter").resources(["greeting"]).reconcile(async |run| {
///     if run.attempt() == 1 {
///         return Err(Failure::retry("not yet"));
///     }
///     run.log("hello").await;
///     Ok(DriverResult::success("done"))
/// });
/// let resource = Resource { name: "world".into(), resource: "greeting".into(), ..Default::default() };
/// let outcome = DriverTest::new(driver, resource).run()?;
/// assert_eq!(outcome.attempts, 2);
/// assert_eq!(outcome.result, Some(DriverResult::success("done")));
/// assert_eq!(outcome.lines().last(), Some("hello"));
/// # Ok::<(), conveyor_driver::Error>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct DriverTest {
    driver: Driver,
    resource: Resource,
    event: String,
    run_id: RunId,
    limit: Duration,
    real_time: bool,
}

/// What became of the event.
#[derive(Debug)]
#[non_exhaustive]
pub struct TestOutcome {
    /// The result that was published; nothing when the driver's `events` do not want the event, or
    /// it became a dead letter.
    pub result: Option<DriverResult>,
    /// The run's log, all attempts, in order.
    pub log: Vec<LogEntry>,
    /// How often reconcile was called.
    pub attempts: u64,
    /// What was put into the stream `dead-letters`.
    pub dead_letters: Vec<Message>,
    /// How long it took, in the time of the test.
    pub elapsed: Duration,
}

impl TestOutcome {
    /// The text of each log line.
    #[must_use]
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.log.iter().map(|entry| entry.message.as_str())
    }
}

impl DriverTest {
    /// The event `create` for this resource, broadcast to all drivers of its type.
    pub fn new(driver: Driver, resource: Resource) -> Self {
        Self {
            driver,
            resource,
            event: "create".to_owned(),
            run_id: RunId::generate(),
            limit: Duration::from_secs(86_400),
            real_time: false,
        }
    }

    /// Another event.
    pub fn event(mut self, name: impl Into<String>) -> Self {
        self.event = name.into();
        self
    }

    /// Another run id than a new one.
    pub fn run_id(mut self, id: impl Into<RunId>) -> Self {
        self.run_id = id.into();
        self
    }

    /// How long to wait for the event to be answered, in the time of the test; a day unless told.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Lets the clock run as it does, for a driver that waits for the world outside.
    pub const fn real_time(mut self) -> Self {
        self.real_time = true;
        self
    }

    /// Runs the event to its end. May be called from any thread, in a runtime or not.
    ///
    /// # Errors
    /// `OptionsInvalid` for the driver's options, `TimedOut` when the event was not answered within
    /// the limit.
    pub fn run(self) -> Result<TestOutcome> {
        let failed = |error: std::io::Error| {
            Error::new(ErrorCode::Internal, "the system gives no test runtime").with_source(error)
        };
        // A thread of its own, since a runtime cannot be entered from within another.
        let thread = std::thread::Builder::new().name("driver-test".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .start_paused(!self.real_time)
                .build()
                .map_err(failed)?;
            runtime.block_on(self.run_here())
        });
        thread
            .map_err(failed)?
            .join()
            .unwrap_or_else(|_| Err(Error::new(ErrorCode::Internal, "the test runtime panicked")))
    }

    async fn run_here(self) -> Result<TestOutcome> {
        let started = Instant::now();
        let stream = MemoryStream::new();
        for config in StreamConfig::of_control_plane() {
            stream.put_stream(&config).await?;
        }
        let mut answers = select(
            stream.subscribe(DRIVER_RESULT).await?,
            stream.subscribe(&subject::dead_letters(&self.driver.options().name)).await?,
        );
        let wanted = self.driver.options().wants(&self.event);
        let options = ManagerOptions { signals: false, ..ManagerOptions::default() };
        let manager = DriverManager::new(options)
            .driver(self.driver)
            .stream(Arc::new(stream.clone()))
            .in_place()
            .start()
            .await?;
        let message = DriverMessage::new(&self.event, &self.resource, "test", self.run_id);
        let subject = subject::resource(&self.resource.resource);
        stream.publish(Message::new(subject, message.encode())).await?.await?;
        let answered = !wanted || timeout(self.limit, answers.next()).await.is_ok();
        let report = manager.drain().await?;
        if !answered {
            return Err(Error::new(ErrorCode::TimedOut, "the event was not answered in time"));
        }
        let results = stream.messages(PIPELINES_STREAM);
        let log = stream.messages(LOGS_STREAM);
        Ok(TestOutcome {
            result: results
                .first()
                .map(|message| ResultEvent::decode(&message.payload))
                .transpose()?
                .map(|event| event.result),
            log: log.iter().map(|line| LogEntry::decode(&line.payload)).collect::<Result<_>>()?,
            attempts: report.drivers.iter().map(|driver| driver.runs).sum(),
            dead_letters: stream.messages(DEAD_LETTERS_STREAM),
            elapsed: started.elapsed(),
        })
    }
}

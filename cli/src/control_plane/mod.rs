//! A control plane small enough to read.
//!
//! It makes the streams, starts runs, leads resources through their pipelines and keeps log lines
//! exactly as the Conveyor CI server does, byte by byte, so that a driver cannot tell them apart.
//! It is for the laptop and for tests. What it does differently from the server:
//!
//! - it forgets everything at its end: resources, pipelines, results and logs are in memory;
//! - a type needs no definition, and no schema is checked;
//! - pipeline events and log lines are acknowledged after they were dealt with, not before, and
//!   messages are published with an id and until they are stored: none is lost or doubled;
//! - a resource whose type cannot be part of a subject is refused, not stored without a run;
//! - results are kept per run, those of resources without a pipeline included, and the end of a run
//!   can be waited for;
//! - log lines come back in time order over all drivers, equal timestamps in the order they came;
//! - resources in results may nest 128 levels deep, not 10 000;
//! - there is no authentication of its own; the REST interface is [`rest`](crate::rest).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use conveyor_driver::message::{LogEntry, Resource, ResultEvent};
use conveyor_driver::stream::SharedStream;
use conveyor_driver::{Error, ErrorCode, Result, RunId, subject};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::DropGuard;

mod engine;
pub mod go_json;
mod log_store;
mod notice;
mod pipeline;
mod publish;
mod reaction;
mod run_book;
mod streams;
mod tasks;
mod work_queue;

pub use engine::Engine;
pub use log_store::{LogQuery, LogStore};
pub use notice::{Notice, Watch};
pub use pipeline::{Pipeline, Step};
pub use reaction::{Ignored, Reaction};
pub(crate) use streams::log_consumer;
pub use streams::put_streams;

use tasks::{EngineTask, LogTask, Shared};
use work_queue::Reader;

/// How long a post tries to get its message stored.
const POST_WITHIN: Duration = Duration::from_secs(30);
/// How long to wait before the consumer of the log is asked again.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How long a shutdown waits for what is in hand.
const SHUTDOWN_WITHIN: Duration = Duration::from_secs(5);

/// A running control plane. Stops when dropped; [`shutdown`](Self::shutdown) also waits for it.
#[derive(Debug)]
pub struct ControlPlane {
    shared: Arc<Shared>,
    tasks: Mutex<JoinSet<()>>,
    _stops: DropGuard,
}

impl ControlPlane {
    /// Makes the streams and starts to work on them.
    ///
    /// One control plane at a time: beside another one, or the real server, each would get a part
    /// of the events.
    ///
    /// The stream stays the caller's: it is not closed at the end.
    ///
    /// # Errors
    /// `PermissionDenied`, `Conflict` when a stream or its consumer cannot be made, `Unavailable`,
    /// `TimedOut`, `Closed`.
    pub async fn start(stream: SharedStream) -> Result<Self> {
        stream.ready().await;
        put_streams(&*stream).await?;
        for queue in [streams::PIPELINES, streams::LOGS] {
            // The readers do so too; here what is not allowed reaches the caller.
            stream.put_consumer(queue.name, &queue.consumer()).await?;
        }
        let lines = stream.subscribe(subject::LIVE_LOGS).await?;
        let shared = Arc::new(Shared::new(stream.clone(), Watch::channel()));
        let mut tasks = JoinSet::new();
        let stop = shared.stop.clone();
        let handler = EngineTask(shared.clone());
        let (queue, done) = (streams::PIPELINES, HashSet::new());
        tasks.spawn(
            Reader { stream: stream.clone(), queue, handler, stop: stop.clone(), done }.run(),
        );
        let (handler, queue, done) = (LogTask(shared.clone()), streams::LOGS, HashSet::new());
        tasks.spawn(Reader { stream, queue, handler, stop: stop.clone(), done }.run());
        tasks.spawn(tasks::pass_on_live_lines(shared.clone(), lines));
        Ok(Self { shared, tasks: Mutex::new(tasks), _stops: stop.drop_guard() })
    }

    /// Stores a pipeline, in place of one of the same name.
    pub fn pipeline(&self, pipeline: Pipeline) {
        self.shared.engine().put_pipeline(pipeline);
    }

    /// Stores a resource and starts a run: with the drivers that listen to its type, or, when it
    /// names a pipeline, with the driver of the first step. `id` and `metadata` are made anew.
    ///
    /// A message that no driver's consumer wants at this moment is dropped by the stream, as on the
    /// server: start drivers first.
    ///
    /// # Errors
    /// `MessageInvalid` when the type is missing or cannot be part of a subject, or the pipeline is
    /// for another type; `NotFound` when the pipeline does not exist; `Conflict` when a resource of
    /// that type and name is stored. After `Unavailable`, `TimedOut`, `TooLarge` or `Closed` the
    /// resource is stored all the same: [delete](Self::delete) it before posting again.
    pub async fn post(&self, resource: Resource) -> Result<RunId> {
        let run = RunId::generate();
        let message_id = message_id();
        let resource_id = uuid::Uuid::now_v7().hyphenated().to_string();
        let key = (resource.resource.clone(), resource.name.clone());
        let message = self.shared.engine().create(resource, &resource_id, &run, &message_id)?;
        if let Some(resource) = self.resource(&key.0, &key.1) {
            self.shared.tell(Notice::Posted { run: run.clone(), resource });
        }
        let give_up = tokio::time::sleep(POST_WITHIN);
        publish::store(&*self.shared.stream, &message.with_id(message_id), give_up).await?;
        Ok(run)
    }

    /// A stored resource, with the results saved in its metadata.
    #[must_use]
    pub fn resource(&self, resource_type: &str, name: &str) -> Option<Resource> {
        self.shared.engine().resource(resource_type, name).cloned()
    }

    /// Forgets a stored resource and says whether there was one. No driver is told.
    pub fn delete(&self, resource_type: &str, name: &str) -> bool {
        self.shared.engine().delete(resource_type, name)
    }

    /// A resource as it was stored under this version, also of one that was deleted.
    #[must_use]
    pub fn version(&self, resource_type: &str, name: &str, version: &str) -> Option<Resource> {
        self.shared.engine().version(resource_type, name, version).cloned()
    }

    /// Stores a resource in place of the one of this type and name. No driver is told, as on the server.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub fn update(&self, resource_type: &str, name: &str, resource: Resource) -> Result<Resource> {
        self.shared.engine().update(resource_type, name, resource)
    }

    /// The stored pipeline of this name.
    #[must_use]
    pub fn stored_pipeline(&self, name: &str) -> Option<Pipeline> {
        self.shared.engine().pipeline(name).cloned()
    }

    /// Keeps a log line that did not come through the stream.
    pub fn keep_line(&self, line: LogEntry) {
        self.shared.logs().insert(line);
        self.shared.changed.notify_waiters();
    }

    /// All lines in the order they came, labels included, but for so many of the first.
    #[must_use]
    pub fn lines_now_after(&self, seen: usize) -> Vec<LogEntry> {
        self.shared.logs().after(seen)
    }

    /// All lines in the order they came, labels included, but for so many of the first; waits until there
    /// is one.
    ///
    /// # Errors
    /// `Closed` when the control plane is shut down first.
    pub async fn lines_after(&self, seen: usize) -> Result<Vec<LogEntry>> {
        self.wait_for(|| {
            let logs = self.shared.logs();
            (logs.len() > seen).then(|| logs.after(seen))
        })
        .await
    }

    /// Waits until every line that was stored in the stream by now is kept.
    ///
    /// # Errors
    /// `Closed`, and those of asking for the consumer.
    pub async fn lines_caught_up(&self) -> Result<()> {
        let (name, stream) = (streams::LOGS.name, &self.shared.stream);
        loop {
            let consumer = stream.consumer(name, name).await?;
            if consumer.is_none_or(|consumer| consumer.pending + consumer.ack_pending == 0) {
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                () = self.shared.stop.cancelled() => {
                    return Err(Error::new(ErrorCode::Closed, "the control plane was shut down"));
                }
            }
        }
    }

    /// The results of a run so far, in the order they came.
    #[must_use]
    pub fn results(&self, run: &RunId) -> Vec<ResultEvent> {
        self.shared.runs().results(run)
    }

    /// Waits for the end of a run and gives the result that ended it: the first one for a resource
    /// without a pipeline; else the one that failed or that of the last step.
    ///
    /// # Errors
    /// `Closed` when the control plane is shut down first.
    pub async fn result(&self, run: &RunId) -> Result<ResultEvent> {
        self.wait_for(|| self.shared.runs().last(run)).await
    }

    /// The stored log lines that are wanted, in the order of their timestamps.
    #[must_use]
    pub fn logs(&self, query: &LogQuery) -> Vec<LogEntry> {
        self.shared.logs().query(query)
    }

    /// The same, once there are this many or more.
    ///
    /// # Errors
    /// `Closed` when the control plane is shut down first.
    pub async fn logs_reaching(&self, query: &LogQuery, count: usize) -> Result<Vec<LogEntry>> {
        self.wait_for(|| {
            let logs = self.shared.logs();
            (logs.count(query) >= count).then(|| logs.query(query))
        })
        .await
    }

    /// Results, log lines and other news from now on.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch::new(&self.shared.notices, self.shared.stop.clone())
    }

    /// Gives back what was not begun, finishes what is in hand and stops. What can still be asked
    /// for is what was known by then.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        let mut tasks = self.tasks.lock().await;
        let ended = timeout(SHUTDOWN_WITHIN, async { while tasks.join_next().await.is_some() {} });
        if ended.await.is_err() {
            tracing::warn!("the control plane did not end in time");
            tasks.abort_all();
        }
    }

    async fn wait_for<T>(&self, look: impl Fn() -> Option<T>) -> Result<T> {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            // From here on no change goes unnoticed.
            changed.as_mut().enable();
            if let Some(found) = look() {
                return Ok(found);
            }
            tokio::select! {
                () = changed => {}
                () = self.shared.stop.cancelled() => {
                    return Err(Error::new(ErrorCode::Closed, "the control plane was shut down"));
                }
            }
        }
    }
}

/// 24 hex digits, as the server makes them.
fn message_id() -> String {
    const DIGITS: usize = 24;
    let mut digits = uuid::Uuid::now_v7().simple().to_string();
    digits.split_off(digits.len() - DIGITS)
}

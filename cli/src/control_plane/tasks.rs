//! The work that goes on beside the caller: the engine, the log keeper, the live lines.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use conveyor_driver::message::LogEntry;
use conveyor_driver::stream::{Delivery, Message, SharedStream};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

use super::engine::Engine;
use super::log_store::LogStore;
use super::notice::Notice;
use super::reaction::{Ignored, Reaction};
use super::run_book::RunBook;
use super::work_queue::Handler;
use super::{message_id, publish};

/// What the caller and the tasks share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) stream: SharedStream,
    pub(super) stop: CancellationToken,
    pub(super) notices: broadcast::Sender<Notice>,
    /// Told after every change of runs or logs.
    pub(super) changed: Notify,
    engine: Mutex<Engine>,
    runs: Mutex<RunBook>,
    logs: Mutex<LogStore>,
}

impl Shared {
    pub(super) fn new(stream: SharedStream, notices: broadcast::Sender<Notice>) -> Self {
        Self {
            stream,
            stop: CancellationToken::new(),
            notices,
            changed: Notify::new(),
            engine: Mutex::default(),
            runs: Mutex::default(),
            logs: Mutex::default(),
        }
    }

    pub(super) fn engine(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn runs(&self) -> MutexGuard<'_, RunBook> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn logs(&self) -> MutexGuard<'_, LogStore> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(&self, notice: Notice) {
        // It fails when nobody watches.
        let _watchers = self.notices.send(notice);
    }

    fn ignored(&self, delivery: &Delivery, reason: String) {
        tracing::warn!(subject = %delivery.subject, reason, "event ignored");
        self.tell(Notice::Ignored { subject: delivery.subject.to_string(), reason });
    }
}

/// Does what the engine decides.
pub(super) struct EngineTask(pub(super) Arc<Shared>);

impl Handler for EngineTask {
    async fn handle(&mut self, delivery: &Delivery) -> bool {
        let shared = &self.0;
        let id = message_id();
        let Reaction { next, result, ignored } =
            shared.engine().handle(&delivery.subject, &delivery.payload, &id);
        match ignored {
            // The common case of a resource without a pipeline, and no news.
            None | Some(Ignored::NoPipeline) => {}
            Some(reason) => shared.ignored(delivery, reason.to_string()),
        }
        let goes_on = next.as_ref().map(|message| message.subject.to_string());
        if let Some(message) = next
            && !self.publish(delivery, message.with_id(id)).await
        {
            return false;
        }
        if let Some(event) = result {
            shared.runs().note(event.clone(), goes_on.is_none());
            shared.changed.notify_waiters();
            shared.tell(Notice::Result { event, next: goes_on });
        }
        true
    }
}

impl EngineTask {
    /// Whether the event is done with.
    async fn publish(&self, delivery: &Delivery, message: Message) -> bool {
        let shared = &self.0;
        match publish::store(&*shared.stream, &message, shared.stop.cancelled()).await {
            Ok(_stored) => true,
            Err(_) if shared.stop.is_cancelled() => false,
            // The run stops here, as it does on the server.
            Err(error) => {
                shared.ignored(delivery, error.to_string());
                true
            }
        }
    }
}

/// Keeps log lines.
pub(super) struct LogTask(pub(super) Arc<Shared>);

impl Handler for LogTask {
    async fn handle(&mut self, delivery: &Delivery) -> bool {
        match LogEntry::decode(&delivery.payload) {
            Ok(entry) => {
                self.0.logs().insert(entry);
                self.0.changed.notify_waiters();
            }
            Err(error) => self.0.ignored(delivery, error.to_string()),
        }
        true
    }
}

/// Passes live log lines on to who watches.
pub(super) async fn pass_on_live_lines(
    shared: Arc<Shared>,
    mut lines: BoxStream<'static, Message>,
) {
    loop {
        let line = tokio::select! {
            () = shared.stop.cancelled() => return,
            line = lines.next() => line,
        };
        let Some(line) = line else { return };
        match LogEntry::decode(&line.payload) {
            Ok(entry) => shared.tell(Notice::Log(entry)),
            Err(error) => tracing::debug!(subject = %line.subject, %error, "not a log line"),
        }
    }
}

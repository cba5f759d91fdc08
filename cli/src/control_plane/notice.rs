//! News for who watches, such as a terminal.

use conveyor_driver::RunId;
use conveyor_driver::message::{LogEntry, Resource, ResultEvent};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::broadcast::{self, Receiver, Sender};
use tokio_util::sync::CancellationToken;

/// How many notices may wait for a slow watcher.
const WAITING: usize = 4096;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// A resource was posted and its run began.
    Posted {
        /// The run.
        run: RunId,
        /// The resource as it is stored.
        resource: Resource,
    },
    /// A driver answered.
    Result {
        /// Its answer.
        event: ResultEvent,
        /// Where the pipeline goes on: the subject of the next step's driver. Nothing when the run
        /// has ended.
        next: Option<String>,
    },
    /// A pipeline event or log line had no effect, or not the one that its sender wished for. Not
    /// told of results of resources without a pipeline.
    Ignored {
        /// Where it was published.
        subject: String,
        /// Why, for people.
        reason: String,
    },
    /// A driver wrote a log line: the live copy, labels included.
    Log(LogEntry),
    /// This many notices were lost, since they were not taken in time.
    Missed(u64),
}

/// News from the moment it was made on.
#[derive(Debug)]
pub struct Watch {
    notices: Receiver<Notice>,
    stop: CancellationToken,
}

impl Watch {
    pub(super) fn channel() -> Sender<Notice> {
        broadcast::Sender::new(WAITING)
    }

    pub(super) fn new(notices: &Sender<Notice>, stop: CancellationToken) -> Self {
        Self { notices: notices.subscribe(), stop }
    }

    /// The next notice; nothing once the control plane was shut down and all are taken. May be
    /// dropped and called again; nothing is lost by it.
    pub async fn next(&mut self) -> Option<Notice> {
        tokio::select! {
            biased;
            notice = self.notices.recv() => match notice {
                Ok(notice) => Some(notice),
                Err(RecvError::Lagged(missed)) => Some(Notice::Missed(missed)),
                Err(RecvError::Closed) => None,
            },
            () = self.stop.cancelled() => match self.notices.try_recv() {
                Ok(notice) => Some(notice),
                Err(TryRecvError::Lagged(missed)) => Some(Notice::Missed(missed)),
                Err(TryRecvError::Empty | TryRecvError::Closed) => None,
            },
        }
    }
}

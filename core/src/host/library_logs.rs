//! What the library itself says through `tracing`, for hosts that have a logging of their own.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use serde::Serialize;
use serde_json::{Map, Value};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

use super::HomeProcess;
use super::shared::Shared;
use crate::clock;
use crate::error::{Error, ErrorCode, Result};
use crate::logger::{Fields, Level};

/// A record of what the library itself says, for people.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LibraryLog {
    /// When, in nanoseconds since 1970.
    pub unix_nanos: u64,
    /// How much it matters.
    pub level: Level,
    /// The part of the library that says it.
    pub target: String,
    /// The text.
    pub message: String,
    /// Names and values beside it.
    pub fields: Map<String, Value>,
}

/// The records that wait for a host. Clones are the same.
///
/// They reach the [queues](super::RunQueue::attach_library_logs) that they are attached to. Nobody ever
/// waits for them: when `capacity` records wait, further ones are dropped and counted, and a record says
/// how many. A fork begins with none, and with no queue.
#[derive(Clone, Debug)]
pub struct LibraryLogs(pub(super) Arc<LibraryLogBuffer>);

/// A `tracing` layer that keeps records for a host.
#[derive(Clone, Debug)]
pub struct LibraryLogLayer {
    buffer: Arc<LibraryLogBuffer>,
    level: LevelFilter,
}

#[derive(Debug)]
pub(super) struct LibraryLogBuffer {
    home: HomeProcess,
    /// That of a fork, which has not the threads that may hold the locks of this one.
    fork: OnceLock<Arc<Self>>,
    capacity: usize,
    records: Mutex<Records>,
    /// As in `records`: read without its lock.
    waiting: AtomicUsize,
    queues: Mutex<Vec<Weak<Shared>>>,
}

#[derive(Debug, Default)]
struct Records {
    waiting: VecDeque<LibraryLog>,
    dropped: u64,
}

thread_local! {
    /// What waking a host says of itself is not kept, or it would never end.
    static KEEPING: Cell<bool> = const { Cell::new(false) };
}

impl LibraryLogs {
    /// Room for so many records.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self(LibraryLogBuffer::new(capacity))
    }

    /// Keeps what is said in this process from now on, of this level and above. What is below costs
    /// next to nothing. Of what the libraries say that this one is built on, only warnings and errors are
    /// kept, whatever the level.
    ///
    /// # Errors
    /// `Conflict` when this process has a `tracing` subscriber already; then add
    /// [`layer`](Self::layer) to that one.
    pub fn install(&self, level: Level) -> Result<()> {
        let subscriber = tracing_subscriber::registry().with(self.layer(level));
        tracing::subscriber::set_global_default(subscriber).map_err(|error| {
            Error::new(ErrorCode::Conflict, "this process has a tracing subscriber already")
                .with_source(error)
        })
    }

    /// The layer for a subscriber of the caller's. It keeps what [`install`](Self::install) does.
    #[must_use]
    pub fn layer(&self, level: Level) -> LibraryLogLayer {
        let level = match level {
            Level::Debug => LevelFilter::DEBUG,
            Level::Info => LevelFilter::INFO,
            Level::Warning => LevelFilter::WARN,
            Level::Error => LevelFilter::ERROR,
        };
        LibraryLogLayer { buffer: self.0.clone(), level }
    }
}

impl LibraryLogLayer {
    fn keeps(&self, metadata: &Metadata<'_>) -> bool {
        let own = metadata.target().starts_with("conveyor_driver");
        let least = if own { self.level } else { self.level.min(LevelFilter::WARN) };
        *metadata.level() <= least
    }
}

impl<S: Subscriber> Layer<S> for LibraryLogLayer {
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if !self.keeps(metadata) || KEEPING.replace(true) {
            return;
        }
        let Fields { message, labels } = Fields::of(event);
        self.buffer.here().keep(LibraryLog {
            unix_nanos: clock::unix_nanos(),
            level: Level::from(*metadata.level()),
            target: metadata.target().to_owned(),
            message,
            fields: labels,
        });
        KEEPING.set(false);
    }
}

impl LibraryLogBuffer {
    fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            home: HomeProcess::here(),
            fork: OnceLock::new(),
            capacity,
            records: Mutex::default(),
            waiting: AtomicUsize::new(0),
            queues: Mutex::default(),
        })
    }

    /// That of this process.
    fn here(self: &Arc<Self>) -> &Arc<Self> {
        let mut buffer = self;
        while !buffer.home.is_here() {
            buffer = buffer.fork.get_or_init(|| Self::new(buffer.capacity));
        }
        buffer
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::Acquire) == 0
    }

    fn keep(&self, record: LibraryLog) {
        let mut records = self.records();
        if records.waiting.len() >= self.capacity {
            records.dropped += 1;
        } else {
            records.waiting.push_back(record);
        }
        let was_empty = self.waiting.swap(records.len(), Ordering::AcqRel) == 0;
        drop(records);
        if was_empty {
            self.attached().iter().for_each(|queue| queue.library_spoke());
        }
    }

    pub(super) fn take(&self, most: usize) -> Vec<LibraryLog> {
        let mut records = self.records();
        let count = records.waiting.len().min(most);
        let mut taken: Vec<_> = records.waiting.drain(..count).collect();
        if count < most && records.dropped > 0 {
            taken.push(dropped(std::mem::take(&mut records.dropped)));
        }
        self.waiting.store(records.len(), Ordering::Release);
        taken
    }

    fn attached(&self) -> Vec<Arc<Shared>> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|queue| queue.strong_count() > 0);
        queues.iter().filter_map(Weak::upgrade).collect()
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records {
    fn len(&self) -> usize {
        self.waiting.len() + usize::from(self.dropped > 0)
    }
}

fn dropped(count: u64) -> LibraryLog {
    LibraryLog {
        unix_nanos: clock::unix_nanos(),
        level: Level::Warning,
        target: module_path!().to_owned(),
        message: format!("{count} records were dropped: they came faster than they were taken"),
        fields: Map::from_iter([("dropped".to_owned(), count.into())]),
    }
}

impl Shared {
    pub(super) fn attach(self: &Arc<Self>, logs: &LibraryLogs) -> Result<()> {
        let logs = logs.0.here();
        self.library.set(logs.clone()).map_err(|_| {
            Error::new(ErrorCode::Closed, "this queue has the library's logs already")
        })?;
        let mut queues = logs.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.push(Arc::downgrade(self));
        drop(queues);
        if !logs.is_empty() {
            self.library_spoke();
        }
        Ok(())
    }

    pub(super) fn take_library_logs(&self, most: usize) -> Vec<LibraryLog> {
        let taken = self.library.get().map_or_else(Vec::new, |library| library.take(most));
        self.took(self.lock());
        taken
    }
}

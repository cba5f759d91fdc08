//! What happened: what was posted, what the drivers did, and what the streams hold in the end.

use serde::{Deserialize, Serialize};

/// Everything that is known of one cell.
#[derive(Clone, Debug, Default, Serialize)]
pub struct History {
    /// The messages that were posted to the driver, in any order.
    pub posts: Vec<Post>,
    /// What the drivers and the harness wrote down, in any order.
    pub records: Vec<Record>,
    /// Every result that is stored.
    pub results: Vec<StoredResult>,
    /// Every log line that is stored.
    pub lines: Vec<StoredLine>,
    /// Every dead letter that is stored.
    pub dead: Vec<DeadLetter>,
}

/// A message that was posted and stored.
#[derive(Clone, Debug, Serialize)]
pub struct Post {
    /// Its run id.
    pub run: String,
    /// The name of its resource.
    pub resource: String,
    /// Its number in the stream.
    pub sequence: u64,
    /// What should become of it.
    pub expect: Expect,
}

/// What should become of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Expect {
    /// A completed run and one result.
    Run,
    /// No completed run, one failed result and a dead letter.
    Poison,
    /// A dead letter and nothing else.
    Unreadable,
}

/// One thing that a driver did or that was done to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Nanoseconds of the machine's monotonic clock, the same for all processes.
    pub at: u64,
    /// The driver's process.
    pub pid: u32,
    /// What it was.
    #[serde(flatten)]
    pub deed: Deed,
}

/// A thing done by or to a driver's process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "deed", rename_all = "kebab-case")]
pub enum Deed {
    /// A reconcile began. Its mark names it among all reconciles of all processes.
    Start {
        /// Names the reconcile.
        mark: String,
        /// The event's run id.
        run: String,
        /// The resource's name.
        resource: String,
        /// Which delivery it was.
        attempt: u32,
    },
    /// A reconcile was told to end.
    Cancelled {
        /// Names the reconcile.
        mark: String,
    },
    /// A reconcile ended.
    End {
        /// Names the reconcile.
        mark: String,
        /// How.
        outcome: Outcome,
    },
    /// The process ended in order, all its last words sent.
    Stopped,
    /// The process was told to drain.
    Told,
    /// The process is about to be killed.
    Killed,
    /// The process, or its core, is held from here on.
    Frozen,
    /// The process goes on.
    Thawed,
}

/// How a reconcile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Its work was done.
    Completed,
    /// It saw that it should end.
    Cancelled,
    /// It was dropped.
    Dropped,
}

/// A stored result.
#[derive(Clone, Debug, Serialize)]
pub struct StoredResult {
    /// The event's run id.
    pub run: String,
    /// Whether it is a good one.
    pub success: bool,
    /// Its message: the mark of the reconcile when it is a good one.
    pub message: String,
}

/// A stored log line.
#[derive(Clone, Debug, Serialize)]
pub struct StoredLine {
    /// The event's run id.
    pub run: String,
    /// Its stamp.
    pub timestamp: String,
    /// Its text, in the form of [`text`].
    pub message: String,
}

/// A stored dead letter, or a part of one.
#[derive(Clone, Debug, Serialize)]
pub struct DeadLetter {
    /// The message's number in its stream.
    pub origin: u64,
    /// Why it is dead.
    pub reason: String,
}

/// The text of a reconcile's n-th line of `of`, with this much filling.
#[must_use]
pub fn text(mark: &str, number: u32, of: u32, filling: usize) -> String {
    format!("~{mark} {number}/{of} {filling} {}", "x".repeat(filling))
}

/// Nanoseconds of the machine's monotonic clock.
#[must_use]
pub(super) fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or(0)
}

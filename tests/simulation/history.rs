//! What happened in one simulated history, in its order. The checker reads nothing else.

use std::time::Duration;

use crate::plan::Plan;

/// Everything that is known once a history has ended.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) plan: Plan,
    pub(crate) entries: Vec<Entry>,
    /// The stored log, in the stream's order.
    pub(crate) log: Vec<StoredLine>,
    /// Messages that the stream of events still holds at the end.
    pub(crate) left: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// In virtual time, since the start.
    pub(crate) at: Duration,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// An event was stored under this number.
    Posted {
        event: usize,
        sequence: u64,
    },
    /// A fault or a step of the plan; for readers of the trace only.
    Done(String),
    ConsumerDeleted {
        driver: usize,
    },
    ConsumerMade {
        driver: usize,
    },
    /// A manager was asked to cancel the event's runs, and said how many there were.
    CancelRequested {
        instance: usize,
        event: usize,
        runs: usize,
    },
    /// A manager has started.
    Started {
        instance: usize,
    },
    /// A message was handed to an instance.
    Delivered {
        delivery: usize,
        instance: usize,
        driver: usize,
        sequence: u64,
        attempt: u64,
    },
    /// An instance told what became of a delivery.
    Settled {
        delivery: usize,
        by: Settled,
        confirmed: bool,
    },
    Began {
        run: usize,
        instance: usize,
        driver: usize,
        event: usize,
        attempt: u32,
    },
    /// Noticed at the latest when another run begins.
    Cancelled {
        run: usize,
    },
    /// A run's line has its place in the log.
    Wrote {
        run: usize,
        line: u32,
    },
    Ended {
        run: usize,
        by: Ended,
    },
    /// A result was published.
    Answered {
        instance: usize,
        driver: usize,
        event: usize,
        by: Answer,
        fate: Fate,
    },
    /// A dead letter was published. Parts of one letter are counted on their own.
    Buried {
        driver: usize,
        sequence: u64,
        part: String,
        fate: Fate,
    },
    /// A manager has stopped and said what it did.
    Reported {
        instance: usize,
        drivers: Vec<Counts>,
    },
    /// A manager should have stopped long ago.
    Stuck {
        instance: usize,
    },
    /// Not every event was settled although all faults were healed long ago.
    Unsettled {
        driver: usize,
        pending: u64,
        ack_pending: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    Ack,
    Nak,
    Term,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Success,
    Failure,
    Retry,
    Panic,
    /// It saw its cancellation and ended with an error.
    Heeded,
    /// It was dropped before its end.
    Dropped,
}

/// What the stream made of a message, whether its publisher heard of it or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Stored,
    /// It knew a message of that id.
    Duplicate,
    Refused,
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Run {
        run: usize,
        success: bool,
    },
    GivenUp,
    /// The run was cancelled on request.
    Cancelled,
    TimedOut,
    Unknown,
}

/// One driver's drain report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    pub(crate) cancelled: u64,
    pub(crate) timed_out: u64,
    pub(crate) retried: u64,
    pub(crate) ignored: u64,
    pub(crate) answered_before: u64,
    pub(crate) dead_lettered: u64,
    pub(crate) poisoned: u64,
    pub(crate) given_back: u64,
    pub(crate) lease_lost: u64,
    pub(crate) lines_unsent: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredLine {
    /// Names the log of one attempt.
    pub(crate) log: String,
    /// The line's number within it, from 1.
    pub(crate) number: u64,
    pub(crate) timestamp: String,
    pub(crate) message: String,
    /// When it was stored, in virtual time since the start.
    pub(crate) at: Duration,
}

impl History {
    /// The history as a person reads it.
    pub(crate) fn trace(&self) -> String {
        let mut text = format!("{:#?}\n", self.plan);
        for entry in &self.entries {
            text.push_str(&format!("{:>12.3} s  {:?}\n", entry.at.as_secs_f64(), entry.what));
        }
        text
    }
}

//! The logs that pass through a queue: lines of runs, and the library's own.

use std::sync::Arc;

use super::library_logs::{LibraryLog, LibraryLogs};
use super::{LogTicket, RunQueue};
use crate::error::Result;
use crate::logger::{LogLine, TicketHolder};
use crate::run::Run;

impl RunQueue {
    /// Writes lines to a run's log, all or none, and never waits: they take their places at once. While
    /// the log's buffer has no room for them there is a ticket, which
    /// [`take_accepted`](Self::take_accepted) gives back once it has. The host may then go on or hold
    /// its run up until then; the lines are stored before the run's result in any case.
    ///
    /// What waits for room is bounded: for a driver by its `log_buffer_bytes`, so that its lines take
    /// twice as much at most (and one call's lines more), for a run by [`LogTicket::MOST_OF_A_RUN`]
    /// tickets.
    ///
    /// # Errors
    /// `LogFull` when as much waits as may, or 65,536 accepted tickets were not taken: write the same
    /// lines again after some were.
    pub fn log(
        &self,
        run: &Run,
        lines: impl IntoIterator<Item = LogLine>,
    ) -> Result<Option<LogTicket>> {
        let holder: Arc<dyn TicketHolder> = self.0.clone();
        run.logger().write_later(lines, &holder)
    }

    /// Takes the tickets whose lines have room now, in the order of their calls for each run. With
    /// several threads one may be taken before the call that made it has returned.
    #[must_use]
    pub fn take_accepted(&self) -> Vec<LogTicket> {
        self.take_accepted_of(usize::MAX)
    }

    /// The same for up to so many. When it gives fewer, none is left.
    #[must_use]
    pub fn take_accepted_of(&self, most: usize) -> Vec<LogTicket> {
        let mut state = self.0.lock();
        let count = state.accepted.len().min(most);
        let accepted = state.accepted.drain(..count).collect();
        self.0.took(state);
        accepted
    }

    /// Has this queue wake its host for what the library itself says. Of the queues that were given
    /// the same logs each is woken, and who takes first has them.
    ///
    /// # Errors
    /// `Closed` when the queue has logs already.
    pub fn attach_library_logs(&self, logs: &LibraryLogs) -> Result<()> {
        self.0.attach(logs)
    }

    /// Takes up to `most` records of what the library itself says, the oldest first.
    #[must_use]
    pub fn take_library_logs(&self, most: usize) -> Vec<LibraryLog> {
        self.0.take_library_logs(most)
    }
}

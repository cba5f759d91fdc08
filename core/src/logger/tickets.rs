//! Lines of writers that can neither wait nor block: they take their place at once, and owe the room.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::run_log::RunLog;
use crate::error::{Error, ErrorCode, Result};

/// Names lines that were written when the log's buffer had no room for them. No ticket is given out
/// twice by one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogTicket(u64);

impl LogTicket {
    /// How many tickets of one run may be open.
    pub const MOST_OF_A_RUN: u32 = 1_024;

    /// The ticket as a number, for hosts that keep numbers.
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// The ticket that was given out as this number.
    #[must_use]
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }
}

/// Who gives tickets out, and hears when they are accepted.
pub(crate) trait TicketHolder: fmt::Debug + Send + Sync {
    /// A new ticket.
    ///
    /// # Errors
    /// `LogFull` when too many that were accepted are not taken.
    fn give(&self) -> Result<LogTicket>;

    /// There is room for its lines now.
    fn accepted(&self, ticket: LogTicket);
}

/// What the lines in a queue have taken beyond its bound. Each debt goes with lines that are in the
/// queue and will give back as much, so that all of it is paid by the time they are stored.
#[derive(Debug, Default)]
pub(super) struct Debts {
    open: Mutex<Open>,
    /// As in `open`: read without its lock.
    owed: AtomicUsize,
}

#[derive(Debug, Default)]
struct Open {
    debts: VecDeque<Debt>,
    forgiven: bool,
}

#[derive(Debug)]
struct Debt {
    bytes: usize,
    ticket: LogTicket,
    holder: Arc<dyn TicketHolder>,
    run: RunLog,
}

impl Debts {
    pub(super) fn lock(&self) -> Locked<'_> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        Locked { open, owed: &self.owed }
    }

    /// Pays with room that was given back, the oldest debt first. Returns what is left of it.
    pub(super) fn pay(&self, mut bytes: usize) -> usize {
        if self.owed.load(Ordering::Acquire) == 0 {
            return bytes;
        }
        let mut paid = Vec::new();
        let mut locked = self.lock();
        while let Some(debt) = locked.open.debts.front_mut() {
            let part = debt.bytes.min(bytes);
            bytes -= part;
            debt.bytes -= part;
            self.owed.fetch_sub(part, Ordering::AcqRel);
            if debt.bytes > 0 {
                break;
            }
            paid.extend(locked.open.debts.pop_front());
        }
        drop(locked);
        paid.into_iter().for_each(Debt::settle);
        bytes
    }

    /// There will be no room any more: nobody waits for it from now on.
    pub(super) fn forgive(&self) {
        let mut locked = self.lock();
        locked.open.forgiven = true;
        let debts = std::mem::take(&mut locked.open.debts);
        self.owed.store(0, Ordering::Release);
        drop(locked);
        debts.into_iter().for_each(Debt::settle);
    }
}

impl Debt {
    fn settle(self) {
        self.run.tickets().fetch_sub(1, Ordering::AcqRel);
        self.holder.accepted(self.ticket);
    }
}

pub(super) struct Locked<'a> {
    open: MutexGuard<'a, Open>,
    owed: &'a AtomicUsize,
}

impl Locked<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.open.debts.is_empty()
    }

    pub(super) fn is_forgiven(&self) -> bool {
        self.open.forgiven
    }

    /// Adds a debt for lines of this run. What all owe may go over `most_bytes` by one debt.
    pub(super) fn owe(
        mut self,
        run: &RunLog,
        bytes: usize,
        most_bytes: usize,
        holder: &Arc<dyn TicketHolder>,
    ) -> Result<LogTicket> {
        let owed = self.owed.load(Ordering::Acquire);
        let tickets = run.tickets().load(Ordering::Acquire);
        if owed >= most_bytes || tickets >= LogTicket::MOST_OF_A_RUN {
            return Err(Error::new(ErrorCode::LogFull, "too many log lines wait for room")
                .with_context("waiting_bytes", owed)
                .with_context("open_tickets_of_run", tickets));
        }
        let ticket = holder.give()?;
        run.tickets().fetch_add(1, Ordering::AcqRel);
        self.owed.fetch_add(bytes, Ordering::AcqRel);
        self.open.debts.push_back(Debt { bytes, ticket, holder: holder.clone(), run: run.clone() });
        Ok(ticket)
    }
}

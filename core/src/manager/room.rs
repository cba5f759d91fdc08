//! How many events a driver has room for: one for each run that may go on, and as many again while
//! their answers are being stored, so that a slow store holds up no run and fills no memory.

use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc;

/// The account of one driver.
#[derive(Debug)]
pub(super) struct Room {
    concurrency: usize,
    taken: Mutex<Taken>,
    /// Where the puller hears of new room.
    more: mpsc::UnboundedSender<usize>,
}

#[derive(Debug, Default)]
struct Taken {
    /// Asked for, waiting for its lane, or running.
    running: usize,
    answering: usize,
}

impl Room {
    /// Room for so many runs. The puller hears of it from the receiver.
    pub(super) fn new(concurrency: usize) -> (Self, mpsc::UnboundedReceiver<usize>) {
        let (more, asked) = mpsc::unbounded_channel();
        (Self { concurrency, taken: Mutex::default(), more }, asked)
    }

    /// Asks for the first events.
    pub(super) fn open(&self) {
        self.change(|_| {});
    }

    /// A run is over, its event is not: the place is free for the next one.
    pub(super) fn answering(&self) -> Answering<'_> {
        self.change(|taken| {
            taken.running = taken.running.saturating_sub(1);
            taken.answering += 1;
        });
        Answering(self)
    }

    /// An event that was never, or no longer, [`answering`](Self::answering) is settled.
    pub(super) fn settled(&self) {
        self.change(|taken| taken.running = taken.running.saturating_sub(1));
    }

    fn change(&self, change: impl FnOnce(&mut Taken)) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut taken);
        let events = taken.running + taken.answering;
        let runs = self.concurrency.saturating_sub(taken.running);
        let more = runs.min((2 * self.concurrency).saturating_sub(events));
        taken.running += more;
        drop(taken);
        if more > 0 {
            // Fails only once the puller has stopped, and then no room is wanted.
            let _asked = self.more.send(more);
        }
    }
}

/// An event whose answer is being stored. Once dropped, it counts as running again, until it is
/// settled.
#[derive(Debug)]
pub(super) struct Answering<'a>(&'a Room);

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.answering -= 1;
        taken.running += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(concurrency: usize) -> (Room, impl FnMut() -> usize) {
        let (room, mut asked) = Room::new(concurrency);
        room.open();
        let asked = move || std::iter::from_fn(|| asked.try_recv().ok()).sum();
        (room, asked)
    }

    #[test]
    fn a_run_that_is_over_makes_room_before_it_is_answered() {
        let (room, mut asked) = room(2);
        assert_eq!(asked(), 2);
        let answering = room.answering();
        assert_eq!(asked(), 1);
        drop(answering);
        room.settled();
        assert_eq!(asked(), 0);
        room.settled();
        assert_eq!(asked(), 1);
    }

    #[test]
    fn answers_that_cannot_be_stored_hold_no_more_than_as_many_again() {
        let (room, mut asked) = room(2);
        let mut held: Vec<_> = (0..4).map(|_| room.answering()).collect();
        assert_eq!(asked(), 4);
        drop(held.pop());
        room.settled();
        assert_eq!(asked(), 1);
        drop(held);
        (0..3).for_each(|_| room.settled());
        assert_eq!(asked(), 1);
    }
}

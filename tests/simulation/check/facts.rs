//! A history's entries, sorted by what they are about.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::event::Expected;
use crate::history::{Answer, Counts, Ended, Fate, History, Settled, What};

/// An entry's place in the history.
pub(super) type Place = usize;

#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Which event is stored under a number.
    pub(super) events: HashMap<u64, usize>,
    pub(super) posted: HashMap<usize, Place>,
    pub(super) deliveries: BTreeMap<usize, Delivery>,
    pub(super) runs: BTreeMap<usize, Run>,
    pub(super) answers: Vec<Answered>,
    pub(super) letters: Vec<Letter>,
    pub(super) reports: Vec<(usize, Vec<Counts>)>,
    /// Where which instance was asked to cancel which event.
    pub(super) requests: Vec<(Place, usize, usize)>,
    /// From when to when each driver's consumer was away.
    pub(super) absences: Vec<(usize, Place, Place)>,
}

#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) place: Place,
    pub(super) instance: usize,
    pub(super) driver: usize,
    pub(super) sequence: u64,
    pub(super) attempt: u64,
    /// Where, what, and whether it was confirmed.
    pub(super) settled: Vec<(Place, Settled, bool)>,
}

#[derive(Debug)]
pub(super) struct Run {
    pub(super) began: Place,
    pub(super) instance: usize,
    pub(super) driver: usize,
    pub(super) event: usize,
    pub(super) attempt: u32,
    pub(super) cancelled: Option<Place>,
    pub(super) ended: Option<(Place, Ended)>,
    pub(super) lines: u32,
}

#[derive(Debug)]
pub(super) struct Answered {
    pub(super) place: Place,
    pub(super) at: Duration,
    pub(super) instance: usize,
    pub(super) driver: usize,
    pub(super) event: usize,
    pub(super) by: Answer,
    pub(super) stored: bool,
}

#[derive(Debug)]
pub(super) struct Letter {
    pub(super) place: Place,
    pub(super) at: Duration,
    pub(super) driver: usize,
    pub(super) sequence: u64,
    pub(super) part: String,
    pub(super) stored: bool,
}

impl Facts {
    pub(super) fn of(history: &History) -> Self {
        let mut facts = Self::default();
        for (place, entry) in history.entries.iter().enumerate() {
            facts.add(place, entry.at, &entry.what, history.entries.len());
        }
        facts
    }

    fn add(&mut self, place: Place, at: Duration, what: &What, end: Place) {
        match *what {
            What::Posted { event, sequence } => {
                self.events.insert(sequence, event);
                self.posted.insert(event, place);
            }
            What::ConsumerDeleted { driver } => self.absences.push((driver, place, end)),
            What::ConsumerMade { driver } => {
                for absence in &mut self.absences {
                    if absence.0 == driver && absence.2 == end {
                        absence.2 = place;
                    }
                }
            }
            What::Delivered { delivery, instance, driver, sequence, attempt } => {
                let settled = Vec::new();
                let made = Delivery { place, instance, driver, sequence, attempt, settled };
                self.deliveries.insert(delivery, made);
            }
            What::Settled { delivery, by, confirmed } => {
                if let Some(delivery) = self.deliveries.get_mut(&delivery) {
                    delivery.settled.push((place, by, confirmed));
                }
            }
            What::Began { run, instance, driver, event, attempt } => {
                let (cancelled, ended, lines) = (None, None, 0);
                let began = place;
                let begun =
                    Run { began, instance, driver, event, attempt, cancelled, ended, lines };
                self.runs.insert(run, begun);
            }
            What::Cancelled { run } => self.change(run, |run| run.cancelled = Some(place)),
            What::Wrote { run, line } => self.change(run, |run| run.lines = line + 1),
            What::Ended { run, by } => self.change(run, |run| run.ended = Some((place, by))),
            What::Answered { instance, driver, event, by, fate } if fate != Fate::Refused => {
                let stored = fate == Fate::Stored;
                self.answers.push(Answered { place, at, instance, driver, event, by, stored });
            }
            What::Buried { driver, sequence, ref part, fate } if fate != Fate::Refused => {
                let stored = fate == Fate::Stored;
                let part = part.clone();
                self.letters.push(Letter { place, at, driver, sequence, part, stored });
            }
            What::CancelRequested { instance, event, .. } => {
                self.requests.push((place, instance, event));
            }
            What::Reported { instance, ref drivers } => {
                self.reports.push((instance, drivers.clone()));
            }
            What::Answered { .. }
            | What::Buried { .. }
            | What::Done(_)
            | What::Started { .. }
            | What::Stuck { .. }
            | What::Unsettled { .. } => {}
        }
    }

    fn change(&mut self, run: usize, change: impl FnOnce(&mut Run)) {
        if let Some(run) = self.runs.get_mut(&run) {
            change(run);
        }
    }

    pub(super) fn answers_to(
        &self,
        event: usize,
        driver: usize,
    ) -> impl Iterator<Item = &Answered> {
        self.answers.iter().filter(move |a| a.event == event && a.driver == driver)
    }

    pub(super) fn letters_for(&self, event: usize, driver: usize) -> impl Iterator<Item = &Letter> {
        self.letters.iter().filter(move |letter| {
            letter.driver == driver && self.events.get(&letter.sequence) == Some(&event)
        })
    }

    pub(super) fn deliveries_of(
        &self,
        event: usize,
        driver: usize,
    ) -> impl DoubleEndedIterator<Item = &Delivery> {
        self.deliveries.values().filter(move |delivery| {
            delivery.driver == driver && self.events.get(&delivery.sequence) == Some(&event)
        })
    }

    /// Whether the driver's consumer was deleted after it delivered the event and before that place:
    /// the server then knows nothing of the leases that were held.
    pub(super) fn forgotten(&self, event: usize, driver: usize, before: Place) -> bool {
        let first = self.deliveries_of(event, driver).map(|delivery| delivery.place).min();
        first.is_some_and(|first| {
            self.absences
                .iter()
                .any(|(of, gone, _)| *of == driver && (first..before).contains(gone))
        })
    }

    /// Whether the stream was allowed to drop the event: the driver's consumer was deleted before it
    /// was done with it, or not there when it came, and nobody else held it.
    pub(super) fn may_be_dropped(&self, history: &History, event: usize, driver: usize) -> bool {
        let Some(posted) = self.posted.get(&event) else { return true };
        let first = if history.plan.expected(event, driver) == Expected::Buried {
            // Of a letter in two parts the first alone keeps nothing.
            let letters = self.letters_for(event, driver).filter(|letter| letter.part != "1/2");
            letters.map(|letter| letter.place).min()
        } else {
            self.answers_to(event, driver).map(|answer| answer.place).min()
        };
        !history.plan.observer
            && self.absences.iter().any(|(of, gone, back)| {
                *of == driver && posted < back && first.is_none_or(|first| first > *gone)
            })
    }
}

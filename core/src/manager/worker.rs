//! One driver at work: gives events to runs as there is room, resource by resource, and drains.

use std::collections::HashSet;
use std::future::{poll_fn, ready};
use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::attempt::LeftRunning;
use super::blocked::Blocked;
use super::control;
use super::event::Event;
use super::generation::Taken;
use super::lanes::Lanes;
use super::life::{Life, Lived};
use super::parts::{Part, Parts};
use super::puller::Puller;
use super::report::{DriverReport, End};
use super::service;
use super::settle::LAST_WORDS;
use crate::cancellation::CancelReason;
use crate::error::{Error, ErrorCode};
use crate::fault_point;
use crate::host::Outcome;
use crate::logger::LogSender;
use crate::message::DriverMessage;
use crate::options::Serialization;
use crate::subject;

/// What passes one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Lane {
    /// The events of one resource: a hash of its type and name. Should two ever have the same, they
    /// only wait for each other.
    Resource(u64),
    /// The deliveries of one message, which may overlap when the consumer was made anew.
    Message(u64),
}

pub(super) struct Worker {
    life: Arc<Life>,
    shutdown_grace: Duration,
    lanes: Lanes<Lane, Event>,
    hasher: RandomState,
    lives: FuturesUnordered<BoxFuture<'static, (Option<Lane>, Lived)>>,
    blocked: Blocked<Lane>,
    /// The subjects that are this driver's: an instance with more resources may share its consumer.
    filters: HashSet<String>,
    draining: bool,
    report: DriverReport,
}

impl Worker {
    /// Works until the stop, and returns what was done.
    pub(super) async fn run(
        life: Arc<Life>,
        puller: Puller,
        asked: mpsc::UnboundedReceiver<usize>,
        log_sender: LogSender,
        shutdown_grace: Duration,
    ) -> DriverReport {
        let options = life.driver.options();
        let filters = subject::filters(&options.name, &options.resources).into_iter().collect();
        let (hand_over, mut events) = mpsc::unbounded_channel();
        let pulling = tokio::spawn(puller.run(asked, hand_over));
        let parts = Parts::new(life.name.clone(), life.stop.clone());
        let sending = parts.start("log sender", log_sender.run());
        let keeping = parts.start("leases", {
            let life = life.clone();
            async move { life.leases.keep(&*life.stream, &life.name).await }
        });
        let acknowledging = parts.start("acks", {
            let life = life.clone();
            async move { life.acks.keep(&*life.stream, &life.name, &life.generation).await }
        });
        let listening = parts.start("control", {
            let life = life.clone();
            async move { control::listen(&*life.stream, &life.name, &life.leases).await }
        });
        let introducing = tokio::spawn(service::answer(life.clone()));
        let mut worker = Self {
            report: DriverReport { driver: life.name.to_string(), ..DriverReport::default() },
            life,
            shutdown_grace,
            lanes: Lanes::new(),
            hasher: RandomState::new(),
            lives: FuturesUnordered::new(),
            blocked: Blocked::new(),
            filters,
            draining: false,
        };
        worker.work_and_ring(&mut events).await;
        worker.finish(sending).await;
        let pulled = pulling.await.unwrap_or_else(|panic| {
            Err(Error::new(ErrorCode::Internal, "pulling ended early").with_source(panic))
        });
        worker.report.error = parts.fault().or(pulled.err());
        worker.report.runs = worker.life.runs.load(Ordering::Relaxed);
        keeping.end();
        acknowledging.end();
        listening.end();
        introducing.abort();
        worker.report
    }

    /// Works, and wakes the host once for all the runs that were handed over meanwhile.
    async fn work_and_ring(&mut self, events: &mut mpsc::UnboundedReceiver<Vec<Taken>>) {
        let queue = self.life.queue.clone();
        let mut working = pin!(self.work(events));
        poll_fn(|cx| {
            let worked = working.as_mut().poll(cx);
            queue.ring();
            worked
        })
        .await;
    }

    async fn work(&mut self, events: &mut mpsc::UnboundedReceiver<Vec<Taken>>) {
        let life = self.life.clone();
        life.room.open();
        let (mut pulling, mut cancelled, mut ending) = (true, false, false);
        let mut grace_ends = Instant::now();
        let after_grace = life.cancel_grace() + LAST_WORDS;
        while pulling || !self.lives.is_empty() {
            tokio::select! {
                biased;
                () = life.stop.ending_now(), if !ending => {
                    ending = true;
                    life.leases.cancel_all(&CancelReason::Shutdown);
                    life.leases.wake_all();
                }
                () = life.stop.draining(), if !self.draining => {
                    grace_ends = Instant::now() + self.shutdown_grace;
                    self.drain();
                }
                () = sleep_until(grace_ends),
                    if self.draining && !cancelled =>
                {
                    tracing::warn!(
                        driver = %life.name, runs = self.lives.len(),
                        "the shutdown grace is over: runs are cancelled"
                    );
                    cancelled = true;
                    life.leases.cancel_all(&CancelReason::Shutdown);
                }
                () = sleep_until(grace_ends + after_grace),
                    if self.draining && !life.end.is_cancelled() =>
                {
                    tracing::warn!(
                        driver = %life.name, events = self.lives.len(),
                        "log lines or results cannot be stored: their events are given back"
                    );
                    life.end.cancel();
                    life.leases.wake_all();
                }
                () = poll_fn(|cx| life.leases.poll_cancelled(cx)) => self.take_out_cancelled(),
                Some((lane, lived)) = self.lives.next(), if !self.lives.is_empty() => {
                    self.ended(lane, lived);
                }
                Some((lane, outcome)) = self.blocked.next(), if !self.blocked.is_empty() => {
                    self.ended_late(&outcome);
                    self.leave(lane);
                }
                came = events.recv(), if pulling => match came {
                    Some(deliveries) => deliveries.into_iter().for_each(|d| self.accept(d)),
                    None => pulling = false,
                },
            }
        }
    }

    fn accept(&mut self, delivery: Taken) {
        fault_point::reached("after-pull");
        let life = self.life.clone();
        if let Some(fault) = delivery.fault.clone() {
            self.begin(async move { life.bury(&delivery, &fault).await });
            return;
        }
        if !self.filters.contains(&*delivery.subject) {
            self.begin(async move { life.leave_to_others(&delivery).await });
            return;
        }
        let message = match DriverMessage::decode(&delivery.payload) {
            Ok(message) => message,
            Err(error) => {
                self.begin(async move { life.bury(&delivery, &error.to_string()).await });
                return;
            }
        };
        let options = life.driver.options();
        if !subject::is_addressed(&delivery.subject) && !options.wants(&message.event) {
            life.acks.add(&delivery);
            self.begin(ready(End::Ignored));
            return;
        }
        let lane = match options.serialize {
            Serialization::Resource => {
                Lane::Resource(self.hasher.hash_one((&message.resource_type, &message.name)))
            }
            Serialization::None => Lane::Message(delivery.sequence),
        };
        let event = Event::take(delivery, message, &life.leases);
        if self.draining {
            self.give_back(event);
        } else if let Some(is_new) = self.blocked.meets(&lane, event.delivery.sequence) {
            self.step_aside(event, is_new);
        } else if let Some(event) = self.lanes.enter(lane, event) {
            self.start(Some(lane), event);
        }
    }

    fn start(&self, lane: Option<Lane>, event: Event) {
        let life = self.life.clone();
        // Not handed on by value, which would give the future room for the event twice.
        self.lives.push(async move { (lane, life.live(&event).await) }.boxed());
    }

    /// What is to be answered without a run waits for no lane.
    fn take_out_cancelled(&mut self) {
        for event in self.lanes.take_out(|event| event.cancel.reason().is_some()) {
            self.start(None, event);
        }
    }

    /// Neither a permit nor a lease is held for as long as an abandoned run works.
    fn step_aside(&self, event: Event, is_new: bool) {
        if self.life.needs_no_run(&event) {
            return self.start(None, event);
        }
        let life = self.life.clone();
        self.begin(async move { life.step_aside(&event, is_new).await });
    }

    fn give_back(&self, event: Event) {
        let life = self.life.clone();
        self.begin(async move { life.hand_back_now(&event, false).await });
    }

    /// Something that needs no lane.
    fn begin(&self, life: impl Future<Output = End> + Send + 'static) {
        self.lives.push(life.map(|end| (None, end.into())).boxed());
    }

    fn ended(&mut self, lane: Option<Lane>, lived: Lived) {
        self.report.count(lived.end);
        if lived.end.is_failed_answer() {
            self.life.failed.fetch_add(1, Ordering::Relaxed);
        }
        self.life.room.settled();
        match (lane, lived.left_running) {
            // The permit is free, the resource is not: its next event must not run beside this one.
            (Some(lane), Some(run)) => self.block(lane, run),
            (Some(lane), None) => self.leave(lane),
            (None, _) => {}
        }
    }

    fn block(&mut self, lane: Lane, mut run: LeftRunning) {
        if let Some(outcome) = (&mut run).now_or_never() {
            self.ended_late(&outcome);
            return self.leave(lane);
        }
        self.blocked.block(lane, run);
        for event in self.lanes.give_up_lane(&lane) {
            let is_new = self.blocked.meets(&lane, event.delivery.sequence).unwrap_or(true);
            self.step_aside(event, is_new);
        }
    }

    fn ended_late(&mut self, outcome: &Outcome) {
        if matches!(outcome, Outcome::Ended(_)) {
            self.report.late_results += 1;
            tracing::warn!(
                driver = %self.life.name, "an abandoned run ended; what it says is ignored"
            );
        }
    }

    fn leave(&mut self, lane: Lane) {
        if let Some(next) = self.lanes.leave(&lane) {
            self.start(Some(lane), next);
        }
    }

    fn drain(&mut self) {
        self.draining = true;
        let waiting: Vec<_> = self.lanes.give_up().collect();
        tracing::info!(
            driver = %self.life.name, running = self.lives.len(), given_back = waiting.len(),
            "draining"
        );
        waiting.into_iter().for_each(|event| self.give_back(event));
    }

    /// Sees the last lines stored and the last acks confirmed.
    async fn finish(&mut self, sending: Part) {
        self.life.logs.close();
        sending.end_within(LAST_WORDS).await;
        self.life.logs.end();
        self.report.log_lines_unsent = self.life.logs.unsent() as u64;
        self.life.acks.confirmed(&self.life.name, LAST_WORDS).await;
    }
}

//! One driver at work: gives events to runs as there is room, resource by resource, and drains.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::control;
use super::lanes::Lanes;
use super::life::{Event, Life};
use super::puller::Puller;
use super::report::{DriverReport, End};
use crate::fault_point;
use crate::logger::LogSender;
use crate::message::DriverMessage;
use crate::options::Serialization;
use crate::stream::Delivery;
use crate::subject;

/// How long the end of a driver may wait for the server, once its runs have ended or were given up.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Events of one resource share a lane.
type Lane = Option<(String, String)>;

pub(super) struct Worker {
    life: Arc<Life>,
    shutdown_grace: Duration,
    lanes: Lanes<Lane, Event>,
    lives: FuturesUnordered<BoxFuture<'static, (Lane, End)>>,
    /// The subjects that are this driver's: an instance with more resources may share its consumer.
    filters: HashSet<String>,
    room: mpsc::UnboundedSender<usize>,
    draining: bool,
    report: DriverReport,
}

impl Worker {
    /// Works until the stop, and returns what was done.
    pub(super) async fn run(
        life: Arc<Life>,
        puller: Puller,
        log_sender: LogSender,
        shutdown_grace: Duration,
    ) -> DriverReport {
        let options = life.driver.options();
        let filters = subject::filters(&options.name, &options.resources).into_iter().collect();
        let (room, asked) = mpsc::unbounded_channel();
        let (hand_over, mut events) = mpsc::unbounded_channel();
        let pulling = tokio::spawn(puller.run(asked, hand_over));
        let sending = tokio::spawn(log_sender.run());
        let keeping = tokio::spawn({
            let life = life.clone();
            async move { life.leases.keep(&*life.stream, &life.name).await }
        });
        let listening = tokio::spawn({
            let life = life.clone();
            async move { control::listen(&*life.stream, &life.name, &life.leases).await }
        });
        let mut worker = Self {
            report: DriverReport { driver: life.name.to_string(), ..DriverReport::default() },
            life,
            shutdown_grace,
            lanes: Lanes::new(),
            lives: FuturesUnordered::new(),
            filters,
            room,
            draining: false,
        };
        worker.work(&mut events).await;
        worker.finish(sending).await;
        worker.report.late_results = worker.life.late_results.load(Ordering::Acquire);
        keeping.abort();
        listening.abort();
        pulling.abort();
        worker.report
    }

    async fn work(&mut self, events: &mut mpsc::UnboundedReceiver<Vec<Delivery>>) {
        let life = self.life.clone();
        self.make_room(life.driver.options().concurrency as usize);
        let mut pulling = true;
        let mut grace_ends = Instant::now();
        let after_grace = Duration::from_millis(life.driver.options().cancel_grace_ms) + LAST_WORDS;
        while pulling || !self.lives.is_empty() {
            tokio::select! {
                biased;
                () = life.stop.ending_now(), if !life.cancel_runs.is_cancelled() => {
                    life.cancel_runs.cancel();
                }
                () = life.stop.draining(), if !self.draining => {
                    grace_ends = Instant::now() + self.shutdown_grace;
                    self.drain();
                }
                () = sleep_until(grace_ends),
                    if self.draining && !life.cancel_runs.is_cancelled() =>
                {
                    tracing::warn!(
                        driver = %life.name, runs = self.lives.len(),
                        "the shutdown grace is over: runs are cancelled"
                    );
                    life.cancel_runs.cancel();
                }
                () = sleep_until(grace_ends + after_grace),
                    if self.draining && !life.end.is_cancelled() =>
                {
                    tracing::warn!(
                        driver = %life.name, events = self.lives.len(),
                        "log lines or results cannot be stored: their events are given back"
                    );
                    life.end.cancel();
                }
                Some((lane, end)) = self.lives.next(), if !self.lives.is_empty() => {
                    self.ended(&lane, end);
                }
                came = events.recv(), if pulling => match came {
                    Some(deliveries) => deliveries.into_iter().for_each(|d| self.accept(d)),
                    None => pulling = false,
                },
            }
        }
    }

    fn accept(&mut self, delivery: Delivery) {
        fault_point::reached("after-pull");
        let life = self.life.clone();
        if !self.filters.contains(&delivery.subject) {
            self.begin(None, async move { life.leave_to_others(&delivery).await }.boxed());
            return;
        }
        let message = match DriverMessage::decode(&delivery.payload) {
            Ok(message) => message,
            Err(error) => {
                let bury = async move { life.bury(&delivery, &error.to_string()).await };
                self.begin(None, bury.boxed());
                return;
            }
        };
        let options = life.driver.options();
        if !subject::is_addressed(&delivery.subject) && !options.wants(&message.event) {
            self.begin(None, async move { life.ignore(&delivery).await }.boxed());
            return;
        }
        let lane = match options.serialize {
            Serialization::Resource => Some((message.resource_type.clone(), message.name.clone())),
            Serialization::None => None,
        };
        let event = life.event(delivery, message);
        if self.draining {
            self.give_back(event);
        } else if lane.is_none() {
            self.start(lane, event);
        } else if let Some(event) = self.lanes.enter(lane.clone(), event) {
            self.start(lane, event);
        }
    }

    fn start(&self, lane: Lane, event: Event) {
        let life = self.life.clone();
        self.begin(lane, async move { life.live(event).await }.boxed());
    }

    fn give_back(&self, event: Event) {
        let life = self.life.clone();
        self.begin(None, async move { life.hand_back_now(&event, false).await }.boxed());
    }

    fn begin(&self, lane: Lane, life: BoxFuture<'static, End>) {
        self.lives.push(life.map(|end| (lane, end)).boxed());
    }

    fn ended(&mut self, lane: &Lane, end: End) {
        self.report.count(end);
        self.make_room(1);
        if lane.is_some()
            && let Some(next) = self.lanes.leave(lane)
        {
            self.start(lane.clone(), next);
        }
    }

    fn make_room(&self, more: usize) {
        // Fails only once the puller has stopped, and then no room is wanted.
        let _asked = self.room.send(more);
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
    async fn finish(&mut self, mut sending: JoinHandle<()>) {
        self.life.logs.close();
        if timeout(LAST_WORDS, &mut sending).await.is_err() {
            sending.abort();
        }
        self.report.log_lines_unsent = self.life.logs.unsettled() as u64;
        self.life.acks.confirm(&*self.life.stream, &self.life.name, LAST_WORDS).await;
    }
}

//! Lets a plan happen, and returns its history.

use std::sync::Arc;
use std::time::Duration;

use conveyor_driver::DriverManager;
use conveyor_driver::message::LogEntry;
use conveyor_driver::options::ManagerOptions;
use conveyor_driver::stream::{ConsumerConfig, EventStream, MemoryStream, Message, StreamConfig};
use conveyor_driver::subject::{LOGS_STREAM, MESSAGES_STREAM};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::event::run_id;
use crate::fault::Fault;
use crate::history::{History, StoredLine, What};
use crate::instance::Instance;
use crate::plan::{Plan, seconds};
use crate::recorder::Recorder;
use crate::wire::Wire;
use crate::work;

/// How long all may take to be settled once nothing fails any more.
const PATIENCE: Duration = seconds(3 * 86_400);

struct Stage {
    plan: Arc<Plan>,
    memory: MemoryStream,
    recorder: Recorder,
    slots: Vec<Option<Instance>>,
    /// Managers on their way to their end.
    ending: JoinSet<()>,
    instances: usize,
}

enum Step<'a> {
    Post(usize),
    Fault(&'a Fault),
}

/// Runs a history on a runtime with paused time. All of it is on the calling thread.
pub(crate) fn play(plan: Plan) -> History {
    fastrand::seed(plan.seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("the system gives a runtime");
    runtime.block_on(Stage::new(plan).play())
}

impl Stage {
    fn new(plan: Plan) -> Self {
        Self {
            slots: std::iter::repeat_with(|| None).take(plan.slots).collect(),
            plan: Arc::new(plan),
            memory: MemoryStream::new(),
            recorder: Recorder::new(),
            ending: JoinSet::new(),
            instances: 0,
        }
    }

    async fn play(mut self) -> History {
        self.make_streams().await;
        for slot in 0..self.slots.len() {
            self.start(slot).await;
        }
        let plan = self.plan.clone();
        let mut steps: Vec<_> = plan.faults.iter().map(|(at, f)| (*at, Step::Fault(f))).collect();
        steps.extend(plan.events.iter().enumerate().map(|(i, e)| (e.at, Step::Post(i))));
        steps.sort_by_key(|(at, _)| *at);
        let started = Instant::now();
        for (at, step) in steps {
            sleep_until(started + at).await;
            match step {
                Step::Post(event) => self.post(event).await,
                Step::Fault(fault) => self.suffer(fault).await,
            }
        }
        sleep_until(started + plan.stormy).await;
        self.heal().await;
        self.settle().await;
        self.end().await
    }

    async fn make_streams(&self) {
        for config in StreamConfig::of_control_plane() {
            self.memory.put_stream(&config).await.expect("streams can be made");
        }
        if self.plan.observer {
            let config = ConsumerConfig {
                name: "observer".to_owned(),
                durable: true,
                filters: Vec::new(),
                ack_wait: seconds(30),
                max_ack_pending: 1_000,
                inactive_threshold: None,
                metadata: Default::default(),
            };
            self.memory.put_consumer(MESSAGES_STREAM, &config).await.expect("it can be made");
        }
    }

    async fn start(&mut self, slot: usize) {
        let instance = self.instances;
        self.instances += 1;
        let connection = self.memory.connection().with_max_payload(self.plan.max_payload);
        let wire = Wire {
            inner: connection.clone(),
            instance,
            plan: self.plan.clone(),
            recorder: self.recorder.clone(),
        };
        let options = ManagerOptions {
            signals: false,
            shutdown_grace_ms: self.plan.shutdown_grace.as_millis() as u64,
            ..ManagerOptions::default()
        };
        let mut manager = DriverManager::new(options).stream(Arc::new(wire)).in_place();
        for number in 0..self.plan.drivers.len() {
            let driver = work::driver(&self.plan, number, instance, &self.recorder);
            manager = manager.driver(driver);
        }
        let running = manager.start().await.expect("a manager can start");
        self.recorder.note(What::Started { instance });
        self.slots[slot] = Some(Instance { number: instance, running, connection });
    }

    async fn post(&self, event: usize) {
        let Self { plan, memory, recorder, .. } = self;
        let posted = &plan.events[event];
        let message = Message::new(posted.subject(), posted.payload(event));
        let receipt = memory.publish(message).await.expect("it can be posted");
        let sequence = receipt.await.expect("it is stored").sequence;
        recorder.note(What::Posted { event, sequence });
    }

    async fn suffer(&mut self, fault: &Fault) {
        self.recorder.note(What::Done(format!("{fault:?}")));
        match *fault {
            Fault::FailPublishes { pattern, times } => self.memory.fail_publishes(pattern, times),
            Fault::LoseReceipts { pattern, times } => self.memory.lose_receipts(pattern, times),
            Fault::LoseSettlements { times } => self.memory.lose_settlements(times),
            Fault::Cut { slot, lasting } => {
                if let Some(instance) = &self.slots[slot] {
                    instance.cut(lasting);
                }
            }
            Fault::DeleteConsumer { driver } => {
                let name = &self.plan.drivers[driver].name;
                self.memory.delete_consumer(MESSAGES_STREAM, name).await.expect("it can be");
                self.recorder.note(What::ConsumerDeleted { driver });
            }
            Fault::Drain { slot } => {
                self.stop(slot, |instance| instance.running.stop_handle().drain())
            }
            Fault::EndNow { slot } => {
                self.stop(slot, |instance| instance.running.stop_handle().end_now());
            }
            Fault::Drop { slot } => drop(self.slots[slot].take()),
            Fault::Kill { slot } => {
                if let Some(instance) = &self.slots[slot] {
                    instance.connection.close().await;
                }
                self.stop(slot, |instance| instance.running.stop_handle().end_now());
            }
            Fault::Cancel { slot, event } => {
                if let Some(Instance { running, number, .. }) = &self.slots[slot] {
                    let (instance, runs) = (*number, running.cancel(&run_id(event), "simulated"));
                    self.recorder.note(What::CancelRequested { instance, event, runs });
                }
            }
            Fault::Start { slot } => {
                if self.slots[slot].is_none() {
                    self.start(slot).await;
                }
            }
        }
    }

    fn stop(&mut self, slot: usize, tell: impl FnOnce(&Instance)) {
        if let Some(instance) = self.slots[slot].take() {
            tell(&instance);
            let (recorder, plan) = (self.recorder.clone(), self.plan.clone());
            self.ending.spawn(instance.see_end(recorder, plan.longest_drain()));
        }
    }

    async fn heal(&mut self) {
        self.recorder.note(What::Done("all is well from here on".to_owned()));
        for instance in self.slots.iter().flatten() {
            instance.connection.restore();
        }
        if self.slots.iter().all(Option::is_none) {
            self.start(0).await;
        }
    }

    async fn settle(&self) {
        for (driver, options) in self.plan.drivers.iter().enumerate() {
            let settled = timeout(PATIENCE, async {
                while self.unsettled(&options.name).await != Some((0, 0)) {
                    sleep(seconds(10)).await;
                }
            });
            if settled.await.is_err() {
                let (pending, ack_pending) =
                    self.unsettled(&options.name).await.unwrap_or_default();
                self.recorder.note(What::Unsettled { driver, pending, ack_pending });
            }
        }
    }

    async fn unsettled(&self, consumer: &str) -> Option<(u64, u64)> {
        let info = self.memory.consumer(MESSAGES_STREAM, consumer).await.expect("it answers");
        info.map(|info| (info.pending, info.ack_pending))
    }

    async fn end(mut self) -> History {
        for slot in 0..self.slots.len() {
            self.stop(slot, |instance| instance.running.stop_handle().drain());
        }
        while let Some(ended) = self.ending.join_next().await {
            ended.expect("nothing panics here");
        }
        let (stored, times) =
            (self.memory.messages(LOGS_STREAM), self.recorder.take_lines_stored_at());
        assert_eq!(stored.len(), times.len(), "every stored line has its time");
        let log = stored.iter().zip(times).map(|(line, at)| stored_line(line, at)).collect();
        let left = self.memory.held(MESSAGES_STREAM);
        let entries = self.recorder.take_entries();
        History { plan: Plan::clone(&self.plan), entries, log, left }
    }
}

fn stored_line(message: &Message, at: Duration) -> StoredLine {
    let id = message.header(Message::ID_HEADER).and_then(|id| id.split_once('.'));
    let (log, number) = id.expect("a line has an id");
    let entry = LogEntry::decode(&message.payload).expect("a line can be read");
    StoredLine {
        log: log.to_owned(),
        number: number.split('.').next().and_then(|n| n.parse().ok()).expect("a line has a number"),
        timestamp: entry.timestamp,
        message: entry.message,
        at,
    }
}

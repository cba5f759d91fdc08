//! One cell at work: servers, a bad network, drivers, and a flow of events.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use conveyor_driver::RunId;
use conveyor_driver::message::{DriverMessage, Resource};
use conveyor_driver::subject::{self, LOGS_STREAM, MESSAGES_STREAM, PIPELINES_STREAM};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::actor::{Book, Settings, Work};
use super::admin::Admin;
use super::driver::DriverProcess;
use super::history::{Deed, Expect, Post, Record};
use super::proxy::Proxy;
use super::servers::Servers;
use super::setup::{DRIVER, RESOURCE, Setup};
use crate::header_block::publish_with;

/// How long anything may take that must happen.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);
/// What the names of resources begin with whose runs outlast a lease.
const LONG: &str = "long";
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// When in the life of events a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// All events are answered.
    Idle,
    /// A run has begun.
    Run,
    /// Lines are being stored.
    Logs,
    /// Results are being stored.
    Results,
}

/// A cell at work.
#[derive(Debug)]
pub struct Scene {
    /// Decides everything that may be one way or another.
    pub rng: fastrand::Rng,
    /// How it was set up.
    pub setup: Setup,
    /// Whether the victim is told to drain while the fault lasts.
    pub drain: bool,
    /// The servers.
    pub servers: Servers,
    /// The victim's network.
    pub proxy: Proxy,
    /// The harness's own connection.
    pub admin: Admin,
    /// The drivers: first the victim, then its peers, then those started later.
    pub drivers: Vec<DriverProcess>,
    /// What went wrong beside the history.
    pub faults: Vec<String>,
    pub(super) folder: TempDir,
    pub(super) posts: Arc<Mutex<Vec<Post>>>,
    program: PathBuf,
    book: Arc<Book>,
    flows: JoinSet<()>,
}

impl Scene {
    /// Sets the stage and waits until every driver asks for events.
    pub async fn open(setup: Setup, seed: u64, drain: bool, program: &Path) -> Self {
        let servers = if setup.cluster {
            Servers::cluster().await
        } else {
            Servers::single(&setup.server_config).await
        };
        let proxy = Proxy::start(servers.port()).await.unwrap();
        let admin = Admin::connect(&servers.urls()).await;
        let folder = tempfile::Builder::new().prefix("faults-").tempdir().unwrap();
        let book = Arc::new(Book::open(&folder.path().join("history")));
        let mut scene = Self {
            rng: fastrand::Rng::with_seed(seed),
            drain,
            servers,
            proxy,
            admin,
            drivers: Vec::new(),
            faults: Vec::new(),
            folder,
            posts: Arc::default(),
            program: program.to_owned(),
            book,
            flows: JoinSet::new(),
            setup,
        };
        if scene.setup.streams {
            scene.make_streams().await;
        }
        for i in 0..scene.setup.instances {
            let point = scene.setup.point.filter(|_| i == 0);
            let point = point.map(|name| format!("{name}:{}", scene.rng.usize(1..=6)));
            let driver = scene.start_driver(i == 0, point.as_deref());
            scene.drivers.push(driver);
        }
        if scene.setup.streams {
            scene.ready().await;
        }
        scene
    }

    /// Makes the streams, on all servers there are.
    pub async fn make_streams(&mut self) {
        self.admin.put_streams(if self.setup.cluster { 3 } else { 1 }).await;
        if self.setup.keeper {
            let config = json!({
                "stream_name": MESSAGES_STREAM,
                "config": {
                    "durable_name": "keeper", "name": "keeper", "ack_policy": "explicit",
                    "deliver_policy": "all", "filter_subjects": ["resources.>", "drivers.>"],
                },
            });
            let subject = format!("CONSUMER.DURABLE.CREATE.{MESSAGES_STREAM}.keeper");
            self.admin.insist(&subject, &config).await;
        }
    }

    /// Waits until every driver asks for events.
    pub async fn ready(&mut self) {
        let asking = self.setup.instances as u64;
        self.until("the drivers are ready", async |scene| {
            scene.admin.consumer(DRIVER).await?["num_waiting"].as_u64().filter(|n| *n >= asking)
        })
        .await;
    }

    fn start_driver(&self, behind_proxy: bool, point: Option<&str>) -> DriverProcess {
        let direct = self.servers.urls().join(",");
        let url = if behind_proxy && !self.setup.cluster { self.proxy.url() } else { direct };
        let settings = Settings {
            book: self.folder.path().join("history"),
            driver: self.setup.options.clone(),
            shutdown_grace_ms: self.setup.shutdown_grace_ms,
        };
        let log = self.folder.path().join("drivers.log");
        DriverProcess::start(&self.program, &url, &settings, point, &log, self.book.clone())
    }

    /// The driver that the fault happens to.
    pub fn victim(&mut self) -> &mut DriverProcess {
        &mut self.drivers[0]
    }

    /// Starts another driver where the victim is.
    pub fn replace(&mut self) {
        let driver = self.start_driver(true, None);
        self.drivers.push(driver);
    }

    /// Starts another driver in the place of one that is gone.
    pub fn replace_at(&mut self, place: usize) {
        self.drivers[place] = self.start_driver(place == 0, None);
    }

    /// In the midst of a fault: the victim is told to drain and another takes its place, when this
    /// cell is about that.
    pub fn midst(&mut self) {
        if self.drain {
            self.victim().tell();
            self.replace();
        }
    }

    /// Lets events flow in the background: between once and twice as many as the setup says, or half
    /// of that when this is one of two flows.
    pub fn flow(&mut self, half: bool) {
        let count = self.setup.events + self.rng.usize(0..=self.setup.events);
        self.flow_of(if half { count / 2 } else { count }, self.setup.spread_ms);
    }

    /// Lets so many events flow in the background, with pauses of at most so many milliseconds.
    pub fn flow_of(&mut self, count: usize, spread: u64) {
        let events: Vec<_> = (0..count).map(|_| self.event(self.setup.work.clone())).collect();
        let (admin, posts) = (self.admin.clone(), self.posts.clone());
        let mut rng = self.rng.fork();
        self.flows.spawn(async move {
            for (resource, run, subject) in events {
                let message = DriverMessage::new("create", &resource, run.as_str(), run.clone());
                store(
                    &admin,
                    &posts,
                    &subject,
                    message.encode(),
                    &resource.name,
                    &run,
                    Expect::Run,
                )
                .await;
                sleep(Duration::from_millis(rng.u64(0..=spread))).await;
            }
        });
    }

    fn event(&mut self, mut work: Work) -> (Resource, RunId, String) {
        let mut long = None;
        if work.ms == 0 {
            long = self.setup.long_ms.filter(|_| self.rng.u8(0..4) == 0);
            work.ms = long.unwrap_or_else(|| self.rng.u64(20..=100));
        }
        let kind = if long.is_some() { LONG } else { "r" };
        let resource = Resource {
            name: format!("{kind}{}", self.rng.usize(0..self.setup.resources)),
            resource: RESOURCE.to_owned(),
            spec: serde_json::to_value(work).unwrap(),
            ..Resource::default()
        };
        let subject = if self.rng.bool() {
            subject::resource(RESOURCE)
        } else {
            subject::driver(DRIVER, RESOURCE)
        };
        (resource, RunId::generate(), subject)
    }

    /// Posts one event, on this many messages.
    pub async fn post(&mut self, work: Work, expect: Expect, copies: usize) {
        let (resource, run, subject) = self.event(work);
        let bytes = DriverMessage::new("create", &resource, run.as_str(), run.clone()).encode();
        for copy in 0..copies {
            let id = RunId::generate();
            let id = if copy == 0 { &run } else { &id };
            let sequence = self.admin.store(&subject, &bytes.clone().into(), id.as_str()).await;
            self.note(resource.name.clone(), &run, sequence, expect);
        }
    }

    /// Posts what no driver can read.
    pub async fn post_unreadable(&mut self, bytes: Vec<u8>) {
        let run = RunId::generate();
        let subject = subject::resource(RESOURCE);
        let sequence = self.admin.store(&subject, &bytes.into(), run.as_str()).await;
        self.note(String::new(), &run, sequence, Expect::Unreadable);
    }

    /// Posts an event with these bytes for its headers.
    pub async fn post_with_headers(&mut self, block: &[u8]) {
        let (resource, run, subject) = self.event(self.setup.work.clone());
        let bytes = DriverMessage::new("create", &resource, run.as_str(), run.clone()).encode();
        let sequence = publish_with(self.servers.port(), &subject, block, &bytes).await;
        self.note(resource.name, &run, sequence, Expect::Unreadable);
    }

    fn note(&self, resource: String, run: &RunId, sequence: u64, expect: Expect) {
        let run = run.to_string();
        self.posts.lock().unwrap().push(Post { run, resource, sequence, expect });
    }

    /// Waits until the events have come this far; how far exactly, the seed decides.
    pub async fn reach(&mut self, phase: Phase) {
        let some = self.rng.u64(1..=(self.setup.events as u64 / 3).max(1));
        match phase {
            Phase::Idle => self.settled().await,
            Phase::Run => {
                let patience = Instant::now() + Duration::from_secs(2);
                self.until("a run begins", async |scene| {
                    let begun = scene.begun_by_victim();
                    let long = begun.iter().any(|resource| resource.starts_with(LONG));
                    // A flow may have no long run for the victim.
                    let wanted = scene.setup.long_ms.is_none() || Instant::now() >= patience;
                    (long || wanted && begun.len() as u64 * 2 >= some).then_some(())
                })
                .await;
            }
            Phase::Logs => self.until_held(LOGS_STREAM, some * 5).await,
            Phase::Results => self.until_held(PIPELINES_STREAM, some).await,
        }
    }

    /// The resources whose runs the victim has begun.
    fn begun_by_victim(&self) -> Vec<String> {
        let (pid, records) = (self.drivers[0].pid(), self.records());
        let begun = records.into_iter().filter(|record| record.pid == pid).filter_map(|record| {
            if let Deed::Start { resource, .. } = record.deed { Some(resource) } else { None }
        });
        begun.collect()
    }

    async fn until_held(&mut self, stream: &str, count: u64) {
        self.until("messages are stored", async |scene| {
            scene.admin.held(stream).await.filter(|held| *held >= count)
        })
        .await;
    }

    /// Lasts between these many milliseconds; how long exactly, the seed decides.
    pub async fn last(&mut self, from_ms: u64, to_ms: u64) {
        sleep(Duration::from_millis(self.rng.u64(from_ms..=to_ms))).await;
    }

    /// Waits until all that was posted so far is settled for good.
    pub async fn settled(&mut self) {
        while self.flows.join_next().await.is_some() {}
        let posts = self.posts.lock().unwrap().clone();
        let due = posts.iter().filter(|post| post.expect != Expect::Unreadable).count() as u64;
        self.until("every event is settled", async |scene| {
            scene.tend();
            let info: Value = scene.admin.consumer(DRIVER).await?;
            let none = |field: &str| info[field].as_u64() == Some(0);
            if !none("num_pending") || !none("num_ack_pending") {
                return None;
            }
            scene.admin.held(PIPELINES_STREAM).await.filter(|held| *held >= due)
        })
        .await;
    }

    /// Starts drivers again that died, where the setup says so.
    pub fn tend(&mut self) {
        let mut dead = 0;
        if self.setup.respawn {
            self.drivers.retain_mut(|driver| {
                let ended = driver.has_ended();
                if ended {
                    driver.note_death();
                    dead += 1;
                }
                !ended
            });
        }
        for _ in 0..dead {
            self.replace();
        }
    }

    /// What was written down so far.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let text = std::fs::read_to_string(self.folder.path().join("history")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits for a condition; what never happens is a fault of the cell.
    pub async fn until<T>(&mut self, what: &str, mut ask: impl AsyncFnMut(&mut Self) -> Option<T>) {
        let deadline = Instant::now() + DEADLINE;
        while ask(self).await.is_none() {
            if Instant::now() >= deadline {
                let consumer = self.admin.consumer(DRIVER).await;
                self.faults.push(format!("did not happen in {DEADLINE:?}: {what}; {consumer:?}"));
                return;
            }
            sleep(LOOK_AGAIN).await;
        }
    }
}

async fn store(
    admin: &Admin,
    posts: &Mutex<Vec<Post>>,
    subject: &str,
    bytes: Vec<u8>,
    resource: &str,
    run: &RunId,
    expect: Expect,
) {
    let sequence = admin.store(subject, &bytes.into(), run.as_str()).await;
    let (run, resource) = (run.to_string(), resource.to_owned());
    posts.lock().unwrap().push(Post { run, resource, sequence, expect });
}

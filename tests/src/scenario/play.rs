//! Plays a scenario: starts the drivers, lets happen what happens, and looks at what came of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use conveyor_driver::message::{ControlReply, ControlRequest, LogEntry};
use conveyor_driver::stream::{Message, Settlement, request};
use conveyor_driver::subject::{self, DRIVER_RESULT, LIVE_LOGS, LOGS, MESSAGES_STREAM};
use conveyor_driver::{Error, ErrorCode, RunId};
use futures_util::StreamExt;
use futures_util::stream::select_all;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::document::{Awaited, By, Cancel, Deed, Fault, Need, Scenario};
use super::ground::Ground;
use super::host::{Host, Instance};
use super::post::Post;
use super::seen::Seen;

/// Plays a scenario to its end, or as far as it goes.
pub async fn play(scenario: &Scenario, ground: &Ground, host: &dyn Host) -> Seen {
    let mut play = Play {
        scenario,
        ground,
        host,
        instance: None,
        posted: HashMap::new(),
        heard: Arc::default(),
        seen: Seen::default(),
    };
    let played = play.run().await;
    play.seen.broken = played.err();
    if let Some(mut instance) = play.instance.take() {
        instance.end_now();
        // How it ends is of no interest where the play is broken.
        let _report = instance.stopped().await;
    }
    let read = async {
        // What was sent before the answer to this has been heard by then.
        ground.stream.flush().await?;
        let live = play.heard().live.clone();
        play.seen.read(ground, scenario, &play.posted, live).await
    };
    if let Err(error) = read.await {
        play.seen.broken = Some(format!("what came of it cannot be read: {error}"));
    }
    play.seen
}

/// What was published so far, as far as the play itself has to know.
#[derive(Default)]
struct Heard {
    results: usize,
    lines: Vec<String>,
    live: Vec<String>,
}

struct Play<'a> {
    scenario: &'a Scenario,
    ground: &'a Ground,
    host: &'a dyn Host,
    instance: Option<Box<dyn Instance>>,
    /// What the event of each number is called.
    posted: HashMap<u64, String>,
    heard: Arc<Mutex<Heard>>,
    seen: Seen,
}

fn told(error: Error) -> String {
    error.to_string()
}

impl Play<'_> {
    async fn run(&mut self) -> Result<(), String> {
        self.listen().await.map_err(told)?;
        self.start().await?;
        for deed in &self.scenario.deeds {
            if self.seen.refused.is_some() {
                return Err("the manager was refused and cannot go on".to_owned());
            }
            self.happens(deed).await.map_err(|fault| format!("{deed:?}: {fault}"))?;
        }
        if self.instance.is_some() {
            self.instance()?.drain();
            self.stopped().await?;
        }
        Ok(())
    }

    async fn happens(&mut self, deed: &Deed) -> Result<(), String> {
        match deed {
            Deed::Post(post) => self.post(post).await,
            Deed::Await(awaited) => self.until(awaited).await,
            Deed::Release(name) => self.instance()?.release(name).await,
            Deed::Cancel(cancel) => self.cancel(cancel).await,
            Deed::LoseDeliveries(times) => self.lose_deliveries(*times).await.map_err(told),
            Deed::Fault(fault) => self.fault(fault),
            Deed::Drain(_) => {
                self.instance()?.drain();
                Ok(())
            }
            Deed::EndNow(_) => {
                self.instance()?.end_now();
                Ok(())
            }
            Deed::Stopped(_) => self.stopped().await,
            Deed::Kill(_) => {
                self.instance()?.kill().await?;
                self.instance = None;
                Ok(())
            }
            Deed::Start(_) => self.start().await,
        }
    }

    /// Listens from now on.
    async fn listen(&self) -> conveyor_driver::Result<()> {
        let mut all = Vec::new();
        for subject in [DRIVER_RESULT, LOGS, LIVE_LOGS] {
            all.push(self.ground.stream.subscribe(subject).await?);
        }
        // What is subscribed is certainly heard once the server has answered something later.
        self.ground.stream.flush().await?;
        let heard = self.heard.clone();
        let mut messages = select_all(all);
        tokio::spawn(async move {
            while let Some(message) = messages.next().await {
                let body = String::from_utf8_lossy(&message.payload).into_owned();
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                if message.subject == DRIVER_RESULT {
                    heard.results += 1;
                } else if subject::matches(LIVE_LOGS, &message.subject) {
                    heard.live.push(body);
                } else if let Ok(entry) = LogEntry::decode(body.as_bytes()) {
                    heard.lines.push(entry.message);
                }
            }
        });
        Ok(())
    }

    fn heard(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn instance(&mut self) -> Result<&mut Box<dyn Instance>, String> {
        self.instance.as_mut().ok_or_else(|| "no manager runs".to_owned())
    }

    /// Starts a manager and waits until each driver answers, which it does once it receives events.
    async fn start(&mut self) -> Result<(), String> {
        let manager = Value::Object(self.scenario.manager.clone());
        let started = self.host.start(self.ground, &self.scenario.drivers(), &manager).await;
        let mut instance = match started {
            Ok(instance) => instance,
            Err(refusal) => {
                self.seen.refused = Some(refusal);
                return Ok(());
            }
        };
        for driver in self.scenario.names() {
            let deadline = Instant::now() + self.ground.patience;
            while !self.answers(&driver).await {
                if let Some(refusal) = instance.refused().await {
                    self.seen.refused = Some(refusal);
                    return Ok(());
                }
                if Instant::now() >= deadline {
                    return Err(format!("{driver} does not become ready"));
                }
                sleep(POLL).await;
            }
        }
        self.instance = Some(instance);
        Ok(())
    }

    /// Whether a driver answers requests, if only with what is wrong with this one.
    async fn answers(&self, driver: &str) -> bool {
        let Ok(subject) = subject::control_run(driver, &RunId::from("any")) else { return false };
        request(&*self.ground.stream, Message::new(subject, "{}"), SHORTLY).await.is_ok()
    }

    async fn post(&mut self, post: &Post) -> Result<(), String> {
        let n = self.posted.len() + 1;
        let message = post.encode(n)?;
        let receipt = self.ground.stream.publish(message).await.map_err(told)?;
        let stored = receipt.await.map_err(told)?;
        self.posted.insert(stored.sequence, post.run(n));
        Ok(())
    }

    async fn until(&mut self, awaited: &Awaited) -> Result<(), String> {
        let deadline = Instant::now() + self.ground.patience;
        loop {
            let so = {
                let heard = self.heard();
                let results = awaited.results.is_none_or(|results| heard.results >= results);
                let line = |text| heard.lines.iter().filter(|line| *line == text).count();
                results && awaited.line.as_ref().is_none_or(|text| line(text) >= awaited.times)
            };
            if so && self.taken(awaited.taken).await? {
                return Ok(());
            }
            if let Some(refusal) = self.instance()?.refused().await {
                return Err(format!("the driver ended: {refusal:?}"));
            }
            if Instant::now() >= deadline {
                return Err("did not happen in time".to_owned());
            }
            sleep(POLL).await;
        }
    }

    async fn taken(&self, wanted: Option<u64>) -> Result<bool, String> {
        let Some(wanted) = wanted else { return Ok(true) };
        let info = self.ground.stream.consumer(MESSAGES_STREAM, &self.first()).await;
        Ok(info.map_err(told)?.is_some_and(|info| info.ack_pending == wanted))
    }

    fn first(&self) -> String {
        self.scenario.names().into_iter().next().unwrap_or_default()
    }

    async fn cancel(&mut self, cancel: &Cancel) -> Result<(), String> {
        let told_events = match cancel.by {
            By::Code => self.instance()?.cancel(&cancel.run, &cancel.reason).await?,
            By::Request => self.request_cancel(cancel).await?,
        };
        if told_events == cancel.cancelled as u64 {
            return Ok(());
        }
        Err(format!("{told_events} events were told"))
    }

    async fn request_cancel(&self, cancel: &Cancel) -> Result<u64, String> {
        let run = RunId::from(cancel.run.as_str());
        let subject = subject::control_run(&self.first(), &run).map_err(told)?;
        let body = serde_json::to_vec(&ControlRequest::Cancel { reason: cancel.reason.clone() });
        let message = Message::new(subject, body.map_err(|error| error.to_string())?);
        match request(&*self.ground.stream, message, LONG).await {
            Ok(answer) => {
                let reply: Result<ControlReply, _> = serde_json::from_slice(&answer.payload);
                reply.map(|reply| reply.cancelled as u64).map_err(|error| error.to_string())
            }
            // Who does not have the run stays silent.
            Err(error) if error.code() == ErrorCode::TimedOut => Ok(0),
            Err(error) => Err(told(error)),
        }
    }

    /// Takes deliveries of the first driver's and gives them back, as if a process died each time.
    async fn lose_deliveries(&self, times: u32) -> conveyor_driver::Result<()> {
        let mut pull = self.ground.stream.pull(MESSAGES_STREAM, &self.first()).await?;
        for _ in 0..times {
            pull.request(1);
            for delivery in pull.next().await? {
                let back = Settlement::Nak(Duration::ZERO);
                self.ground.stream.settle_confirmed(&delivery.token, back).await?;
            }
        }
        pull.stop().await;
        Ok(())
    }

    fn fault(&self, fault: &Fault) -> Result<(), String> {
        let memory = self.ground.memory.as_ref().ok_or("this stream does not fail when told to")?;
        match fault {
            Fault::LoseSettlements(times) => memory.lose_settlements(*times),
            Fault::FailPublishes(publishes) => {
                memory.fail_publishes(&publishes.to, publishes.times);
            }
            Fault::LoseReceipts(publishes) => memory.lose_receipts(&publishes.to, publishes.times),
        }
        Ok(())
    }

    async fn stopped(&mut self) -> Result<(), String> {
        let report = self.instance()?.stopped().await;
        self.instance = None;
        self.seen.reports.push(report?);
        Ok(())
    }
}

/// How often the play looks whether something has happened.
const POLL: Duration = Duration::from_millis(20);
/// How long a driver that listens may take to answer.
const SHORTLY: Duration = Duration::from_millis(500);
/// How long one that may have no answer is waited for.
const LONG: Duration = Duration::from_secs(5);

impl Scenario {
    /// What this host lacks for it, and why it is needed.
    #[must_use]
    pub fn lacking(&self, host: &dyn Host) -> Option<(Need, &str)> {
        let mut needs = self.needs.iter();
        needs.find(|(need, _)| !host.has(**need)).map(|(need, reason)| (*need, reason.as_str()))
    }
}

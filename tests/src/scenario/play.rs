//! Plays a scenario: starts the drivers, lets happen what happens, and looks at what came of it.

use std::collections::HashMap;
use std::time::Duration;

use conveyor_driver::message::{ControlReply, ControlRequest, ServiceStats};
use conveyor_driver::stream::{Message, Settlement, request};
use conveyor_driver::subject::{self, MESSAGES_STREAM};
use conveyor_driver::{ErrorCode, RunId};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::document::{Awaited, By, Cancel, Deed, Fault, Need, Scenario};
use super::ear::Ear;
use super::ground::Ground;
use super::host::{Host, Instance};
use super::post::Post;
use super::seen::Seen;

/// Plays a scenario to its end, or as far as it goes.
pub async fn play(scenario: &Scenario, ground: &Ground, host: &dyn Host) -> Seen {
    let mut seen = Seen::default();
    if let Err(Broken(why)) = play_into(&mut seen, scenario, ground, host).await {
        seen.broken = Some(why);
    }
    seen
}

/// Why a play cannot go on, from whatever says so.
#[derive(Debug)]
struct Broken(String);

impl<E: ToString> From<E> for Broken {
    fn from(why: E) -> Self {
        Self(why.to_string())
    }
}

type Played<T = ()> = Result<T, Broken>;

async fn play_into(
    seen: &mut Seen,
    scenario: &Scenario,
    ground: &Ground,
    host: &dyn Host,
) -> Played {
    let ear = Ear::on(&*ground.stream).await?;
    let mut play =
        Play { scenario, ground, host, ear, instance: None, posted: HashMap::new(), seen };
    let played = play.run().await;
    if let Some(mut instance) = play.instance.take() {
        instance.end_now();
        // How it ends is of no interest where the play is broken.
        let _report = instance.stopped().await;
    }
    let Play { ear, posted, .. } = play;
    let live = ear.live(&*ground.stream, ground.patience).await?;
    seen.read(ground, scenario, &posted, live).await?;
    played
}

struct Play<'a> {
    scenario: &'a Scenario,
    ground: &'a Ground,
    host: &'a dyn Host,
    instance: Option<Box<dyn Instance>>,
    /// What the event of each number is called.
    posted: HashMap<u64, String>,
    ear: Ear,
    seen: &'a mut Seen,
}

impl Play<'_> {
    async fn run(&mut self) -> Played {
        self.start().await?;
        for deed in &self.scenario.deeds {
            if self.seen.refused.is_some() {
                return Err("the manager was refused and cannot go on".into());
            }
            self.happens(deed).await.map_err(|Broken(why)| format!("{deed:?}: {why}"))?;
        }
        if self.instance.is_some() {
            self.instance()?.drain();
            self.stopped().await?;
        }
        Ok(())
    }

    async fn happens(&mut self, deed: &Deed) -> Played {
        match deed {
            Deed::Post(post) => self.post(post).await?,
            Deed::Await(awaited) => self.until(awaited).await?,
            Deed::Release(name) => self.instance()?.release(name).await?,
            Deed::Cancel(cancel) => self.cancel(cancel).await?,
            Deed::LoseDeliveries(times) => self.lose_deliveries(*times).await?,
            Deed::Fault(fault) => self.fault(fault)?,
            Deed::Drain(_) => self.instance()?.drain(),
            Deed::EndNow(_) => self.instance()?.end_now(),
            Deed::Stopped(_) => self.stopped().await?,
            Deed::Kill(_) => {
                self.instance()?.kill().await?;
                self.instance = None;
            }
            Deed::Start(_) => self.start().await?,
        }
        Ok(())
    }

    fn instance(&mut self) -> Played<&mut Box<dyn Instance>> {
        self.instance.as_mut().ok_or_else(|| "no manager runs".into())
    }

    /// Starts a manager and waits until each driver answers, which it does once it receives events.
    async fn start(&mut self) -> Played {
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
                    return Err(format!("{driver} does not become ready").into());
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

    async fn post(&mut self, post: &Post) -> Played {
        let n = self.posted.len() + 1;
        let message = post.encode(n)?;
        let receipt = self.ground.stream.publish(message).await?;
        let stored = receipt.await?;
        self.posted.insert(stored.sequence, post.run(n));
        Ok(())
    }

    async fn until(&mut self, awaited: &Awaited) -> Played {
        let deadline = Instant::now() + self.ground.patience;
        loop {
            let so = awaited.results.is_none_or(|results| self.ear.results() >= results)
                && awaited.line.as_ref().is_none_or(|line| self.ear.lines(line) >= awaited.times);
            if so && self.taken(awaited.taken).await? && self.held(awaited.held).await {
                return Ok(());
            }
            if let Some(instance) = &mut self.instance
                && let Some(refusal) = instance.refused().await
            {
                return Err(format!("the manager ended by itself: {refusal:?}").into());
            }
            if Instant::now() >= deadline {
                return Err("did not happen in time".into());
            }
            sleep(POLL).await;
        }
    }

    async fn taken(&self, wanted: Option<u64>) -> Played<bool> {
        let Some(wanted) = wanted else { return Ok(true) };
        let info = self.ground.stream.consumer(MESSAGES_STREAM, &self.first()).await;
        let sent = info?.is_some_and(|info| info.ack_pending == wanted);
        // What the server has sent it, it has once it answers what was sent to it later.
        Ok(sent && self.answers(&self.first()).await)
    }

    async fn held(&self, wanted: Option<usize>) -> bool {
        let Some(wanted) = wanted else { return true };
        let question = Message::new(format!("$SRV.STATS.{}", self.first()), "");
        let Ok(answer) = request(&*self.ground.stream, question, SHORTLY).await else {
            return false;
        };
        serde_json::from_slice(&answer.payload)
            .is_ok_and(|told: ServiceStats| told.endpoints[0].data.runs.len() == wanted)
    }

    fn first(&self) -> String {
        self.scenario.names().into_iter().next().unwrap_or_default()
    }

    async fn cancel(&mut self, cancel: &Cancel) -> Played {
        let told_events = match cancel.by {
            By::Code => self.instance()?.cancel(&cancel.run, &cancel.reason).await?,
            By::Request => self.request_cancel(cancel).await?,
        };
        if told_events == cancel.cancelled as u64 {
            return Ok(());
        }
        Err(format!("{told_events} events were told").into())
    }

    async fn request_cancel(&self, cancel: &Cancel) -> Played<u64> {
        let run = RunId::from(cancel.run.as_str());
        let subject = subject::control_run(&self.first(), &run)?;
        let body = serde_json::to_vec(&ControlRequest::Cancel { reason: cancel.reason.clone() })?;
        match request(&*self.ground.stream, Message::new(subject, body), LONG).await {
            Ok(answer) => {
                Ok(serde_json::from_slice::<ControlReply>(&answer.payload)?.cancelled as u64)
            }
            // Who does not have the run stays silent.
            Err(error) if error.code() == ErrorCode::TimedOut => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes deliveries of the first driver's and gives them back, as if a process died each time.
    async fn lose_deliveries(&self, times: u32) -> Played {
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

    fn fault(&self, fault: &Fault) -> Played {
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

    async fn stopped(&mut self) -> Played {
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

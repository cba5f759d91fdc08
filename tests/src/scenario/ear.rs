//! Hears what drivers publish while a scenario is played.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use conveyor_driver::message::LogEntry;
use conveyor_driver::stream::{EventStream, Message};
use conveyor_driver::subject::{self, DRIVER_RESULT, LIVE_LOGS, LOGS};
use conveyor_driver::{Error, ErrorCode, Result};
use futures_util::StreamExt;
use futures_util::stream::select_all;
use tokio::time::{Instant, sleep};

/// What was published since it listens.
#[derive(Default)]
struct Heard {
    results: usize,
    lines: Vec<String>,
    live: Vec<String>,
}

/// Hears results, lines and their live copies.
pub(super) struct Ear(Arc<Mutex<Heard>>);

impl Ear {
    /// Listens from now on.
    pub(super) async fn on(stream: &dyn EventStream) -> Result<Self> {
        let mut all = Vec::new();
        for subject in [DRIVER_RESULT, LOGS, LIVE_LOGS] {
            all.push(stream.subscribe(subject).await?);
        }
        // What is subscribed is certainly heard once the server has answered something later.
        stream.flush().await?;
        let ear = Self(Arc::default());
        let heard = ear.0.clone();
        let mut messages = select_all(all);
        tokio::spawn(async move {
            while let Some(message) = messages.next().await {
                locked(&heard).take(&message);
            }
        });
        Ok(ear)
    }

    /// How many results there were.
    pub(super) fn results(&self) -> usize {
        locked(&self.0).results
    }

    /// How many lines there were of this text.
    pub(super) fn lines(&self, text: &str) -> usize {
        locked(&self.0).lines.iter().filter(|line| *line == text).count()
    }

    /// The live copies of all lines up to now.
    pub(super) async fn live(
        &self,
        stream: &dyn EventStream,
        most: Duration,
    ) -> Result<Vec<String>> {
        const LAST: &str = "the last";
        // They are heard in the order in which they came to the server.
        stream.send(Message::new("live.logs.end.harness", LAST)).await?;
        let deadline = Instant::now() + most;
        loop {
            let mut live = locked(&self.0).live.clone();
            if live.pop_if(|line| line == LAST).is_some() {
                return Ok(live);
            }
            if Instant::now() >= deadline {
                return Err(Error::new(ErrorCode::TimedOut, "live lines are not heard"));
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Heard {
    fn take(&mut self, message: &Message) {
        if message.subject == DRIVER_RESULT {
            self.results += 1;
        } else if subject::matches(LIVE_LOGS, &message.subject) {
            self.live.push(String::from_utf8_lossy(&message.payload).into_owned());
        } else if let Ok(entry) = LogEntry::decode(&message.payload) {
            self.lines.push(entry.message);
        }
    }
}

fn locked(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

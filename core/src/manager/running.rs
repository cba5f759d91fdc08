//! A manager that has started.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::control::InFlight;
use super::core_thread;
use super::report::DrainReport;
use super::serve::{Serve, Started};
use super::stop::StopHandle;
use crate::error::{Error, ErrorCode, Result};
use crate::run_id::RunId;

/// A manager whose drivers receive events. Dropping it ends every run now and gives its event back.
#[derive(Debug)]
pub struct RunningManager {
    stop: StopHandle,
    in_flight: Arc<InFlight>,
    started: Started,
    done: oneshot::Receiver<Result<DrainReport>>,
}

impl RunningManager {
    pub(super) async fn start(serve: Serve, in_place: bool) -> Result<Self> {
        let (ready, mut is_ready) = oneshot::channel();
        let (report, done) = oneshot::channel();
        let mut running = Self {
            stop: serve.stop.clone(),
            in_flight: serve.in_flight.clone(),
            started: Started::new(),
            done,
        };
        let run = async move || {
            // Fails only when nobody waits any more.
            let _reported = report.send(serve.run(ready).await);
        };
        if in_place {
            tokio::spawn(run());
        } else {
            let _detached = core_thread::spawn(run, |_ended| ())?;
        }
        tokio::select! {
            biased;
            // What was ready has started, even when it has ended before anybody looked.
            Ok(started) = &mut is_ready => {
                running.started = started;
                Ok(running)
            }
            ended = &mut running.done => match flatten(ended) {
                Ok(_) => Err(Error::new(ErrorCode::Closed, "stopped before it was ready")),
                Err(error) => Err(error),
            },
        }
    }

    /// What stops this manager.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// The names of the drivers that have started, in the order they were added.
    #[must_use]
    pub fn started(&self) -> &[String] {
        &self.started
    }

    /// Cancels a run, for a reason that its result will name. It is asked to end, and after
    /// `cancel_grace_ms` abandoned. Says how many of its events were in flight here: none when it is
    /// over, or with another instance.
    #[must_use]
    pub fn cancel(&self, run: &RunId, reason: &str) -> usize {
        self.in_flight.cancel(run, reason)
    }

    /// Waits until the manager has stopped.
    ///
    /// # Errors
    /// The drivers' error when all of them had to stop by themselves.
    pub async fn wait(mut self) -> Result<DrainReport> {
        self.ended().await
    }

    /// Waits as [`wait`](Self::wait) does, for who has more to ask of it meanwhile. May be dropped and called
    /// again; the report is given once.
    ///
    /// # Errors
    /// As [`wait`](Self::wait). `Closed` when the report was given before.
    pub async fn ended(&mut self) -> Result<DrainReport> {
        if self.done.is_terminated() {
            return Err(Error::new(ErrorCode::Closed, "the manager has stopped before"));
        }
        flatten((&mut self.done).await)
    }

    /// Drains, and waits until the manager has stopped.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn drain(self) -> Result<DrainReport> {
        self.stop.drain();
        self.wait().await
    }
}

impl Drop for RunningManager {
    fn drop(&mut self) {
        self.stop.end_now();
    }
}

fn flatten(ended: Result<Result<DrainReport>, oneshot::error::RecvError>) -> Result<DrainReport> {
    ended.unwrap_or_else(|_| Err(Error::new(ErrorCode::Internal, "the manager's core ended early")))
}

//! The host of Rust closures: a task on the user's runtime that starts each run as a task of its own.

use std::future::Future;
use std::mem::take;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tracing::Instrument;

use super::{HandedRun, Outcome, RunKey, RunQueue};
use crate::driver::Function;
use crate::failure::Failure;
use crate::logger::{in_log, run_span};

/// Serves a driver's queue with its function, until the queue is closed. When the runtime is shut down
/// the queue closes.
pub(crate) fn serve(runtime: &Handle, function: Function) -> RunQueue {
    let queue = RunQueue::new();
    let host = FunctionHost { queue: queue.clone(), done: Arc::default() };
    runtime.spawn(async move { host.serve(&function).await });
    queue
}

struct FunctionHost {
    queue: RunQueue,
    done: Arc<Done>,
}

/// Outcomes on their way to the core. To wake another thread costs more than all else that a short run
/// does, so those of a burst go together.
#[derive(Default)]
struct Done {
    outcomes: Mutex<Vec<(RunKey, Outcome)>>,
    filled: Notify,
}

impl FunctionHost {
    async fn serve(&self, function: &Function) {
        while !self.queue.is_closed() {
            tokio::select! {
                () = self.queue.ready() => {}
                () = self.done.filled.notified() => {}
            }
            self.queue.complete_all(self.done.take());
            for handed in self.queue.take(usize::MAX) {
                tokio::spawn(run(handed, function, self.done.clone()));
            }
            // A closure hears of its cancellation through the run itself.
            let _heard = self.queue.take_cancelled();
        }
    }
}

impl Drop for FunctionHost {
    fn drop(&mut self) {
        self.queue.complete_all(self.done.take());
        self.queue.close();
    }
}

impl Done {
    fn add(&self, run: RunKey, outcome: Outcome) {
        let mut outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        outcomes.push((run, outcome));
        if outcomes.len() == 1 {
            self.filled.notify_one();
        }
    }

    fn take(&self) -> Vec<(RunKey, Outcome)> {
        take(&mut self.outcomes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Runs the function to its end, unless the run is abandoned.
fn run(
    handed: HandedRun,
    function: &Function,
    done: Arc<Done>,
) -> impl Future<Output = ()> + use<> {
    let (run, function) = (handed.run().clone(), function.clone());
    let (log, cancel) = (run.logger().clone(), run.cancel().clone());
    let span = run_span(&log, run.driver(), run.id());
    let reconcile = AssertUnwindSafe(async move { function(run).await }).catch_unwind();
    async move {
        let outcome = tokio::select! {
            biased;
            // First, so that an abandoned run does not get any further.
            () = cancel.abandoned() => Outcome::Dropped,
            reconciled = in_log(log, reconcile).instrument(span) => Outcome::Ended(
                reconciled.unwrap_or_else(|panic| Err(Failure::from_panic(panic.as_ref()))),
            ),
        };
        done.add(handed.release(), outcome);
    }
}

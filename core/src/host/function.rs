//! The host of Rust closures: a task on the user's runtime that starts each run as a task of its own.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tokio::runtime::Handle;
use tracing::Instrument;

use super::{HandedRun, Outcome, RunQueue};
use crate::driver::Function;
use crate::failure::Failure;
use crate::logger::{in_log, run_span};

/// Serves a driver's queue with its function, until the queue is closed. When the runtime is shut down
/// the queue closes.
pub(crate) fn serve(runtime: &Handle, function: Function) -> RunQueue {
    struct CloseOnDrop(RunQueue);
    impl Drop for CloseOnDrop {
        fn drop(&mut self) {
            self.0.close();
        }
    }
    const AT_ONCE: usize = 64;
    let queue = RunQueue::with_wake(super::wake::Wake::default());
    let host = CloseOnDrop(queue.clone());
    runtime.spawn(async move {
        while !host.0.is_closed() {
            host.0.ready().await;
            for handed in host.0.take(AT_ONCE) {
                tokio::spawn(run(handed, &function));
            }
            // A closure hears of its cancellation through the run itself.
            let _heard = host.0.take_cancelled();
        }
    });
    queue
}

/// Runs the function to its end, unless the run is abandoned.
fn run(handed: HandedRun, function: &Function) -> impl Future<Output = ()> + use<> {
    let (run, function) = (handed.run().clone(), function.clone());
    let (log, cancel) = (run.logger().clone(), run.cancel().clone());
    let span = run_span(&log, run.driver(), run.id());
    let reconcile = AssertUnwindSafe(async move { function(run).await }).catch_unwind();
    async move {
        let outcome = tokio::select! {
            biased;
            reconciled = in_log(log, reconcile).instrument(span) => Outcome::Ended(
                reconciled.unwrap_or_else(|panic| Err(Failure::from_panic(panic.as_ref()))),
            ),
            () = cancel.abandoned() => Outcome::Dropped,
        };
        // Nobody else completes it.
        let _completed = handed.complete(outcome);
    }
}

//! The thread that everything but reconcile runs on, so that no user code can starve a lease.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::{Error, ErrorCode, Result};

/// How long the thread waits for name look-ups that cannot be called off.
pub(super) const LEFTOVERS: Duration = Duration::from_secs(1);

/// Runs a future to its end on a new thread with a runtime of its own, then `done` with what came of
/// it, once the runtime is gone. Nothing comes of a panic.
///
/// # Errors
/// `Internal` when the system gives no thread or no runtime.
pub(super) fn spawn<F: Future>(
    make: impl FnOnce() -> F + Send + 'static,
    done: impl FnOnce(Option<F::Output>) + Send + 'static,
) -> Result<JoinHandle<()>> {
    let failed = |what: &str, error| {
        Error::new(ErrorCode::Internal, format!("the system gives no {what}")).with_source(error)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed("runtime", error))?;
    std::thread::Builder::new()
        .name("conveyor-core".to_owned())
        .spawn(move || {
            let output = catch_unwind(AssertUnwindSafe(|| runtime.block_on(make())));
            runtime.shutdown_timeout(LEFTOVERS);
            done(output.ok());
        })
        .map_err(|error| failed("thread", error))
}

//! The thread that everything but reconcile runs on, so that no user code can starve a lease.

use std::future::Future;

use crate::error::{Error, ErrorCode, Result};

/// Runs a future to its end on a new thread with a runtime of its own.
///
/// # Errors
/// `Internal` when the system gives no thread or no runtime.
pub(super) fn spawn<F: Future<Output = ()>>(
    make: impl FnOnce() -> F + Send + 'static,
) -> Result<()> {
    let failed = |what: &str, error| {
        Error::new(ErrorCode::Internal, format!("the system gives no {what}")).with_source(error)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed("runtime", error))?;
    std::thread::Builder::new()
        .name("conveyor-core".to_owned())
        .spawn(move || runtime.block_on(make()))
        .map(|_detached| ())
        .map_err(|error| failed("thread", error))
}

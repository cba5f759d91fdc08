//! Tests whose threads may be blocked.

use std::sync::mpsc;
use std::time::Duration;

/// Runs an async test in real time on a thread of its own, and fails when it does not end in time:
/// the thread itself may be blocked.
///
/// # Panics
/// When it does not end in time.
pub fn in_real_time<F: Future<Output = ()>>(
    threads: usize,
    limit: Duration,
    test: impl FnOnce() -> F + Send + 'static,
) {
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let mut builder = if threads == 1 {
            tokio::runtime::Builder::new_current_thread()
        } else {
            tokio::runtime::Builder::new_multi_thread()
        };
        let runtime = builder.worker_threads(threads).enable_all().build().unwrap();
        runtime.block_on(test());
        done.send(()).unwrap();
        runtime.shutdown_background();
    });
    let outcome = ended.recv_timeout(limit);
    assert!(outcome.is_ok(), "did not end within {limit:?}: {outcome:?}");
}

//! Holding a thread until a future is done.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

/// Wakes the thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Holds the thread until the work is done, and has it look up that often meanwhile: what that fails
/// with ends the wait.
pub(super) fn hold<T, E>(
    work: impl Future<Output = T>,
    every: Duration,
    mut look_up: impl FnMut() -> Result<(), E>,
) -> Result<T, E> {
    let mut work = pin!(work);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(done) = work.as_mut().poll(&mut context) {
            return Ok(done);
        }
        look_up()?;
        thread::park_timeout(every);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use tokio::sync::oneshot;

    const LONG: Duration = Duration::from_secs(3_600);

    #[test]
    fn what_is_done_by_another_thread_ends_the_wait() {
        let (done, work) = oneshot::channel();
        let mut done = Some(done);
        let ended = hold(work, LONG, || {
            if let Some(done) = done.take() {
                thread::spawn(|| done.send(7));
            }
            Ok::<_, Infallible>(())
        });
        assert_eq!(ended, Ok(Ok(7)));
    }

    #[test]
    fn it_looks_up_again_and_again_until_that_fails() {
        let mut looks = 0;
        let ended = hold(std::future::pending::<()>(), Duration::from_millis(1), || {
            looks += 1;
            if looks == 3 { Err("enough") } else { Ok(()) }
        });
        assert_eq!(ended, Err("enough"));
    }
}

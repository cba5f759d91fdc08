//! A file descriptor that becomes readable when a run should end early.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use tokio_util::sync::WaitForCancellationFutureOwned;

use super::descriptor::Descriptor;
use crate::error::Result;
use crate::run::Run;

/// Readable from the moment that a run should end early, for hosts whose code waits for descriptors. The host
/// only waits for it: it never reads, writes or closes it.
pub struct CancelDescriptor {
    signal: Arc<Signal>,
    /// Dropped, it wakes nobody any more.
    _waiting: Mutex<Pin<Box<WaitForCancellationFutureOwned>>>,
}

struct Signal(Descriptor);

impl CancelDescriptor {
    /// The descriptor of a run; each call makes another one.
    ///
    /// # Errors
    /// `Internal` when the system gives no descriptor.
    pub fn new(run: &Run) -> Result<Self> {
        let signal = Arc::new(Signal(Descriptor::new()?));
        let mut waiting = Box::pin(run.cancellation().clone().cancelled_owned());
        let waker = Waker::from(signal.clone());
        if let Poll::Ready(()) = waiting.as_mut().poll(&mut Context::from_waker(&waker)) {
            signal.0.set();
        }
        Ok(Self { signal, _waiting: Mutex::new(waiting) })
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.0.set();
    }
}

impl AsFd for CancelDescriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.signal.0.as_fd()
    }
}

impl fmt::Debug for CancelDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CancelDescriptor").field(&self.signal.0).finish()
    }
}

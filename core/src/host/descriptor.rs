//! A file descriptor that is readable while a queue has something: an eventfd on Linux, a pipe
//! elsewhere.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use super::HomeProcess;
use crate::error::{Error, ErrorCode, Result};

#[derive(Debug)]
pub(super) struct Descriptor {
    read: OwnedFd,
    /// Where to write, unless it is the same.
    write: Option<OwnedFd>,
    /// A fork would share it with its parent.
    pub(super) home: HomeProcess,
}

impl Descriptor {
    /// What is written at once, and read at once.
    const TOKEN: [u8; 8] = 1_u64.to_ne_bytes();

    pub(super) fn new() -> Result<Self> {
        #[cfg(target_os = "linux")]
        let made = Self::eventfd();
        #[cfg(not(target_os = "linux"))]
        let made = Self::pipe();
        made.map_err(|error| {
            Error::new(ErrorCode::Internal, "the system gives no descriptor").with_source(error)
        })
    }

    #[cfg(target_os = "linux")]
    fn eventfd() -> rustix::io::Result<Self> {
        use rustix::event::{EventfdFlags, eventfd};
        let read = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { read, write: None, home: HomeProcess::here() })
    }

    #[cfg(any(test, not(target_os = "linux")))]
    fn pipe() -> std::io::Result<Self> {
        let (reader, writer) = std::io::pipe()?;
        let (read, write) = (OwnedFd::from(reader), OwnedFd::from(writer));
        rustix::io::ioctl_fionbio(&read, true)?;
        rustix::io::ioctl_fionbio(&write, true)?;
        Ok(Self { read, write: Some(write), home: HomeProcess::here() })
    }

    /// Makes it readable.
    pub(super) fn set(&self) {
        let to = self.write.as_ref().unwrap_or(&self.read);
        // Full is readable, too.
        let _set = retry(|| rustix::io::write(to, &Self::TOKEN));
    }

    /// Makes it unreadable.
    pub(super) fn clear(&self) {
        let mut token = Self::TOKEN;
        // Empty when somebody else has read it.
        let _cleared = retry(|| rustix::io::read(&self.read, &mut token));
    }
}

fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    fn is_readable(descriptor: &Descriptor) -> bool {
        let mut fds = [PollFd::new(descriptor, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec::default())).unwrap() == 1
    }

    #[test]
    fn it_is_readable_from_set_to_clear() {
        for descriptor in [Descriptor::new().unwrap(), Descriptor::pipe().unwrap()] {
            for _ in 0..3 {
                assert!(!is_readable(&descriptor));
                descriptor.set();
                assert!(is_readable(&descriptor));
                assert!(is_readable(&descriptor));
                descriptor.clear();
            }
            // Whoever read it by mistake blocks nobody.
            descriptor.clear();
            assert!(!is_readable(&descriptor));
        }
    }
}

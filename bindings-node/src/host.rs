//! What the objects of one manager share.

use std::sync::Arc;

use conveyor_driver::host::{LibraryLogs, RunQueue};
use conveyor_driver::{Error, Level};

use crate::commands::Commands;
use crate::wake::Wake;

/// One queue, one wake, and the commands that its runs started.
pub(crate) struct Host {
    pub(crate) queue: RunQueue,
    pub(crate) wake: Arc<Wake<false>>,
    pub(crate) commands: Commands,
}

impl Host {
    pub(crate) fn new() -> Self {
        let wake = Arc::new(Wake::default());
        let called = wake.clone();
        let queue = RunQueue::waking(move || called.wake());
        Self { queue, wake: wake.clone(), commands: Commands::new(wake) }
    }

    /// Has this queue hear what the library itself says in this process.
    pub(crate) fn hear_library(&self) -> Result<(), Error> {
        use std::sync::OnceLock;
        static LOGS: OnceLock<LibraryLogs> = OnceLock::new();
        const ROOM: usize = 4_096;
        let logs = LOGS.get_or_init(|| {
            let logs = LibraryLogs::new(ROOM);
            // Another subscriber of this process takes them then.
            let _installed = logs.install(Level::Info);
            logs
        });
        self.queue.attach_library_logs(logs)
    }
}

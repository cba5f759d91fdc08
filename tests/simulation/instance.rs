//! One manager of a history, and how it ends.

use std::time::Duration;

use conveyor_driver::stream::MemoryStream;
use conveyor_driver::{DriverReport, RunningManager};
use tokio::time::{sleep, timeout};

use crate::history::{Counts, What};
use crate::recorder::Recorder;

#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) number: usize,
    pub(crate) running: RunningManager,
    pub(crate) connection: MemoryStream,
}

impl Instance {
    /// Cuts its connection for so long.
    pub(crate) fn cut(&self, lasting: Duration) {
        self.connection.cut();
        let connection = self.connection.clone();
        tokio::spawn(async move {
            sleep(lasting).await;
            connection.restore();
        });
    }

    /// Notes what it reports once it has stopped, or that it has not.
    pub(crate) async fn see_end(self, recorder: Recorder, longest: Duration) {
        let instance = self.number;
        let what = match timeout(longest, self.running.wait()).await {
            Ok(report) => What::Reported {
                instance,
                drivers: report.expect("a report").drivers.iter().map(counts).collect(),
            },
            Err(_) => What::Stuck { instance },
        };
        recorder.note(what);
    }
}

fn counts(report: &DriverReport) -> Counts {
    Counts {
        succeeded: report.succeeded,
        failed: report.failed,
        cancelled: report.cancelled,
        timed_out: report.timed_out,
        retried: report.retried,
        ignored: report.ignored,
        answered_before: report.answered_before,
        dead_lettered: report.dead_lettered,
        poisoned: report.poisoned,
        given_back: report.given_back,
        lease_lost: report.lease_lost,
        lines_unsent: report.log_lines_unsent,
    }
}

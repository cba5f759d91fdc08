//! The reconcile of every simulated driver: it does what the plan says of the attempt.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use conveyor_driver::{Driver, DriverResult, Failure, Run};

use crate::event::{End, Heed, event_of};
use crate::history::Ended;
use crate::plan::Plan;
use crate::recorder::{LiveRun, Recorder};

pub(crate) fn driver(
    plan: &Arc<Plan>,
    driver: usize,
    instance: usize,
    recorder: &Recorder,
) -> Driver {
    let (plan, recorder) = (plan.clone(), recorder.clone());
    Driver::with_options(plan.drivers[driver].clone()).reconcile(move |run| {
        let (plan, recorder) = (plan.clone(), recorder.clone());
        async move {
            let event = event_of(run.id().as_str()).expect("an event of the plan");
            let cancellation = run.cancellation();
            let live = recorder.began(instance, driver, event, run.attempt(), cancellation);
            attempt(&plan, event, &run, live).await
        }
    })
}

async fn attempt(
    plan: &Plan,
    event: usize,
    run: &Run,
    live: LiveRun,
) -> Result<DriverResult, Failure> {
    let attempt = plan.events[event].attempt(run.attempt());
    let name = format!("run-{}", live.run);
    let half = attempt.lines / 2;
    write(run, &live, 0..half, attempt.line_bytes).await;
    let heeds = match attempt.heed {
        Heed::Ignores => sleep(attempt.sleep).await,
        Heed::EndsWithError | Heed::Finishes => tokio::select! {
            biased;
            () = run.cancellation().cancelled() => attempt.heed == Heed::EndsWithError,
            slept = sleep(attempt.sleep) => slept,
        },
    };
    if heeds {
        live.ends(Ended::Heeded);
        return Err(run.check_cancelled().map_or_else(Failure::from, |()| Failure::failed(name)));
    }
    write(run, &live, half..attempt.lines, attempt.line_bytes).await;
    match attempt.end {
        End::Success { data_bytes } => {
            live.ends(Ended::Success);
            Ok(DriverResult::success(name).data("d".repeat(data_bytes)))
        }
        End::Failure => {
            live.ends(Ended::Failure);
            Err(Failure::failed(name))
        }
        End::Panic => {
            live.ends(Ended::Panic);
            // The panic hook would print thousands of these.
            resume_unwind(Box::new(name));
        }
        End::Retry { after } => {
            live.ends(Ended::Retry);
            let failure = Failure::retry(name);
            Err(after.into_iter().fold(failure, Failure::after))
        }
    }
}

async fn sleep(time: Duration) -> bool {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
    false
}

async fn write(run: &Run, live: &LiveRun, lines: std::ops::Range<u32>, bytes: usize) {
    for line in lines {
        run.log(line_text(live.run, line, bytes)).await;
        live.wrote(line);
    }
}

/// A line that is known again when it was stored in pieces.
pub(crate) fn line_text(run: usize, line: u32, bytes: usize) -> String {
    format!("<{run}.{line}:{}>", "x".repeat(bytes))
}

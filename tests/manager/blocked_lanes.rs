//! An abandoned run that still works is in the way of its resource, and of nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use conveyor_driver::host::{HandedRun, Outcome, RunQueue};
use conveyor_driver::options::DriverOptions;
use conveyor_driver::{DriverResult, RunningManager};
use conveyor_driver_tests::{Stage, eventually, on_both_streams};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

on_both_streams!(behind_an_abandoned_run_an_event_keeps_no_permit_and_runs_once_that_has_ended,);

fn options(concurrency: u32) -> impl FnOnce(&mut DriverOptions) {
    move |options| {
        options.concurrency = concurrency;
        options.ack_wait_ms = 2_000;
        options.cancel_grace_ms = 50;
        options.max_deliveries = Some(1_000);
    }
}

async fn next(queue: &RunQueue) -> HandedRun {
    eventually("a run is handed over", async || queue.take_one()).await
}

fn done(message: &str) -> Outcome {
    Outcome::Ended(Ok(DriverResult::success(message)))
}

/// A run of the resource `stuck` that was abandoned and still works.
async fn stuck(stage: &Stage, running: &RunningManager, queue: &RunQueue) -> HandedRun {
    stage.post("stuck").await;
    let handed = next(queue).await;
    assert_eq!(running.cancel(handed.run().id(), "enough"), 1);
    assert!(!stage.result().await.result.success);
    handed
}

async fn behind_an_abandoned_run_an_event_keeps_no_permit_and_runs_once_that_has_ended(
    stage: Stage,
) {
    let queue = RunQueue::new();
    let running = stage.start(stage.driver_with(options(1)).queue(&queue)).await;
    let abandoned = stuck(&stage, &running, &queue).await;
    let behind = stage.post("stuck").await;
    eventually("it is here or was", async || {
        (stage.consumer().await.ack_pending == 1).then_some(())
    })
    .await;
    stage.post("other").await;
    let other = next(&queue).await;
    assert_eq!(other.run().resource().unwrap().name, "other");
    other.complete(done("other")).unwrap();
    assert_eq!(stage.result().await.result.message, "other");
    abandoned.complete(done("too late")).unwrap();
    let again = next(&queue).await;
    assert!(again.run().attempt() > 1);
    again.complete(done("behind")).unwrap();
    let result = stage.result().await;
    assert_eq!((result.run_id, result.result.message.as_str()), (behind, "behind"));
    stage.all_settled().await;
    let report = running.drain().await.unwrap();
    let driver = &report.drivers[0];
    assert_eq!((driver.succeeded, driver.late_results, driver.abandoned), (2, 1, 1), "{report}");
    assert!(driver.given_back > 0, "{report}");
}

/// The embedded stream has no order among those who pull: the same instance may get it each time.
#[tokio::test]
async fn an_event_that_waits_behind_an_abandoned_run_goes_to_another_instance() {
    let stage = Stage::on_nats().await;
    let queue = RunQueue::new();
    let running = stage.start(stage.driver_with(options(2)).queue(&queue)).await;
    let first = stage.post("stuck").await;
    let handed = next(&queue).await;
    let waits = stage.post("stuck").await;
    eventually("it waits for its lane", async || {
        (stage.consumer().await.ack_pending == 2).then_some(())
    })
    .await;
    assert_eq!(running.cancel(&first, "enough"), 1);
    assert_eq!(stage.result().await.run_id, first);
    let other = stage
        .driver_with(options(1))
        .reconcile(async |_| Ok(DriverResult::success("by another instance")));
    let another = stage.start(other).await;
    let result = stage.result().await;
    assert_eq!((result.run_id, result.result.message.as_str()), (waits, "by another instance"));
    stage.all_settled().await;
    assert_eq!(another.drain().await.unwrap().drivers[0].succeeded, 1);
    assert!(running.drain().await.unwrap().drivers[0].given_back > 0);
    drop(handed);
}

/// Counts what is told of events that step aside.
struct Told(Arc<AtomicUsize>);

impl<S: tracing::Subscriber> Layer<S> for Told {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "conveyor_driver::manager::blocked" {
            assert_eq!(*event.metadata().level(), tracing::Level::WARN);
            self.0.fetch_add(1, Ordering::AcqRel);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn behind_an_abandoned_run_events_are_told_of_once_and_not_tried_for_ever() {
    let told = Arc::new(AtomicUsize::new(0));
    let subscriber = tracing_subscriber::registry().with(Told(told.clone()));
    let _guard = tracing::subscriber::set_default(subscriber);
    let stage = Stage::on_memory().await;
    let queue = RunQueue::new();
    let driver = stage.driver_with(|changed| {
        options(1)(changed);
        changed.max_deliveries = Some(5);
    });
    let running = stage.start(driver.queue(&queue)).await;
    let _abandoned = stuck(&stage, &running, &queue).await;
    stage.post("stuck").await;
    stage.post("stuck").await;
    for _ in 0..2 {
        let result = stage.result().await.result;
        assert_eq!((result.success, &result.data["error"]["type"]), (false, &"GivenUp".into()));
    }
    stage.all_settled().await;
    let report = running.drain().await.unwrap();
    let driver = &report.drivers[0];
    assert_eq!((driver.poisoned, driver.given_back, driver.runs), (2, 10, 1), "{report}");
    assert_eq!(told.load(Ordering::Acquire), 2);
}

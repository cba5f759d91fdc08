//! A drain loses nothing: what runs may finish, what waits is given back at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use conveyor_driver::{Driver, DriverBuilder, DriverResult, Failure, Run};
use conveyor_driver_tests::{Stage, eventually, on_both_streams};
use tokio::sync::Notify;

on_both_streams!(
    a_run_in_flight_finishes_and_is_answered,
    what_has_not_started_is_given_back_and_another_instance_runs_it,
    after_the_grace_a_run_is_cancelled_and_given_back,
    a_run_that_ignores_its_cancellation_is_abandoned_and_given_back,
    a_cancelled_run_that_finishes_its_work_is_answered,
    ending_now_gives_everything_back,
    a_dropped_manager_gives_everything_back,
);

async fn a_run_in_flight_finishes_and_is_answered(stage: Stage) {
    let go_on = Arc::new(Notify::new());
    let (driver, started) = announced(stage.driver(), {
        let go_on = go_on.clone();
        move |_| {
            let go_on = go_on.clone();
            async move {
                go_on.notified().await;
                Ok(DriverResult::success("finished"))
            }
        }
    });
    let running = stage.start(driver).await;
    stage.post("app").await;
    started.notified().await;
    running.stop_handle().drain();
    go_on.notify_one();
    let report = running.wait().await.unwrap();
    assert_eq!(stage.result().await.result.message, "finished");
    assert_eq!((report.drivers[0].succeeded, report.drivers[0].given_back), (1, 0));
    stage.all_settled().await;
}

async fn what_has_not_started_is_given_back_and_another_instance_runs_it(stage: Stage) {
    let go_on = Arc::new(Notify::new());
    let (driver, started) = announced(stage.driver().concurrency(3), {
        let go_on = go_on.clone();
        move |_| {
            let go_on = go_on.clone();
            async move {
                go_on.notified().await;
                Ok(DriverResult::success("first instance"))
            }
        }
    });
    let running = stage.start(driver).await;
    for _ in 0..3 {
        stage.post("the-same").await;
    }
    started.notified().await;
    eventually("all are taken", async || (stage.consumer().await.ack_pending == 3).then_some(()))
        .await;
    running.stop_handle().drain();
    let second = stage
        .start(stage.driver().reconcile(async |run| {
            Ok(DriverResult::success(format!("second instance, attempt {}", run.attempt())))
        }))
        .await;
    for _ in 0..2 {
        assert_eq!(stage.result().await.result.message, "second instance, attempt 2");
    }
    go_on.notify_one();
    assert_eq!(stage.result().await.result.message, "first instance");
    let report = running.wait().await.unwrap();
    assert_eq!((report.drivers[0].succeeded, report.drivers[0].given_back), (1, 2));
    assert_eq!(second.drain().await.unwrap().drivers[0].succeeded, 2);
}

async fn after_the_grace_a_run_is_cancelled_and_given_back(stage: Stage) {
    let (driver, started) = announced(stage.driver(), async |run| {
        run.cancellation().cancelled().await;
        run.check_cancelled()?;
        Ok(DriverResult::success("never"))
    });
    let running = stage
        .manager_with(|options| options.shutdown_grace_ms = 50)
        .driver(driver)
        .start()
        .await
        .unwrap();
    stage.post("app").await;
    started.notified().await;
    let report = running.drain().await.unwrap();
    assert_eq!((report.drivers[0].given_back, report.drivers[0].abandoned), (1, 0));
    assert_eq!(runs_again(&stage).await, "again, attempt 2");
}

async fn a_run_that_ignores_its_cancellation_is_abandoned_and_given_back(stage: Stage) {
    let stubborn = stage.driver_with(|options| options.cancel_grace_ms = 50);
    let (driver, started) = announced(stubborn, async |_| std::future::pending().await);
    let running = stage
        .manager_with(|options| options.shutdown_grace_ms = 50)
        .driver(driver)
        .start()
        .await
        .unwrap();
    stage.post("app").await;
    started.notified().await;
    let report = running.drain().await.unwrap();
    assert_eq!((report.drivers[0].given_back, report.drivers[0].abandoned), (1, 1));
    assert_eq!(runs_again(&stage).await, "again, attempt 2");
}

async fn a_cancelled_run_that_finishes_its_work_is_answered(stage: Stage) {
    let (driver, started) = announced(stage.driver(), async |run| {
        run.cancellation().cancelled().await;
        Ok(DriverResult::success("just in time"))
    });
    let running = stage
        .manager_with(|options| options.shutdown_grace_ms = 50)
        .driver(driver)
        .start()
        .await
        .unwrap();
    stage.post("app").await;
    started.notified().await;
    assert_eq!(running.drain().await.unwrap().drivers[0].succeeded, 1);
    assert_eq!(stage.result().await.result.message, "just in time");
}

async fn ending_now_gives_everything_back(stage: Stage) {
    let (driver, started) = announced(stage.driver(), async |_| std::future::pending().await);
    let running = stage.start(driver).await;
    stage.post("app").await;
    started.notified().await;
    running.stop_handle().end_now();
    let report = running.wait().await.unwrap();
    assert_eq!((report.drivers[0].given_back, report.drivers[0].abandoned), (1, 1));
    assert_eq!(runs_again(&stage).await, "again, attempt 2");
}

async fn a_dropped_manager_gives_everything_back(stage: Stage) {
    struct Dropped(Arc<AtomicBool>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }
    let dropped = Arc::new(AtomicBool::new(false));
    let (driver, started) = announced(stage.driver(), {
        let dropped = dropped.clone();
        move |_| {
            let held = Dropped(dropped.clone());
            async move {
                let _held = held;
                std::future::pending().await
            }
        }
    });
    let running = stage.start(driver).await;
    stage.post("app").await;
    started.notified().await;
    drop(running);
    assert_eq!(runs_again(&stage).await, "again, attempt 2");
    eventually("the abandoned run is dropped", async || {
        dropped.load(Ordering::Acquire).then_some(())
    })
    .await;
}

/// A driver that says when its run has started.
fn announced<F, Fut>(driver: DriverBuilder, then: F) -> (Driver, Arc<Notify>)
where
    F: Fn(Run) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<DriverResult, Failure>> + Send + 'static,
{
    let started = Arc::new(Notify::new());
    let says = started.clone();
    let driver = driver.reconcile(move |run| {
        says.notify_one();
        then(run)
    });
    (driver, started)
}

/// What another instance answers that is started now.
async fn runs_again(stage: &Stage) -> String {
    let driver = stage.driver().reconcile(async |run| {
        Ok(DriverResult::success(format!("again, attempt {}", run.attempt())))
    });
    let _running = stage.start(driver).await;
    stage.result().await.result.message
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_although_a_result_cannot_be_stored() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    memory.fail_publishes("pipelines.>", usize::MAX);
    let driver = stage.driver_with(|options| options.cancel_grace_ms = 1_000);
    let (driver, started) = announced(driver, async |_| Ok(DriverResult::success("unheard of")));
    let running = stage
        .manager_with(|options| options.shutdown_grace_ms = 1_000)
        .driver(driver)
        .start()
        .await
        .unwrap();
    stage.post("app").await;
    started.notified().await;
    let asked = tokio::time::Instant::now();
    let report = running.drain().await.unwrap();
    assert_eq!((report.drivers[0].given_back, report.drivers[0].succeeded), (1, 0), "{report}");
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
}

#[tokio::test(start_paused = true)]
async fn given_back_means_at_once_and_not_after_the_ack_wait() {
    let stage = Stage::on_memory().await;
    let (driver, started) = announced(stage.driver(), async |_| std::future::pending().await);
    let running = stage.start(driver).await;
    stage.post("app").await;
    started.notified().await;
    running.stop_handle().end_now();
    running.wait().await.unwrap();
    let given_back = tokio::time::Instant::now();
    runs_again(&stage).await;
    assert!(given_back.elapsed() < Duration::from_secs(1), "{:?}", given_back.elapsed());
}

//! Many drivers in one process, and what is told of them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::odd_stream::Odd;
use conveyor_driver::subject::PIPELINES_STREAM;
use conveyor_driver::{DriverResult, ErrorCode};
use conveyor_driver_tests::Stage;
use tokio::time::{sleep, timeout};

#[tokio::test(start_paused = true)]
async fn a_driver_that_waits_for_its_consumer_does_not_hold_up_the_others() {
    let odd = Odd::new().await;
    let stage = odd.stage().await;
    let waits = odd.stage().await;
    *odd.no_consumer.lock().unwrap() = Some(waits.driver.clone());
    let slow = waits.driver().reconcile(async |_| Ok(DriverResult::success("slow")));
    let driver = stage.driver().reconcile(async |_| Ok(DriverResult::success("done")));
    // The consumer exists, so that the event is kept.
    stage
        .start(stage.driver().reconcile(async |_| Ok(DriverResult::success("done"))))
        .await
        .drain()
        .await
        .unwrap();
    stage.post("app").await;
    let _starts = tokio::spawn(stage.manager().driver(slow).driver(driver).start());
    sleep(Duration::from_secs(600)).await;
    assert_eq!(odd.memory.held(PIPELINES_STREAM), 1, "not answered within ten minutes");
}

#[tokio::test(start_paused = true)]
async fn a_pull_that_fails_again_and_again_is_renewed_more_and_more_slowly() {
    let odd = Odd::new().await;
    let stage = odd.stage().await;
    odd.bad_pulls.store(true, Ordering::Release);
    let driver = stage.driver().reconcile(async |_| Ok(DriverResult::success("done")));
    let _running = stage.start(driver).await;
    sleep(Duration::from_secs(600)).await;
    let looks = odd.consumer_looks.load(Ordering::Acquire);
    assert!(looks < 600, "{looks} renewals in ten minutes");
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_broke_is_reported_beside_the_others() {
    let odd = Odd::new().await;
    let stage = odd.stage().await;
    let broken = odd.stage().await;
    *odd.panics_for.lock().unwrap() = Some(broken.driver.clone());
    let breaks = broken.driver().reconcile(async |_| Ok(DriverResult::success("done")));
    let driver = stage.driver().reconcile(async |_| Ok(DriverResult::success("done")));
    let running = stage.manager().driver(breaks).driver(driver).start().await.unwrap();
    broken.post("app").await;
    stage.post("app").await;
    assert!(stage.result().await.result.success);
    sleep(Duration::from_secs(60)).await;
    let report = running.drain().await.unwrap();
    let other = report.drivers.iter().find(|report| report.driver == stage.driver).unwrap();
    assert_eq!(other.succeeded, 1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_closed_beneath_the_manager_is_reported() {
    let stage = Stage::on_memory().await;
    let driver = stage.driver().reconcile(async |_| Ok(DriverResult::success("done")));
    let running = stage.start(driver).await;
    stage.stream.close().await;
    let report = timeout(Duration::from_secs(600), running.wait()).await.unwrap();
    let told = match report {
        Err(error) => error.code() == ErrorCode::Closed,
        Ok(report) => report.drivers.iter().any(|driver| driver.error.is_some()),
    };
    assert!(told, "nothing says why it stopped");
}

#[tokio::test(start_paused = true)]
async fn reports_are_in_the_order_of_the_drivers() {
    let stage = Stage::on_memory().await;
    let blocked = Stage::on(stage.stream.clone(), stage.memory.clone()).await;
    let wide = blocked
        .driver_with(|o| o.resources.push("further".into()))
        .reconcile(async |_| Ok(DriverResult::success("done")));
    blocked.start(wide).await.drain().await.unwrap();
    let narrow = blocked.driver().reconcile(async |_| Ok(DriverResult::success("never")));
    let driver = stage.driver().reconcile(async |_| Ok(DriverResult::success("done")));
    let running = stage.manager().driver(driver).driver(narrow).start().await.unwrap();
    let report = running.drain().await.unwrap();
    let names: Vec<_> = report.drivers.iter().map(|report| report.driver.clone()).collect();
    assert_eq!(names, [stage.driver.clone(), blocked.driver.clone()]);
}

#[tokio::test(start_paused = true)]
async fn tracing_lines_reach_the_log_when_only_the_drivers_own_target_is_enabled() {
    use tracing_subscriber::layer::SubscriberExt;
    let filter = tracing_subscriber::filter::Targets::new()
        .with_target(module_path!(), tracing::Level::INFO);
    let subscriber =
        tracing_subscriber::registry().with(filter).with(conveyor_driver::RunLogLayer::new());
    let _guard = tracing::subscriber::set_default(subscriber);
    let stage = Stage::on_memory().await;
    let driver = stage.driver().reconcile(async |_| {
        tracing::info!("a line");
        Ok(DriverResult::success("done"))
    });
    let _running = stage.start(driver).await;
    let run = stage.post("app").await;
    stage.result().await;
    assert_eq!(stage.log(&run).await.len(), 1);
}

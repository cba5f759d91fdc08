//! The limits of what may be asked for.

use std::time::Duration;

use conveyor_driver::DriverResult;
use conveyor_driver_tests::{Stage, eventually, unique_name};
use tokio::time::{sleep, timeout};

#[tokio::test(start_paused = true)]
async fn a_thousand_resources_and_the_highest_concurrency_work() {
    let stage = Stage::on_memory().await;
    let driver = stage
        .driver_with(|o| {
            o.resources.extend((0..999).map(|n| format!("type-{n}")));
            o.concurrency = 65_536;
        })
        .reconcile(async |_| Ok(DriverResult::success("done")));
    let running = stage.start(driver).await;
    for n in 0..3_000 {
        stage.post(&format!("app-{n}")).await;
    }
    for _ in 0..3_000 {
        stage.result().await;
    }
    assert_eq!(running.drain().await.unwrap().drivers[0].succeeded, 3_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_resources_and_the_highest_concurrency_work_on_nats() {
    let stage = Stage::on_nats().await;
    let driver = stage
        .driver_with(|o| {
            let name = unique_name("type");
            o.resources.extend((0..999).map(|n| format!("{name}-{n}")));
            o.concurrency = 65_536;
        })
        .reconcile(async |_| Ok(DriverResult::success("done")));
    let running = stage.start(driver).await;
    for n in 0..1_000 {
        stage.post(&format!("app-{n}")).await;
    }
    for _ in 0..1_000 {
        stage.result().await;
    }
    assert_eq!(running.drain().await.unwrap().drivers[0].succeeded, 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_start_or_run_that_is_dropped_stops() {
    let stage = Stage::on_memory().await;
    let driver = || stage.driver().reconcile(async |_| Ok(DriverResult::success("done")));
    let given_up = timeout(Duration::from_secs(5), stage.manager().driver(driver()).run()).await;
    assert!(given_up.is_err());
    eventually("nothing waits", async || (stage.consumer().await.waiting == 0).then_some(())).await;
    stage.post("app").await;
    sleep(Duration::from_secs(60)).await;
    assert_eq!(stage.consumer().await.pending, 1);
}

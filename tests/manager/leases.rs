//! A run keeps its event for as long as it lasts, and lets go of it before anyone else may take it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use conveyor_driver::options::{DriverOptions, ManagerOptions};
use conveyor_driver::{DriverManager, DriverResult, Failure, subject};
use conveyor_driver_tests::{Stage, eventually, on_both_streams, shared_server};

on_both_streams!(
    a_run_longer_than_the_ack_wait_runs_once,
    an_event_that_waits_for_its_lane_keeps_its_lease
);

async fn a_run_longer_than_the_ack_wait_runs_once(stage: Stage) {
    let driver = stage.driver_with(|options| options.ack_wait_ms = 1_000).reconcile(async |run| {
        tokio::time::sleep(Duration::from_millis(3_500)).await;
        Ok(DriverResult::success(format!("attempt {}", run.attempt())))
    });
    let running = stage.start(driver).await;
    stage.post("app").await;
    assert_eq!(stage.result().await.result.message, "attempt 1");
    stage.all_settled().await;
    stage.no_result_for(Duration::from_millis(1_500)).await;
    assert_eq!(running.drain().await.unwrap().drivers[0].succeeded, 1);
}

async fn an_event_that_waits_for_its_lane_keeps_its_lease(stage: Stage) {
    let driver = stage
        .driver_with(|options| {
            options.ack_wait_ms = 2_000;
            options.concurrency = 2;
        })
        .reconcile(async |run| {
            tokio::time::sleep(Duration::from_millis(4_500)).await;
            Ok(DriverResult::success(format!("attempt {}", run.attempt())))
        });
    let running = stage.start(driver).await;
    stage.post("the-same").await;
    stage.post("the-same").await;
    for _ in 0..2 {
        assert_eq!(stage.result().await.result.message, "attempt 1");
    }
    assert_eq!(running.drain().await.unwrap().drivers[0].succeeded, 2);
}

/// The lease is renewed from a thread that no reconcile can block.
#[tokio::test]
async fn a_reconcile_that_blocks_every_thread_keeps_its_lease() {
    let stage = Stage::on_nats().await;
    let driver = stage.driver_with(|options| options.ack_wait_ms = 1_000).reconcile(async |run| {
        let (_never, blocks) = std::sync::mpsc::channel::<()>();
        let _timed_out = blocks.recv_timeout(Duration::from_millis(3_500));
        Ok(DriverResult::success(format!("attempt {}", run.attempt())))
    });
    let mut options = ManagerOptions { signals: false, ..ManagerOptions::default() };
    // A connection of the manager's own: the stage's lives on the thread that is blocked.
    options.connection.url = Some(shared_server().await.to_owned());
    let running = DriverManager::new(options).driver(driver).start().await.unwrap();
    stage.post("app").await;
    assert_eq!(stage.result().await.result.message, "attempt 1");
    stage.all_settled().await;
    let report = running.drain().await.unwrap();
    assert_eq!(report.drivers[0].succeeded, 1, "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_lease_cannot_be_renewed_is_cancelled_before_another_may_start() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let at_once = Arc::new(AtomicU32::new(0));
    let driver = |stage: &Stage| {
        let at_once = at_once.clone();
        stage.driver_with(|options| options.cancel_grace_ms = 0).reconcile(move |run| {
            let at_once = at_once.clone();
            async move {
                struct Leaves(Arc<AtomicU32>);
                impl Drop for Leaves {
                    fn drop(&mut self) {
                        self.0.fetch_sub(1, Ordering::AcqRel);
                    }
                }
                let others = at_once.fetch_add(1, Ordering::AcqRel);
                let _leaves = Leaves(at_once);
                assert_eq!(others, 0, "two runs of one event at once");
                if run.attempt() == 1 {
                    std::future::pending::<()>().await;
                }
                Ok(DriverResult::success(format!("attempt {}", run.attempt())))
            }
        })
    };
    let cut_off = stage.start(driver(&stage)).await;
    stage.post("app").await;
    eventually("the event is taken", async || {
        (stage.consumer().await.ack_pending == 1).then_some(())
    })
    .await;
    let elsewhere = memory.connection();
    let other = stage.again_on(Arc::new(elsewhere.clone()), Some(elsewhere)).await;
    let _second = other.start(driver(&other)).await;
    memory.cut();
    assert_eq!(other.result().await.result.message, "attempt 2");
    memory.restore();
    other.all_settled().await;
    let report = cut_off.drain().await.unwrap();
    assert_eq!((report.drivers[0].lease_lost, report.drivers[0].succeeded), (1, 0));
    assert_eq!(memory.held(subject::PIPELINES_STREAM), 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_succeeds_after_its_lease_was_lost_leaves_the_answer_to_the_new_owner() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let stubborn = stage.driver_with(|options| options.ack_wait_ms = 1_000).reconcile(async |_| {
        tokio::time::sleep(Duration::from_secs(5)).await;
        Ok(DriverResult::success("too late"))
    });
    let running = stage
        .manager_with(|options| options.shutdown_grace_ms = 0)
        .driver(stubborn)
        .start()
        .await
        .unwrap();
    let elsewhere = memory.connection();
    let other = stage.again_on(Arc::new(elsewhere.clone()), Some(elsewhere)).await;
    stage.post("app").await;
    eventually("the event is taken", async || {
        (other.consumer().await.ack_pending == 1).then_some(())
    })
    .await;
    memory.cut();
    let drained = tokio::spawn(running.drain());
    let driver = other.driver_with(|options| options.ack_wait_ms = 1_000).reconcile(async |run| {
        tokio::time::sleep(Duration::from_secs(20)).await;
        Ok(DriverResult::success(format!("attempt {}", run.attempt())))
    });
    let _second = other.manager().driver(driver).start().await.unwrap();
    eventually("the event is with the other", async || {
        (other.consumer().await.ack_pending == 1).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    memory.restore();
    let report = drained.await.unwrap().unwrap();
    assert_eq!((report.drivers[0].lease_lost, report.drivers[0].given_back), (1, 0), "{report}");
    assert_eq!(other.result().await.result.message, "attempt 2");
    other.all_settled().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_lease_is_lost_while_it_waits_for_its_lane_is_left_alone() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let first = stage.driver_with(|options| {
        options.ack_wait_ms = 1_000;
        options.max_attempts = 2;
    });
    let first =
        first.reconcile(async |_| Err(Failure::retry("later").after(Duration::from_secs(10))));
    let running = stage.start(first).await;
    stage.post("app").await;
    eventually("it is to be tried again", async || {
        (stage.consumer().await.ack_pending == 1).then_some(())
    })
    .await;
    running.drain().await.unwrap();
    let options = |options: &mut DriverOptions| {
        options.ack_wait_ms = 1_000;
        options.max_attempts = 1;
        options.max_deliveries = Some(1);
        options.concurrency = 4;
        options.cancel_grace_ms = 60_000;
    };
    let slow = stage.driver_with(options).reconcile(async |_| {
        tokio::time::sleep(Duration::from_secs(30)).await;
        Ok(DriverResult::success("too late"))
    });
    let running = stage.start(slow).await;
    stage.post("app").await;
    eventually("both are taken", async || (stage.consumer().await.ack_pending == 2).then_some(()))
        .await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    memory.cut();
    tokio::time::sleep(Duration::from_secs(3)).await;
    memory.fail_publishes("dead-letters.>", 1);
    memory.restore();
    stage.all_settled().await;
    let report = running.drain().await.unwrap();
    // The one that was running and the one that waited behind it; both came again.
    assert_eq!((report.drivers[0].lease_lost, report.drivers[0].poisoned), (2, 2), "{report}");
}

//! Leases at their limits: lost in a lane, lost in the middle, renewed in part.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use crate::odd_stream::Odd;
use conveyor_driver::options::ManagerOptions;
use conveyor_driver::stream::EventStream;
use conveyor_driver::subject::{MESSAGES_STREAM, PIPELINES_STREAM};
use conveyor_driver::{DriverManager, DriverResult};
use conveyor_driver_tests::{Stage, eventually, in_real_time};
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn an_event_whose_lease_was_lost_in_its_lane_is_not_started() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let calls = Arc::new(AtomicU32::new(0));
    let counts = calls.clone();
    let driver = stage.driver_with(|o| o.concurrency = 2).reconcile(move |run| {
        counts.fetch_add(1, Ordering::AcqRel);
        async move {
            run.cancellation().cancelled().await;
            run.check_cancelled()?;
            Ok(DriverResult::success("never"))
        }
    });
    let _running = stage.start(driver).await;
    stage.post("the-same").await;
    stage.post("the-same").await;
    eventually("both are taken", async || (stage.consumer().await.ack_pending == 2).then_some(()))
        .await;
    memory.cut();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(calls.load(Ordering::Acquire), 1, "the second was started without a lease");
}

#[tokio::test(start_paused = true)]
async fn a_result_is_not_published_after_the_lease_was_lost() {
    for _ in 0..20 {
        let stage = Stage::on_memory().await;
        let memory = stage.memory.clone().unwrap();
        let driver = stage.driver().reconcile(async |run| {
            run.cancellation().cancelled().await;
            sleep(Duration::from_secs(8)).await;
            Ok(DriverResult::success("late"))
        });
        let running = stage.start(driver).await;
        stage.post("app").await;
        eventually("it is taken", async || (stage.consumer().await.ack_pending == 1).then_some(()))
            .await;
        memory.cut();
        sleep(Duration::from_secs(28)).await;
        // Another instance would have it from here on; this one's run has yet to end.
        let elsewhere = memory.connection();
        let mut other = elsewhere.pull(MESSAGES_STREAM, &stage.driver).await.unwrap();
        other.request(1);
        assert_eq!(other.next().await.unwrap()[0].attempt, 2);
        memory.restore();
        sleep(Duration::from_secs(20)).await;
        assert_eq!(memory.held(PIPELINES_STREAM), 0, "a result without a lease");
        running.stop_handle().end_now();
    }
}

#[tokio::test(start_paused = true)]
async fn one_renewal_without_an_answer_does_not_cost_the_other_leases() {
    let odd = Odd::new().await;
    let stage = odd.stage().await;
    odd.first_token_hangs.store(true, Ordering::Release);
    let cancelled = Arc::new(AtomicU32::new(0));
    let counts = cancelled.clone();
    let driver = stage.driver_with(|o| o.concurrency = 4).reconcile(move |run| {
        let counts = counts.clone();
        async move {
            tokio::select! {
                () = run.cancellation().cancelled() => { counts.fetch_add(1, Ordering::AcqRel); }
                () = sleep(Duration::from_secs(120)) => {}
            }
            Ok(DriverResult::success("done"))
        }
    });
    let _running = stage.start(driver).await;
    for n in 0..4 {
        stage.post(&format!("app-{n}")).await;
    }
    sleep(Duration::from_secs(119)).await;
    let cancelled = cancelled.load(Ordering::Acquire);
    assert!(cancelled <= 1, "{cancelled} of 4 leases were lost");
}

#[tokio::test(start_paused = true)]
async fn a_shorter_ack_wait_of_another_instance_takes_no_event_away() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let started = Arc::new(AtomicU32::new(0));
    let driver = |stage: &Stage, ack_wait_ms| {
        let started = started.clone();
        stage.driver_with(|o| o.ack_wait_ms = ack_wait_ms).reconcile(move |_| {
            started.fetch_add(1, Ordering::AcqRel);
            async {
                sleep(Duration::from_secs(60)).await;
                Ok(DriverResult::success("done"))
            }
        })
    };
    let _first = stage.start(driver(&stage, 30_000)).await;
    stage.post("app").await;
    sleep(Duration::from_secs(1)).await;
    let elsewhere = memory.connection();
    let other = stage.again_on(Arc::new(elsewhere.clone()), Some(elsewhere)).await;
    let _second = other.start(driver(&other, 1_000)).await;
    sleep(Duration::from_secs(20)).await;
    assert_eq!(started.load(Ordering::Acquire), 1, "one event runs twice at the same time");
}

#[test]
fn an_abandoned_run_keeps_its_lane_while_it_works() {
    in_real_time(4, Duration::from_secs(60), || async {
        let stage = Stage::on_memory().await;
        let memory = stage.memory.clone().unwrap();
        let at_once = Arc::new(AtomicU32::new(0));
        let most = Arc::new(AtomicU32::new(0));
        let driver = stage
            .driver_with(|o| {
                o.ack_wait_ms = 1_000;
                o.cancel_grace_ms = 100;
                o.concurrency = 2;
            })
            .reconcile({
                let (at_once, most) = (at_once.clone(), most.clone());
                move |run| {
                    let (at_once, most) = (at_once.clone(), most.clone());
                    async move {
                        most.fetch_max(
                            1 + at_once.fetch_add(1, Ordering::AcqRel),
                            Ordering::AcqRel,
                        );
                        if run.attempt() == 1 {
                            // Work that looks at nothing until it is done.
                            let (_never, blocks) = mpsc::channel::<()>();
                            let _timed_out = blocks.recv_timeout(Duration::from_secs(6));
                        }
                        at_once.fetch_sub(1, Ordering::AcqRel);
                        Ok(DriverResult::success("done"))
                    }
                }
            });
        let options = ManagerOptions { signals: false, ..ManagerOptions::default() };
        let manager = DriverManager::new(options).stream(stage.stream.clone()).driver(driver);
        let _running = manager.start().await.unwrap();
        stage.post("app").await;
        sleep(Duration::from_millis(300)).await;
        memory.cut();
        sleep(Duration::from_millis(2_000)).await;
        memory.restore();
        sleep(Duration::from_millis(2_500)).await;
        assert_eq!(most.load(Ordering::Acquire), 1, "two runs of one resource at once");
    });
}

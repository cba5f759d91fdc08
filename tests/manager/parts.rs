//! What works beside a driver's runs, and what its end means for them.

use std::time::Duration;

use conveyor_driver::subject::{MESSAGES_STREAM, PIPELINES_STREAM};
use conveyor_driver::{DriverResult, ErrorCode};
use conveyor_driver_tests::Stage;
use tokio::time::{sleep, timeout};

use crate::odd_stream::{Asked, Odd};

#[tokio::test(start_paused = true)]
async fn a_driver_whose_part_breaks_gives_its_runs_back_and_ends_with_its_name() {
    for (asked, part) in [
        (Asked::StoreLine, "log sender"),
        (Asked::Renew, "leases"),
        (Asked::Acknowledge, "acks"),
        (Asked::ListenForRequests, "control"),
    ] {
        let odd = Odd::new().await;
        let stage = odd.stage().await;
        // Its consumer keeps the events also when the driver ends before they are posted.
        let once = stage.driver().reconcile(async |_| Ok(DriverResult::success("never")));
        stage.start(once).await.drain().await.unwrap();
        *odd.panics_at.lock().unwrap() = Some(asked);
        let driver = stage.driver_with(|o| o.concurrency = 2).reconcile(async |run| {
            if run.resource()?.name == "long" {
                run.log("a line").await;
                run.cancellation().cancelled().await;
                run.check_cancelled()?;
            }
            Ok(DriverResult::success("first"))
        });
        let running = stage.start(driver).await;
        stage.post("short").await;
        stage.post("long").await;
        let ended = timeout(Duration::from_secs(600), running.wait()).await;
        let error = ended.expect("it ends by itself").unwrap_err();
        assert_eq!(error.code(), ErrorCode::Internal, "{part}");
        assert!(error.context().contains(&("part".to_owned(), part.to_owned())), "{error:?}");
        *odd.panics_at.lock().unwrap() = None;
        let healthy = stage.driver().reconcile(async |_| Ok(DriverResult::success("second")));
        let running = stage.start(healthy).await;
        sleep(Duration::from_secs(1)).await;
        let answered = || odd.memory.held(PIPELINES_STREAM);
        assert_eq!(answered(), 2, "given back, and not only after the ack wait: {part}");
        // What was answered and not acknowledged comes again then.
        sleep(Duration::from_secs(60)).await;
        running.drain().await.unwrap();
        assert_eq!((answered(), odd.memory.held(MESSAGES_STREAM)), (2, 0), "{part}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_driver_whose_part_breaks_leaves_the_others_alone() {
    let odd = Odd::new().await;
    let (breaks, works) = (odd.stage().await, odd.stage().await);
    *odd.panics_at.lock().unwrap() = Some(Asked::StoreLine);
    let writes = breaks.driver().reconcile(async |run| {
        run.log("a line").await;
        Ok(DriverResult::success("never"))
    });
    let silent = works.driver().reconcile(async |_| Ok(DriverResult::success("done")));
    let running = works.manager().driver(writes).driver(silent).start().await.unwrap();
    breaks.post("app").await;
    sleep(Duration::from_secs(60)).await;
    works.post("app").await;
    assert!(works.result().await.result.success);
    let report = running.drain().await.unwrap();
    let code = |n: usize| report.drivers[n].error.as_ref().map(conveyor_driver::Error::code);
    assert_eq!((code(0), code(1)), (Some(ErrorCode::Internal), None));
    assert_eq!((report.drivers[0].given_back, report.drivers[1].succeeded), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn pulling_that_was_renewed_for_long_is_not_renewed_once_more() {
    let odd = Odd::new().await;
    let stage: Stage = odd.stage().await;
    let driver = stage.driver().reconcile(async |_| Ok(DriverResult::success("done")));
    let running = stage.start(driver).await;
    sleep(Duration::from_secs(1)).await;
    *odd.no_consumer.lock().unwrap() = Some(stage.driver.clone());
    stage.stream.delete_consumer(MESSAGES_STREAM, &stage.driver).await.unwrap();
    sleep(Duration::from_secs(60)).await;
    *odd.no_consumer.lock().unwrap() = None;
    sleep(Duration::from_secs(60)).await;
    stage.post("app").await;
    assert!(stage.result().await.result.success);
    running.drain().await.unwrap();
    assert_eq!(odd.pulls.load(std::sync::atomic::Ordering::Acquire), 2);
}

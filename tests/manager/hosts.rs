//! Hosts of every temper take runs from a queue, and no event suffers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use conveyor_driver::host::{HandedRun, Outcome, RunKey, RunQueue};
use conveyor_driver::{CancelReason, DriverResult, ErrorCode, RunningManager};
use conveyor_driver_tests::{Stage, eventually, on_both_streams};

on_both_streams!(
    a_slow_host_is_given_no_more_than_may_run,
    a_run_that_a_host_forgets_comes_again,
    a_second_answer_is_refused_and_changes_nothing,
    a_key_of_an_earlier_run_answers_no_later_one,
    events_of_a_dead_host_are_given_back_and_its_driver_stops,
    a_run_cancelled_before_the_host_takes_it_never_starts,
    a_host_is_told_once_which_run_should_end,
    a_host_is_woken_once_until_it_has_taken_all,
    a_host_that_heeds_no_notice_is_still_woken_for_its_runs,
    a_run_in_the_hands_of_a_thread_that_panics_comes_again,
    a_batch_of_answers_is_as_good_as_each_alone,
    what_a_closure_holds_is_let_go_when_its_manager_has_stopped,
);

async fn start(stage: &Stage, queue: &RunQueue, concurrency: u32) -> RunningManager {
    let driver = stage.driver_with(|options| {
        options.concurrency = concurrency;
        options.retry_initial_ms = 50;
    });
    stage.start(driver.queue(queue)).await
}

/// The next run, when it has come.
async fn next(queue: &RunQueue) -> HandedRun {
    eventually("a run is handed over", async || queue.take_one()).await
}

/// So many waiting runs at once.
async fn batch(queue: &RunQueue, runs: usize) -> Vec<HandedRun> {
    let mut taken = Vec::new();
    eventually("all runs are handed over", async || {
        taken.extend(queue.take(runs));
        (taken.len() == runs).then_some(())
    })
    .await;
    taken
}

fn done(message: &str) -> Outcome {
    Outcome::Ended(Ok(DriverResult::success(message)))
}

async fn a_slow_host_is_given_no_more_than_may_run(stage: Stage) {
    let queue = RunQueue::new();
    let running = start(&stage, &queue, 2).await;
    for name in ["a", "b", "c", "d"] {
        stage.post(name).await;
    }
    let first = batch(&queue, 2).await;
    eventually("the server has the others", async || {
        (stage.consumer().await.ack_pending == 2).then_some(())
    })
    .await;
    assert!(queue.take_one().is_none());
    for handed in first {
        handed.complete(done("first")).unwrap();
    }
    for handed in batch(&queue, 2).await {
        handed.complete(done("second")).unwrap();
    }
    let mut messages = Vec::new();
    for _ in 0..4 {
        messages.push(stage.result().await.result.message);
    }
    assert_eq!(messages, ["first", "first", "second", "second"]);
    assert_eq!(running.drain().await.unwrap().drivers[0].succeeded, 4);
}

async fn a_run_that_a_host_forgets_comes_again(stage: Stage) {
    let queue = RunQueue::new();
    let running = start(&stage, &queue, 1).await;
    stage.post("app").await;
    drop(next(&queue).await);
    let again = next(&queue).await;
    assert_eq!(again.run().attempt(), 2);
    again.complete(done("remembered")).unwrap();
    assert_eq!(stage.result().await.result.message, "remembered");
    stage.all_settled().await;
    let report = running.drain().await.unwrap();
    let driver = &report.drivers[0];
    assert_eq!((driver.given_back, driver.succeeded, driver.runs), (1, 1, 2));
}

async fn a_second_answer_is_refused_and_changes_nothing(stage: Stage) {
    let queue = RunQueue::new();
    let running = start(&stage, &queue, 1).await;
    stage.post("app").await;
    let handed = next(&queue).await;
    queue.complete(handed.key(), done("first")).unwrap();
    let refused = queue.complete(handed.key(), done("second")).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Closed);
    let refused = handed.complete(done("third")).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Closed);
    assert_eq!(stage.result().await.result.message, "first");
    stage.all_settled().await;
    assert_eq!(running.drain().await.unwrap().drivers[0].succeeded, 1);
}

async fn a_key_of_an_earlier_run_answers_no_later_one(stage: Stage) {
    let queue = RunQueue::new();
    let running = start(&stage, &queue, 1).await;
    stage.post("app").await;
    let first = next(&queue).await;
    let stale = first.key().to_u64();
    first.complete(done("first")).unwrap();
    assert_eq!(stage.result().await.result.message, "first");
    stage.post("app").await;
    let second = next(&queue).await;
    for number in [stale, u64::MAX, 0] {
        let refused = queue.complete(RunKey::from_u64(number), done("stray")).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Closed);
    }
    second.complete(done("second")).unwrap();
    assert_eq!(stage.result().await.result.message, "second");
    running.drain().await.unwrap();
}

async fn events_of_a_dead_host_are_given_back_and_its_driver_stops(stage: Stage) {
    let queue = RunQueue::new();
    let dying = start(&stage, &queue, 3).await;
    for name in ["a", "b", "c"] {
        stage.post(name).await;
    }
    let in_hand = next(&queue).await;
    queue.close();
    drop(in_hand);
    let report = dying.wait().await.unwrap();
    assert_eq!(report.drivers[0].succeeded, 0);

    let alive = RunQueue::new();
    let running = start(&stage, &alive, 3).await;
    for handed in batch(&alive, 3).await {
        handed.complete(done("saved")).unwrap();
    }
    for _ in 0..3 {
        assert_eq!(stage.result().await.result.message, "saved");
    }
    stage.all_settled().await;
    assert_eq!(running.drain().await.unwrap().drivers[0].succeeded, 3);
}

async fn a_run_cancelled_before_the_host_takes_it_never_starts(stage: Stage) {
    let queue = RunQueue::new();
    let running = start(&stage, &queue, 1).await;
    let run = stage.post("app").await;
    queue.ready().await;
    assert_eq!(running.cancel(&run, "too slow"), 1);
    let result = stage.result().await.result;
    assert_eq!((result.success, &result.data["error"]["type"]), (false, &"Cancelled".into()));
    assert!(queue.take_one().is_none());
    let report = running.drain().await.unwrap();
    assert_eq!((report.drivers[0].cancelled, report.drivers[0].abandoned), (1, 0));
}

async fn a_host_is_told_once_which_run_should_end(stage: Stage) {
    let queue = RunQueue::new();
    let running = start(&stage, &queue, 2).await;
    let run = stage.post("app").await;
    let handed = next(&queue).await;
    assert_eq!(running.cancel(&run, "obsolete"), 1);
    queue.ready().await;
    let [notice] = &queue.take_cancelled()[..] else { panic!("one notice") };
    assert_eq!(notice.key, handed.key());
    assert_eq!(notice.reason, CancelReason::Requested("obsolete".into()));
    assert!(queue.take_cancelled().is_empty());
    assert!(handed.run().is_cancelled());
    handed.complete(done("finished all the same")).unwrap();
    assert_eq!(stage.result().await.result.message, "finished all the same");
    running.drain().await.unwrap();
}

async fn a_host_is_woken_once_until_it_has_taken_all(stage: Stage) {
    let wakes = Arc::new(AtomicU32::new(0));
    let queue = RunQueue::waking({
        let wakes = wakes.clone();
        move || {
            wakes.fetch_add(1, Ordering::AcqRel);
        }
    });
    let running = start(&stage, &queue, 3).await;
    for name in ["a", "b", "c"] {
        stage.post(name).await;
    }
    eventually("all wait", async || (queue.waiting() == 3).then_some(())).await;
    eventually("the host is woken", async || (wakes.load(Ordering::Acquire) > 0).then_some(()))
        .await;
    assert_eq!(wakes.load(Ordering::Acquire), 1);
    assert!(queue.wait(Duration::ZERO));
    let taken = queue.take(3);
    assert!(!queue.wait(Duration::ZERO));
    taken.into_iter().for_each(|handed| handed.complete(done("done")).unwrap());
    for _ in 0..3 {
        stage.result().await;
    }
    assert_eq!(wakes.load(Ordering::Acquire), 1);
    stage.post("d").await;
    eventually("the host is woken again", async || {
        (wakes.load(Ordering::Acquire) == 2).then_some(())
    })
    .await;
    next(&queue).await.complete(done("done")).unwrap();
    stage.result().await;
    running.drain().await.unwrap();
}

async fn a_host_that_heeds_no_notice_is_still_woken_for_its_runs(stage: Stage) {
    let wakes = Arc::new(AtomicU32::new(0));
    let queue = RunQueue::waking({
        let wakes = wakes.clone();
        move || {
            wakes.fetch_add(1, Ordering::AcqRel);
        }
    });
    let running = start(&stage, &queue, 1).await;
    for _ in 0..4 {
        let before = wakes.load(Ordering::Acquire);
        let run = stage.post("app").await;
        eventually("the host is woken for the run", async || {
            (wakes.load(Ordering::Acquire) > before).then_some(())
        })
        .await;
        let handed = next(&queue).await;
        assert_eq!(running.cancel(&run, "obsolete"), 1);
        // The notice is there, and stays.
        queue.ready().await;
        drop(handed);
        stage.result().await;
    }
    running.drain().await.unwrap();
}

async fn a_run_in_the_hands_of_a_thread_that_panics_comes_again(stage: Stage) {
    let queue = RunQueue::new();
    let running = start(&stage, &queue, 1).await;
    stage.post("app").await;
    let handed = next(&queue).await;
    let thread = std::thread::spawn(move || {
        let _in_hand = handed;
        std::panic::resume_unwind(Box::new("the host's own"));
    });
    assert!(thread.join().is_err());
    let again = next(&queue).await;
    assert_eq!(again.run().attempt(), 2);
    again.complete(done("saved")).unwrap();
    assert_eq!(stage.result().await.result.message, "saved");
    running.drain().await.unwrap();
}

async fn a_batch_of_answers_is_as_good_as_each_alone(stage: Stage) {
    let queue = RunQueue::new();
    let running = start(&stage, &queue, 3).await;
    for name in ["a", "b", "c"] {
        stage.post(name).await;
    }
    let keys: Vec<_> = batch(&queue, 3).await.into_iter().map(HandedRun::release).collect();
    let twice = keys.iter().chain(&keys);
    queue.complete_all(twice.map(|key| (*key, done("together"))));
    for _ in 0..3 {
        assert_eq!(stage.result().await.result.message, "together");
    }
    stage.all_settled().await;
    assert_eq!(running.drain().await.unwrap().drivers[0].succeeded, 3);
}

async fn what_a_closure_holds_is_let_go_when_its_manager_has_stopped(stage: Stage) {
    let held = Arc::new(());
    let driver = stage.driver().reconcile({
        let held = held.clone();
        move |_run| {
            let held = held.clone();
            async move {
                drop(held);
                Ok(DriverResult::success("done"))
            }
        }
    });
    let running = stage.start(driver).await;
    stage.post("app").await;
    stage.result().await;
    running.drain().await.unwrap();
    eventually("it is let go", async || (Arc::strong_count(&held) == 1).then_some(())).await;
}

//! The ways in which a host waits for its queue: a descriptor, threads, tasks.

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use conveyor_driver::DriverResult;
use conveyor_driver::host::{HandedRun, ManagerState, Outcome, RunQueue};
use conveyor_driver_tests::{DEADLINE, Stage, eventually, on_both_streams};
use futures_util::FutureExt;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

on_both_streams!(
    a_descriptor_is_readable_exactly_while_there_is_something,
    memory_given_to_a_take_is_used_again,
);

mod in_real_time {
    conveyor_driver_tests::on_both_streams_in_real_time!(
        each_run_wakes_a_thread_that_waits_for_one,
        threads_that_wait_end_with_the_queue,
    );
    use super::{each_run_wakes_a_thread_that_waits_for_one, threads_that_wait_end_with_the_queue};
}

fn is_readable(queue: &RunQueue) -> bool {
    let descriptor = queue.wake_fd().unwrap();
    let mut fds = [PollFd::from_borrowed_fd(descriptor.as_fd(), PollFlags::IN)];
    poll(&mut fds, Some(&Timespec::default())).unwrap() == 1
}

fn done() -> Outcome {
    Outcome::Ended(Ok(DriverResult::success("done")))
}

async fn readable(queue: &RunQueue) {
    eventually("the descriptor is readable", async || is_readable(queue).then_some(())).await;
}

async fn a_descriptor_is_readable_exactly_while_there_is_something(stage: Stage) {
    let queue = RunQueue::with_descriptor().unwrap();
    let driver = stage.driver_with(|options| options.concurrency = 2).queue(&queue);
    let running = stage.start(driver).await;
    assert!(!is_readable(&queue));
    let runs = [stage.post("a").await, stage.post("b").await];
    eventually("both wait", async || (queue.waiting() == 2).then_some(())).await;
    readable(&queue).await;
    let first = queue.take_one().unwrap();
    assert!(is_readable(&queue), "another one waits");
    let second = queue.take_one().unwrap();
    assert!(!is_readable(&queue));

    assert_eq!(runs.iter().map(|run| running.cancel(run, "obsolete")).sum::<usize>(), 2);
    readable(&queue).await;
    eventually("both are told", async || {
        let told = queue.take_cancelled().len();
        (told > 0 && !is_readable(&queue)).then_some(())
    })
    .await;
    first.complete(done()).unwrap();
    drop(second);
    stage.result().await;
    stage.result().await;
    assert!(!is_readable(&queue));

    // One that is withdrawn before it is taken.
    let run = stage.post("c").await;
    readable(&queue).await;
    assert_eq!(running.cancel(&run, "obsolete"), 1);
    stage.result().await;
    assert!(!is_readable(&queue));

    queue.close();
    assert!(is_readable(&queue));
    assert!(queue.take(1).is_empty() && queue.take_cancelled().is_empty());
    assert!(is_readable(&queue), "nobody has heard that it was closed");
    assert_eq!(queue.take_state(), None);
    assert!(!is_readable(&queue) && !queue.wait(Duration::ZERO), "it is told once");
    queue.close();
    assert!(!is_readable(&queue));
    running.drain().await.unwrap();
}

async fn memory_given_to_a_take_is_used_again(stage: Stage) {
    let queue = RunQueue::new();
    let driver = stage.driver_with(|options| options.concurrency = 4).queue(&queue);
    let running = stage.start(driver).await;
    let mut taken = VecDeque::with_capacity(1_000);
    for name in ["a", "b", "c", "d"] {
        stage.post(name).await;
    }
    eventually("all wait", async || (queue.waiting() == 4).then_some(())).await;
    assert_eq!(queue.take_into(&mut taken, 1), 1);
    assert_eq!(queue.take_into(&mut taken, 2), 2);
    assert_eq!(queue.take_into(&mut taken, 9), 1);
    assert_eq!(queue.take_into(&mut taken, 9), 0);
    let names: Vec<_> =
        taken.iter().map(|handed| handed.run().resource().unwrap().name.clone()).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
    taken.drain(..).for_each(|handed| handed.complete(done()).unwrap());
    assert!(taken.capacity() >= 1_000);
    for _ in 0..4 {
        stage.result().await;
    }
    running.drain().await.unwrap();
}

async fn each_run_wakes_a_thread_that_waits_for_one(stage: Stage) {
    const THREADS: usize = 8;
    let queue = RunQueue::new();
    let driver = stage.driver_with(|options| options.concurrency = 16).queue(&queue);
    let running = stage.start(driver).await;
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let queue = queue.clone();
            thread::spawn(move || queue.next(DEADLINE))
        })
        .collect();
    for number in 0..THREADS {
        stage.post(&format!("app-{number}")).await;
    }
    // Each thread waits for one run only, so that none is left without one.
    for thread in threads {
        thread.join().unwrap().expect("a run").complete(done()).unwrap();
    }
    for _ in 0..THREADS {
        stage.result().await;
    }
    assert_eq!(running.drain().await.unwrap().drivers[0].succeeded, 8);
}

async fn threads_that_wait_end_with_the_queue(stage: Stage) {
    let queue = RunQueue::new();
    let running = stage.start(stage.driver().queue(&queue)).await;
    let threads: Vec<_> = [
        |queue: &RunQueue| queue.next(DEADLINE).is_none(),
        |queue: &RunQueue| queue.wait(DEADLINE),
        |queue: &RunQueue| queue.wait_for_notice(DEADLINE),
    ]
    .map(|wait| {
        let queue = queue.clone();
        thread::spawn(move || wait(&queue))
    })
    .into();
    queue.close();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
    queue.ready().await;
    assert_eq!(queue.take_state(), None);
    assert!(queue.ready().now_or_never().is_none(), "that it was closed is told once");
    running.drain().await.unwrap();
}

#[test]
fn a_wait_for_nothing_ends_in_time() {
    let queue = RunQueue::new();
    let most = Duration::from_millis(1);
    assert!(queue.next(most).is_none() && !queue.wait(most) && !queue.wait_for_notice(most));
    assert_eq!(queue.take_state(), None::<ManagerState>);
    assert!(queue.wake_fd().is_none());
    assert!(queue.take(9).iter().map(HandedRun::key).next().is_none());
}

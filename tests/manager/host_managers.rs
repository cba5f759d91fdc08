//! Managers of hosts that have no tokio: every call comes back, whatever happens meanwhile.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use conveyor_driver::host::{HandedRun, ManagerState, Outcome, RunQueue};
use conveyor_driver::options::{ConnectionOptions, ManagerOptions};
use conveyor_driver::stream::{MemoryStream, StreamConfig};
use conveyor_driver::{Driver, DriverManager, DriverResult, ErrorCode, HostManager};
use conveyor_driver_cli::nats_server::NatsServer;
use conveyor_driver_tests::{DEADLINE, Stage, connect, on_both_streams_in_real_time};

on_both_streams_in_real_time!(
    events_are_answered_and_the_end_is_told_to_all_who_wait_as_often_as_they_ask,
    a_host_hears_of_every_state_by_the_wake_of_its_queue,
    runs_that_do_not_end_by_the_deadline_are_given_back,
    a_manager_that_is_dropped_gives_its_runs_back,
    a_run_is_cancelled_while_others_wait_for_the_end,
    a_drain_lets_a_run_finish,
);

fn hosted(stage: &Stage, queue: &RunQueue) -> HostManager {
    let driver = stage.driver_with(|options| options.retry_initial_ms = 50).queue(queue);
    HostManager::new(stage.manager().driver(driver))
}

fn started(stage: &Stage, queue: &RunQueue) -> HostManager {
    let manager = hosted(stage, queue);
    manager.start().unwrap();
    assert!(manager.wait_started(DEADLINE).unwrap());
    manager
}

fn next(queue: &RunQueue) -> HandedRun {
    queue.next(DEADLINE).expect("a run in time")
}

fn done() -> Outcome {
    Outcome::Ended(Ok(DriverResult::success("done")))
}

async fn events_are_answered_and_the_end_is_told_to_all_who_wait_as_often_as_they_ask(
    stage: Stage,
) {
    let queue = RunQueue::new();
    let manager = Arc::new(hosted(&stage, &queue));
    assert_eq!(manager.state().unwrap(), ManagerState::New);
    assert!(!manager.wait_started(Duration::ZERO).unwrap());
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let manager = manager.clone();
            thread::spawn(move || manager.wait_ended(DEADLINE).unwrap().unwrap())
        })
        .collect();
    manager.start().unwrap();
    assert!(manager.wait_started(DEADLINE).unwrap());
    stage.post("app").await;
    next(&queue).complete(done()).unwrap();
    stage.result().await;
    stage.all_settled().await;
    assert_eq!(manager.state().unwrap(), ManagerState::Running);
    assert!(manager.wait_ended(Duration::ZERO).unwrap().is_none());
    manager.drain().unwrap();
    for thread in waiting {
        assert_eq!(thread.join().unwrap().drivers[0].succeeded, 1);
    }
    for _ in 0..2 {
        let report = manager.wait_ended(Duration::ZERO).unwrap().unwrap();
        assert_eq!(report.drivers[0].succeeded, 1);
        assert!(manager.wait_started(Duration::ZERO).unwrap());
    }
    assert_eq!(manager.start().unwrap_err().code(), ErrorCode::Closed);
}

async fn a_host_hears_of_every_state_by_the_wake_of_its_queue(stage: Stage) {
    let queue = RunQueue::new();
    let manager = hosted(&stage, &queue);
    let mut heard = vec![manager.state().unwrap()];
    manager.start().unwrap();
    while heard.last() != Some(&ManagerState::Ended) {
        assert!(queue.wait_for_notice(DEADLINE), "heard only {heard:?}");
        let Some(state) = queue.take_state() else { continue };
        if state == ManagerState::Running {
            manager.drain().unwrap();
        }
        heard.push(state);
    }
    assert!(heard.is_sorted(), "{heard:?}");
    assert!(heard.contains(&ManagerState::Running), "{heard:?}");
    assert_eq!(queue.take_state(), None);
    assert!(!queue.wait(Duration::ZERO));
    assert!(manager.wait_ended(Duration::ZERO).unwrap().is_some());
}

async fn runs_that_do_not_end_by_the_deadline_are_given_back(stage: Stage) {
    let queue = RunQueue::new();
    let manager = started(&stage, &queue);
    stage.post("app").await;
    let forgotten = next(&queue);
    let report = manager.stop_within(Duration::from_millis(1)).unwrap();
    let driver = &report.drivers[0];
    assert_eq!((driver.given_back, driver.succeeded), (1, 0));
    assert_eq!(manager.stop_within(DEADLINE).unwrap().drivers[0].given_back, 1);
    drop(forgotten);

    let other = RunQueue::new();
    let manager = started(&stage, &other);
    let again = next(&other);
    assert_eq!(again.run().attempt(), 2);
    again.complete(done()).unwrap();
    stage.result().await;
    assert_eq!(manager.stop_within(DEADLINE).unwrap().drivers[0].succeeded, 1);
}

async fn a_manager_that_is_dropped_gives_its_runs_back(stage: Stage) {
    let queue = RunQueue::new();
    let manager = started(&stage, &queue);
    stage.post("app").await;
    let held = next(&queue);
    let ends = manager.stop_handle();
    drop(manager);
    assert!(ends.is_draining());
    assert!(held.run().is_cancelled());
    let other = RunQueue::new();
    let manager = started(&stage, &other);
    next(&other).complete(done()).unwrap();
    stage.result().await;
    stage.all_settled().await;
    assert_eq!(manager.stop_within(DEADLINE).unwrap().drivers[0].succeeded, 1);
}

async fn a_run_is_cancelled_while_others_wait_for_the_end(stage: Stage) {
    let queue = RunQueue::new();
    let manager = Arc::new(started(&stage, &queue));
    let waiting = thread::spawn({
        let manager = manager.clone();
        move || manager.wait_ended(DEADLINE)
    });
    let run = stage.post("app").await;
    let handed = next(&queue);
    assert_eq!(manager.cancel(&run, "obsolete").unwrap(), 1);
    drop(handed);
    let result = stage.result().await.result;
    assert_eq!(result.data["error"]["type"], "Cancelled");
    stage.all_settled().await;
    assert_eq!(manager.cancel(&run, "obsolete").unwrap(), 0);
    manager.end_now().unwrap();
    assert_eq!(waiting.join().unwrap().unwrap().unwrap().drivers[0].cancelled, 1);
}

async fn a_drain_lets_a_run_finish(stage: Stage) {
    let queue = RunQueue::new();
    let manager = Arc::new(started(&stage, &queue));
    stage.post("app").await;
    let handed = next(&queue);
    let stopping = thread::spawn({
        let manager = manager.clone();
        move || manager.stop_within(DEADLINE)
    });
    while queue.take_state() != Some(ManagerState::Draining) {
        assert!(queue.wait_for_notice(DEADLINE), "it does not drain");
    }
    handed.complete(done()).unwrap();
    assert_eq!(stopping.join().unwrap().unwrap().drivers[0].succeeded, 1);
    assert_eq!(stage.result().await.result.message, "done");
}

#[test]
fn faults_of_the_options_are_told_at_once_and_again() {
    let manager = HostManager::new(DriverManager::default());
    let refused = manager.start().unwrap_err();
    assert_eq!(refused.code(), ErrorCode::OptionsInvalid);
    for _ in 0..2 {
        let again = manager.wait_started(DEADLINE).unwrap_err();
        assert_eq!((again.code(), again.context()), (refused.code(), refused.context()));
        assert_eq!(manager.wait_ended(DEADLINE).unwrap_err().code(), ErrorCode::OptionsInvalid);
    }
    assert_eq!(manager.state().unwrap(), ManagerState::Ended);
    assert_eq!(manager.start().unwrap_err().code(), ErrorCode::Closed);
}

#[test]
fn a_closure_has_no_runtime_to_run_on() {
    let driver = Driver::new("git").resources(["repo"]).reconcile(async |_| unreachable!());
    let manager = HostManager::new(DriverManager::default().driver(driver));
    assert_eq!(manager.start().unwrap_err().code(), ErrorCode::Internal);
}

fn unreachable_server() -> ManagerOptions {
    let connection = ConnectionOptions {
        url: Some("nats://127.0.0.1:1".into()),
        connect_timeout_ms: Some(100),
        ..ConnectionOptions::default()
    };
    ManagerOptions { connection, signals: false, ..ManagerOptions::default() }
}

#[test]
fn a_server_that_cannot_be_reached_is_told_by_every_wait() {
    let queue = RunQueue::new();
    let driver = Driver::new("git").resources(["repo"]).queue(&queue);
    let manager = HostManager::new(DriverManager::new(unreachable_server()).driver(driver));
    manager.start().unwrap();
    while queue.take_state() != Some(ManagerState::Ended) {
        assert!(queue.wait_for_notice(DEADLINE), "it does not end");
    }
    for _ in 0..2 {
        assert_eq!(manager.wait_started(DEADLINE).unwrap_err().code(), ErrorCode::Unavailable);
        assert_eq!(manager.wait_ended(DEADLINE).unwrap_err().code(), ErrorCode::Unavailable);
        assert_eq!(manager.stop_within(DEADLINE).unwrap_err().code(), ErrorCode::Unavailable);
    }
}

#[test]
fn one_that_was_never_started_stops_at_once() {
    let driver = Driver::new("git").resources(["repo"]).queue(&RunQueue::new());
    let manager = HostManager::new(DriverManager::new(unreachable_server()).driver(driver));
    assert!(manager.stop_within(Duration::ZERO).unwrap().drivers.is_empty());
    assert_eq!(manager.start().unwrap_err().code(), ErrorCode::Closed);
    assert!(manager.wait_ended(Duration::ZERO).unwrap().unwrap().drivers.is_empty());
}

#[test]
fn one_that_waits_for_its_stream_can_be_stopped() {
    let driver = Driver::new("git").resources(["repo"]).queue(&RunQueue::new());
    let options = ManagerOptions { signals: false, ..ManagerOptions::default() };
    let without_streams = DriverManager::new(options).stream(Arc::new(MemoryStream::new()));
    let manager = HostManager::new(without_streams.driver(driver));
    manager.start().unwrap();
    assert!(!manager.wait_started(Duration::from_millis(50)).unwrap());
    assert_eq!(manager.stop_within(DEADLINE).unwrap().drivers[0].runs, 0);
    assert_eq!(manager.wait_started(DEADLINE).unwrap_err().code(), ErrorCode::Closed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_answers_nothing_does_not_hold_up_the_end() {
    let mut server = NatsServer::start().await.unwrap();
    let stream = connect(&server.url()).await;
    for config in StreamConfig::of_control_plane() {
        stream.put_stream(&config).await.unwrap();
    }
    let stage = Stage::on(stream, None).await;
    let url = server.url();
    let start = |queue: &RunQueue| {
        let mut options = unreachable_server();
        options.connection.url = Some(url.clone());
        options.connection.connect_timeout_ms = None;
        let driver = stage.driver_with(|options| options.retry_initial_ms = 50).queue(queue);
        let manager = HostManager::new(DriverManager::new(options).driver(driver));
        manager.start().unwrap();
        assert!(manager.wait_started(DEADLINE).unwrap());
        manager
    };
    let queues = [RunQueue::new(), RunQueue::new()];
    let managers = queues.each_ref().map(start);
    stage.post("a").await;
    let mut held = None;
    while held.is_none() {
        held = queues.iter().find_map(|queue| queue.next(Duration::from_millis(10)));
    }
    let held = held.unwrap();
    queues[0].log(held.run(), ["a line that is not stored".into()]).unwrap();
    server.pause();
    let [stopped, dropped] = managers;
    // Both come back: nobody else ends this test in time.
    let reports = thread::scope(|scope| {
        let ended = scope.spawn(|| stopped.stop_within(Duration::from_millis(1)).unwrap());
        scope.spawn(|| drop(dropped));
        ended.join().unwrap()
    });
    assert_eq!(reports.drivers.len(), 1);
    drop(held);
    server.resume();

    let queue = RunQueue::new();
    let manager = start(&queue);
    next(&queue).complete(done()).unwrap();
    assert_eq!(stage.result().await.result.message, "done");
    manager.stop_within(DEADLINE).unwrap();
}

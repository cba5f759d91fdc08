//! What a driver relies on when several things go wrong at once.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use async_trait::async_trait;
use conveyor_driver::message::{DriverMessage, LogEntry, Resource, ResultEvent};
use conveyor_driver::options::ManagerOptions;
use conveyor_driver::stream::{
    AckToken, ConsumerConfig, ConsumerInfo, EventStream, MemoryStream, Message, Pull, Receipt,
    Settlement, StreamConfig,
};
use conveyor_driver::subject::{
    self, DRIVER_RESULT, LOGS_STREAM, MESSAGES_STREAM, PIPELINES_STREAM,
};
use conveyor_driver::{
    DriverManager, DriverResult, Error, ErrorCode, Failure, LogLine, RunId, RunLog,
};
use conveyor_driver_cli::nats_server::NatsServer;
use conveyor_driver_tests::{Stage, connect, eventually, unique_name};
use futures_util::stream::BoxStream;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// Runs an async test in real time on a thread of its own, and fails when it does not end in time:
/// the thread itself may be blocked.
fn in_real_time<F: Future<Output = ()>>(
    threads: usize,
    limit: Duration,
    test: impl FnOnce() -> F + Send + 'static,
) {
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let mut builder = if threads == 1 {
            tokio::runtime::Builder::new_current_thread()
        } else {
            tokio::runtime::Builder::new_multi_thread()
        };
        let runtime = builder.worker_threads(threads).enable_all().build().unwrap();
        runtime.block_on(test());
        done.send(()).unwrap();
        runtime.shutdown_background();
    });
    let outcome = ended.recv_timeout(limit);
    assert!(outcome.is_ok(), "did not end within {limit:?}: {outcome:?}");
}

// ---------------------------------------------------------------- the stop always ends

/// A second signal does not end a driver whose log buffer is full while no line can be stored.
#[tokio::test(start_paused = true)]
async fn ending_now_ends_also_when_the_log_buffer_is_full() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let driver = stage.driver_with(|o| o.log_buffer_bytes = 65_536).reconcile(async |run| {
        loop {
            run.log("x".repeat(1_000)).await;
        }
    });
    let running = stage.start(driver).await;
    memory.fail_publishes("logs.>", usize::MAX);
    stage.post("app").await;
    sleep(Duration::from_secs(5)).await;
    running.stop_handle().end_now();
    let report = timeout(Duration::from_secs(600), running.wait()).await;
    assert!(report.is_ok(), "did not end within ten minutes of end_now");
}

/// A drain never ends while results cannot be stored, although the grace is long over.
#[tokio::test(start_paused = true)]
async fn a_drain_ends_when_results_cannot_be_stored() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let driver = stage.driver().reconcile(async |_| Ok(DriverResult::success("done")));
    let running = stage.start(driver).await;
    memory.fail_publishes(DRIVER_RESULT, usize::MAX);
    stage.post("app").await;
    sleep(Duration::from_secs(5)).await;
    let report = timeout(Duration::from_secs(3_600), running.drain()).await;
    assert!(report.is_ok(), "did not end within an hour of the drain");
}

/// A drain never ends while log lines cannot be stored, although the grace is long over.
#[tokio::test(start_paused = true)]
async fn a_drain_ends_when_log_lines_cannot_be_stored() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let driver = stage.driver().reconcile(async |run| {
        run.log("one").await;
        Ok(DriverResult::success("done"))
    });
    let running = stage.start(driver).await;
    memory.fail_publishes("logs.>", usize::MAX);
    stage.post("app").await;
    sleep(Duration::from_secs(5)).await;
    let report = timeout(Duration::from_secs(3_600), running.drain()).await;
    assert!(report.is_ok(), "did not end within an hour of the drain");
}

/// With the server gone, even `end_now` waits for ever for its nak to be sent.
#[test]
fn ending_now_ends_also_while_the_server_is_away() {
    in_real_time(2, Duration::from_secs(60), || async {
        let mut server = NatsServer::start().await.unwrap();
        let stream = connect(&server.url()).await;
        for config in StreamConfig::of_control_plane() {
            stream.put_stream(&config).await.unwrap();
        }
        let stage = Stage::on(stream, None).await;
        let started = Arc::new(Notify::new());
        let says = started.clone();
        let driver = stage.driver().reconcile(move |_| {
            says.notify_one();
            std::future::pending()
        });
        let mut options = ManagerOptions { signals: false, ..ManagerOptions::default() };
        options.connection.url = Some(server.url());
        let running = DriverManager::new(options).driver(driver).start().await.unwrap();
        stage.post("app").await;
        started.notified().await;
        server.kill();
        sleep(Duration::from_millis(500)).await;
        running.stop_handle().end_now();
        let report = timeout(Duration::from_secs(25), running.wait()).await;
        assert!(report.is_ok(), "did not end within 25 s of end_now");
    });
}

// ---------------------------------------------------------------- lines from where nothing can be awaited

/// `write_blocking` on a worker thread spins for ever once its task's cooperative budget is used up.
#[test]
fn a_synchronous_burst_of_lines_ends() {
    in_real_time(2, Duration::from_secs(30), || async {
        let stage = Stage::on_memory().await;
        let driver = stage.driver_with(|o| o.log_buffer_bytes = 65_536).reconcile(async |run| {
            for _ in 0..20_000 {
                run.logger().write_blocking("x".repeat(1_000));
            }
            Ok(DriverResult::success("done"))
        });
        let options = ManagerOptions { signals: false, ..ManagerOptions::default() };
        let manager = DriverManager::new(options).stream(stage.stream.clone()).driver(driver);
        let _running = manager.start().await.unwrap();
        stage.post("app").await;
        stage.result().await;
    });
}

/// `write_blocking` waits for ever for a sender whose connection lives on the thread it blocks.
#[test]
fn a_synchronous_burst_of_lines_ends_on_a_given_connection_of_one_thread() {
    in_real_time(1, Duration::from_secs(30), || async {
        let stage = Stage::on_nats().await;
        let driver = stage.driver_with(|o| o.log_buffer_bytes = 65_536).reconcile(async |run| {
            for _ in 0..200 {
                run.logger().write_blocking("x".repeat(1_000));
            }
            Ok(DriverResult::success("done"))
        });
        let _running = stage.start(driver).await;
        stage.post("app").await;
        stage.result().await;
    });
}

/// A log kept beyond its manager takes lines nobody sends, then blocks its writer for ever.
#[tokio::test(start_paused = true)]
async fn a_log_that_outlives_its_manager_does_not_hold_its_writer() {
    let stage = Stage::on_memory().await;
    let kept: Arc<Mutex<Option<RunLog>>> = Arc::default();
    let keeps = kept.clone();
    let driver = stage.driver_with(|o| o.log_buffer_bytes = 65_536).reconcile(move |run| {
        *keeps.lock().unwrap() = Some(run.logger().clone());
        async { Ok(DriverResult::success("done")) }
    });
    let running = stage.start(driver).await;
    stage.post("app").await;
    stage.result().await;
    running.drain().await.unwrap();
    let log = kept.lock().unwrap().take().unwrap();
    let writes = async {
        for _ in 0..1_000 {
            log.write("x".repeat(1_000)).await;
        }
        log.flush().await;
    };
    assert!(timeout(Duration::from_secs(600), writes).await.is_ok(), "the writer waits for ever");
}

/// Labels and escapes are not counted: the bounded log buffer holds many times its bytes.
#[tokio::test(start_paused = true)]
async fn labels_count_towards_the_log_buffer() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let written = Arc::new(AtomicUsize::new(0));
    let counts = written.clone();
    let driver = stage.driver_with(|o| o.log_buffer_bytes = 65_536).reconcile(move |run| {
        let counts = counts.clone();
        async move {
            for _ in 0..200 {
                let dump = "x".repeat(100_000);
                counts.fetch_add(dump.len(), Ordering::AcqRel);
                run.log(LogLine::from("a line").label("dump", dump)).await;
            }
            Ok(DriverResult::success("done"))
        }
    });
    let running = stage.start(driver).await;
    memory.fail_publishes("logs.>", usize::MAX);
    stage.post("app").await;
    sleep(Duration::from_secs(5)).await;
    let waiting = written.load(Ordering::Acquire);
    running.stop_handle().end_now();
    assert!(waiting < 1_000_000, "{waiting} bytes wait in a buffer of 64 KiB");
}

/// Lines are lost when the server's payload limit is lower after a reconnect.
#[tokio::test(start_paused = true)]
async fn a_lower_payload_limit_loses_no_line() {
    let odd = Odd::new().await;
    let stage = odd.stage().await;
    let go_on = Arc::new(Notify::new());
    let goes = go_on.clone();
    let driver = stage.driver().reconcile(move |run| {
        let goes = goes.clone();
        async move {
            goes.notified().await;
            run.log("x".repeat(500_000)).await;
            Ok(DriverResult::success("done"))
        }
    });
    let _running = stage.start(driver).await;
    stage.post("app").await;
    odd.limit.store(100_000, Ordering::Release);
    go_on.notify_one();
    stage.result().await;
    let stored: usize = odd
        .memory
        .messages(LOGS_STREAM)
        .iter()
        .map(|line| LogEntry::decode(&line.payload).unwrap().message.len())
        .sum();
    assert_eq!(stored, 500_000);
}

/// One line above the size limit of the stream (not of the server) stops every run of its driver.
#[tokio::test(start_paused = true)]
async fn a_line_that_the_stream_refuses_for_its_size_does_not_stop_the_driver() {
    let odd = Odd::new().await;
    let stage = odd.stage().await;
    odd.stream_limit.store(100_000, Ordering::Release);
    let driver = stage.driver_with(|o| o.concurrency = 2).reconcile(async |run| {
        let long = run.resource()?.name == "long";
        run.log("x".repeat(if long { 500_000 } else { 5 })).await;
        Ok(DriverResult::success("done"))
    });
    let _running = stage.start(driver).await;
    stage.post("long").await;
    stage.post("short").await;
    sleep(Duration::from_secs(600)).await;
    assert_eq!(odd.memory.held(PIPELINES_STREAM), 2, "answered within ten minutes");
}

/// A result above the size limit of the stream (not of the server) is published again for ever.
#[tokio::test(start_paused = true)]
async fn a_result_that_the_stream_refuses_for_its_size_is_shortened() {
    let odd = Odd::new().await;
    let stage = odd.stage().await;
    odd.stream_limit.store(100_000, Ordering::Release);
    let driver = stage
        .driver()
        .reconcile(async |_| Ok(DriverResult::success("done").data("x".repeat(500_000))));
    let _running = stage.start(driver).await;
    stage.post("app").await;
    sleep(Duration::from_secs(600)).await;
    let answered = odd.memory.held(PIPELINES_STREAM)
        + odd.memory.held(conveyor_driver::subject::DEAD_LETTERS_STREAM);
    assert_eq!(answered, 1, "neither answered nor a dead letter within ten minutes");
}

// ---------------------------------------------------------------- leases

/// Reconcile is called for an event that waited for its lane while its lease was lost.
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

/// A run that ends after its lease was lost may still publish its result, beside the other instance's.
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

/// One renewal that gets no answer costs the leases of all other runs.
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

/// A second instance with a shorter ack wait takes events away from runs in flight elsewhere.
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

/// The next event of a resource starts while the abandoned run of the one before still works.
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

// ---------------------------------------------------------------- events and results

/// The acks repeated at a drain settle other events when the stream was made anew meanwhile.
#[tokio::test(start_paused = true)]
async fn a_drain_does_not_acknowledge_events_of_a_stream_made_anew() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let driver = stage.driver().reconcile(async |run| {
        if run.resource()?.name == "long" {
            run.cancellation().cancelled().await;
            run.check_cancelled()?;
        }
        Ok(DriverResult::success("done"))
    });
    let running = stage.start(driver).await;
    stage.post("short").await;
    stage.result().await;
    memory.delete_stream(MESSAGES_STREAM);
    let [messages, ..] = StreamConfig::of_control_plane();
    memory.put_stream(&messages).await.unwrap();
    sleep(Duration::from_secs(60)).await;
    stage.post("long").await;
    sleep(Duration::from_secs(1)).await;
    let report = running.drain().await.unwrap();
    assert_eq!(report.drivers[0].given_back, 1);
    assert_eq!(memory.held(MESSAGES_STREAM), 1, "what was given back is gone");
}

/// A run that outlives its stream acknowledges another event of the same number in the new stream.
#[tokio::test(start_paused = true)]
async fn a_run_of_a_stream_made_anew_meanwhile_settles_no_event_of_the_new_one() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let go_on = Arc::new(Notify::new());
    let goes = go_on.clone();
    let driver = stage.driver_with(|o| o.concurrency = 2).reconcile(move |run| {
        let goes = goes.clone();
        async move {
            if run.resource()?.name == "old" {
                goes.notified().await;
            } else if run.attempt() == 1 {
                return Err(Failure::retry("not yet").after(Duration::from_secs(60)));
            }
            Ok(DriverResult::success(run.resource()?.name.clone()))
        }
    });
    let _running = stage.start(driver).await;
    stage.post("old").await;
    sleep(Duration::from_secs(1)).await;
    memory.delete_stream(MESSAGES_STREAM);
    let [messages, ..] = StreamConfig::of_control_plane();
    memory.put_stream(&messages).await.unwrap();
    sleep(Duration::from_secs(10)).await;
    stage.post("new").await;
    sleep(Duration::from_secs(5)).await;
    go_on.notify_one();
    sleep(Duration::from_secs(600)).await;
    let stored = memory.messages(PIPELINES_STREAM);
    let names: Vec<_> =
        stored.iter().map(|r| ResultEvent::decode(&r.payload).unwrap().result.message).collect();
    assert!(names.contains(&"new".to_owned()), "the new event is lost: {names:?}");
}

/// The same on a real server that lost its disk.
#[test]
fn a_drain_does_not_acknowledge_events_of_a_server_that_lost_its_disk() {
    in_real_time(2, Duration::from_secs(90), || async {
        let mut server = NatsServer::start().await.unwrap();
        let make_streams = async |stream: &dyn EventStream| {
            for config in StreamConfig::of_control_plane() {
                stream.put_stream(&config).await.unwrap();
            }
        };
        let stream = connect(&server.url()).await;
        make_streams(&*stream).await;
        let stage = Stage::on(stream, None).await;
        let long = Arc::new(Notify::new());
        let says = long.clone();
        let driver = stage.driver().reconcile(move |run| {
            let says = says.clone();
            async move {
                if run.resource()?.name == "long" {
                    says.notify_one();
                    run.cancellation().cancelled().await;
                    run.check_cancelled()?;
                }
                Ok(DriverResult::success("done"))
            }
        });
        let mut options = ManagerOptions { signals: false, ..ManagerOptions::default() };
        options.connection.url = Some(server.url());
        options.shutdown_grace_ms = 100;
        let running = DriverManager::new(options).driver(driver).start().await.unwrap();
        stage.post("short").await;
        stage.result().await;
        stage.all_settled().await;
        server.kill();
        let disk = server.store().join("jetstream");
        assert!(disk.exists(), "the server keeps its streams there");
        std::fs::remove_dir_all(disk).unwrap();
        server.restart().await.unwrap();
        stage.stream.ready().await;
        make_streams(&*stage.stream).await;
        eventually("the consumer is made again", async || {
            stage.stream.consumer(MESSAGES_STREAM, &stage.driver).await.ok().flatten().map(drop)
        })
        .await;
        stage.post("long").await;
        timeout(Duration::from_secs(20), long.notified()).await.unwrap();
        let report = running.drain().await.unwrap();
        assert_eq!(report.drivers[0].given_back, 1);
        let info = stage.consumer().await;
        assert_eq!(info.pending + info.ack_pending, 1, "what was given back is gone");
    });
}

/// The second of two results is swallowed as a duplicate when the stream of events was made anew.
#[tokio::test(start_paused = true)]
async fn a_result_is_stored_also_when_the_stream_of_events_was_made_anew() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let driver = stage.driver().reconcile(async |_| Ok(DriverResult::success("done")));
    let _running = stage.start(driver).await;
    let post = async |run: &str| {
        let message = DriverMessage::new("create", &stage.resource("app"), "", run.into());
        stage.publish(&subject::resource(&stage.resource), message.encode()).await;
    };
    post("run-1").await;
    stage.result().await;
    memory.delete_stream(MESSAGES_STREAM);
    let [messages, ..] = StreamConfig::of_control_plane();
    memory.put_stream(&messages).await.unwrap();
    sleep(Duration::from_secs(30)).await;
    post("run-2").await;
    sleep(Duration::from_secs(30)).await;
    let stored = memory.messages(PIPELINES_STREAM);
    let runs: Vec<_> =
        stored.iter().map(|r| ResultEvent::decode(&r.payload).unwrap().run_id).collect();
    assert_eq!(runs, [RunId::from("run-1"), RunId::from("run-2")]);
}

/// An instance that makes sure of its consumer narrows it again, and a newer one loses its events.
#[tokio::test(start_paused = true)]
async fn making_sure_of_the_consumer_drops_no_events_of_a_newer_instance() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let older = stage.driver().reconcile(async |_| Ok(DriverResult::success("older")));
    let _older = stage.start(older).await;
    let further = unique_name("further");
    let newer = || {
        let further = further.clone();
        stage
            .driver_with(move |o| o.resources.push(further))
            .reconcile(async |_| Ok(DriverResult::success("newer")))
    };
    let newer_running = stage.start(newer()).await;
    newer_running.drain().await.unwrap();
    let wide = stage.consumer().await.config;
    // The consumer is lost and made again as the newer instances want it; one of them restarts.
    memory.delete_consumer(MESSAGES_STREAM, &stage.driver).await.unwrap();
    memory.put_consumer(MESSAGES_STREAM, &wide).await.unwrap();
    let resource = Resource { resource: further.clone(), ..stage.resource("app") };
    stage.post_event("create", &resource, subject::resource(&further)).await;
    sleep(Duration::from_secs(60)).await;
    assert_eq!(stage.consumer().await.config.filters.len(), 4, "the consumer was narrowed");
}

/// An event that was given back before it started is failed unrun by the next instance.
#[tokio::test(start_paused = true)]
async fn what_was_given_back_unstarted_is_run_also_with_one_attempt() {
    let stage = Stage::on_memory().await;
    let go_on = Arc::new(Notify::new());
    let goes = go_on.clone();
    let once = |o: &mut conveyor_driver::options::DriverOptions| {
        o.max_attempts = 1;
        o.concurrency = 2;
    };
    let first = stage.driver_with(once).reconcile(move |_| {
        let goes = goes.clone();
        async move {
            goes.notified().await;
            Ok(DriverResult::success("first"))
        }
    });
    let running = stage.start(first).await;
    stage.post("the-same").await;
    stage.post("the-same").await;
    eventually("both are taken", async || (stage.consumer().await.ack_pending == 2).then_some(()))
        .await;
    running.stop_handle().drain();
    sleep(Duration::from_secs(1)).await;
    let second = stage.driver_with(once).reconcile(async |_| Ok(DriverResult::success("second")));
    let _second = stage.start(second).await;
    let result = stage.result().await.result;
    assert!(result.success, "given back unstarted, then: {}", result.message);
    go_on.notify_one();
}

/// A retry after a delay that is too long for the clock takes the whole driver down.
#[tokio::test(start_paused = true)]
async fn a_retry_in_the_far_future_leaves_the_driver_alive() {
    let stage = Stage::on_memory().await;
    let driver = stage.driver().reconcile(async |run| {
        if run.resource()?.name == "never" {
            return Err(Failure::retry("never").after(Duration::MAX));
        }
        Ok(DriverResult::success("done"))
    });
    let _running = stage.start(driver).await;
    stage.post("never").await;
    sleep(Duration::from_secs(1)).await;
    stage.post("app").await;
    sleep(Duration::from_secs(60)).await;
    let results = stage.memory.as_ref().unwrap().messages(PIPELINES_STREAM);
    assert_eq!(results.len(), 1, "the driver is dead");
}

/// On the real server a delay beyond its numbers means none, and all attempts are used up at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_in_the_far_future_is_not_at_once() {
    let stage = Stage::on_nats().await;
    let calls = Arc::new(AtomicU32::new(0));
    let counts = calls.clone();
    let driver = stage.driver().reconcile(move |_| {
        counts.fetch_add(1, Ordering::AcqRel);
        async { Err(Failure::retry("never").after(Duration::MAX)) }
    });
    let _running = stage.start(driver).await;
    stage.post("app").await;
    sleep(Duration::from_secs(3)).await;
    assert_eq!(calls.load(Ordering::Acquire), 1);
}

/// Events are answered with a failure because the runtime that reconcile ran on was shut down.
#[test]
fn a_runtime_that_was_shut_down_fails_no_event() {
    in_real_time(2, Duration::from_secs(60), || async {
        let stage = Stage::on_memory().await;
        let memory = stage.memory.clone().unwrap();
        let driver = stage.driver().reconcile(async |_| Ok(DriverResult::success("done")));
        let options = ManagerOptions { signals: false, ..ManagerOptions::default() };
        let manager = DriverManager::new(options).stream(stage.stream.clone()).driver(driver);
        let (give, take) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap();
            let running = runtime.block_on(manager.start()).unwrap();
            runtime.shutdown_background();
            give.send(running).unwrap();
        });
        let _running = take.await.unwrap();
        stage.post("app").await;
        sleep(Duration::from_secs(3)).await;
        assert_eq!(memory.held(PIPELINES_STREAM), 0, "answered without a run");
    });
}

/// A run id longer than a subject may be disconnects the whole process again and again.
#[test]
fn a_run_id_of_many_bytes_takes_no_other_event_down() {
    in_real_time(2, Duration::from_secs(60), || async {
        let server = NatsServer::start().await.unwrap();
        let stream = connect(&server.url()).await;
        for config in StreamConfig::of_control_plane() {
            stream.put_stream(&config).await.unwrap();
        }
        let stage = Stage::on(stream, None).await;
        let driver = stage.driver_with(|o| o.concurrency = 4).reconcile(async |run| {
            run.log("hello").await;
            Ok(DriverResult::success("done"))
        });
        let mut options = ManagerOptions { signals: false, ..ManagerOptions::default() };
        options.connection.url = Some(server.url());
        let _running = DriverManager::new(options).driver(driver).start().await.unwrap();
        let message =
            DriverMessage::new("create", &stage.resource("long"), "id", "r".repeat(6_000).into());
        stage.publish(&subject::resource(&stage.resource), message.encode()).await;
        sleep(Duration::from_secs(1)).await;
        let run = stage.post("app").await;
        let answered =
            timeout(Duration::from_secs(15), async { while stage.result().await.run_id != run {} })
                .await;
        assert!(answered.is_ok(), "another event is not answered within 15 s");
    });
}

// ---------------------------------------------------------------- many drivers, and what is reported

/// A driver whose consumer cannot be had yet keeps all others of its process from starting.
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

/// When every pull fails at once, the back-off starts anew each time: the server is asked ten times a second.
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

/// A fault within one driver's worker goes unnoticed until the end, and then costs the other's report.
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

/// A manager whose stream was closed beneath it ends as if it had been asked to.
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

/// The reports of drivers that could not start come first, not in the order they were added.
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

/// A common filter of the subscriber keeps all tracing lines out of the run's log, silently.
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

// ---------------------------------------------------------------- what must hold, and does

/// Limits of what may be asked for.
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

/// The same on the real server.
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

/// A start that is given up leaves nothing behind that pulls.
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

// ---------------------------------------------------------------- a stream with faults of its own

/// The embedded stream with faults that it cannot be told.
#[derive(Clone, Debug)]
struct Odd {
    memory: MemoryStream,
    limit: Arc<AtomicUsize>,
    /// What the streams take, which may be less than what the server takes.
    stream_limit: Arc<AtomicUsize>,
    /// Pulls fail at once and always, although the consumer is fine.
    bad_pulls: Arc<AtomicBool>,
    consumer_looks: Arc<AtomicUsize>,
    /// Settling a delivery of this consumer panics.
    panics_for: Arc<Mutex<Option<String>>>,
    /// The first delivery that is renewed never gets an answer.
    first_token_hangs: Arc<AtomicBool>,
    hanging: Arc<Mutex<Option<AckToken>>>,
    /// The consumer of this name is unavailable.
    no_consumer: Arc<Mutex<Option<String>>>,
}

impl Odd {
    async fn new() -> Self {
        let memory = MemoryStream::new();
        for config in StreamConfig::of_control_plane() {
            memory.put_stream(&config).await.unwrap();
        }
        Self {
            memory,
            limit: Arc::new(AtomicUsize::new(1_048_576)),
            stream_limit: Arc::new(AtomicUsize::new(1_048_576)),
            bad_pulls: Arc::default(),
            consumer_looks: Arc::default(),
            panics_for: Arc::default(),
            first_token_hangs: Arc::default(),
            hanging: Arc::default(),
            no_consumer: Arc::default(),
        }
    }

    async fn stage(&self) -> Stage {
        Stage::on(Arc::new(self.clone()), Some(self.memory.clone())).await
    }

    fn too_large(&self, message: &Message) -> Result<(), Error> {
        if message.wire_bytes() > self.limit.load(Ordering::Acquire) {
            return Err(Error::new(ErrorCode::TooLarge, "too large"));
        }
        Ok(())
    }
}

#[derive(Debug)]
struct BadPull;

#[async_trait]
impl Pull for BadPull {
    fn request(&mut self, _more: usize) {}
    async fn next(&mut self) -> Result<Vec<conveyor_driver::stream::Delivery>, Error> {
        tokio::task::yield_now().await;
        Err(Error::new(ErrorCode::Conflict, "Exceeded MaxRequestBatch of 1"))
    }
    async fn stop(&mut self) -> Vec<conveyor_driver::stream::Delivery> {
        Vec::new()
    }
}

#[async_trait]
impl EventStream for Odd {
    async fn put_stream(&self, config: &StreamConfig) -> Result<(), Error> {
        self.memory.put_stream(config).await
    }
    async fn stream(&self, name: &str) -> Result<Option<StreamConfig>, Error> {
        EventStream::stream(&self.memory, name).await
    }
    async fn put_consumer(&self, s: &str, config: &ConsumerConfig) -> Result<ConsumerInfo, Error> {
        self.memory.put_consumer(s, config).await
    }
    async fn consumer(&self, stream: &str, name: &str) -> Result<Option<ConsumerInfo>, Error> {
        if self.no_consumer.lock().unwrap().as_deref() == Some(name) {
            return Err(Error::new(ErrorCode::Unavailable, "no leader"));
        }
        self.consumer_looks.fetch_add(1, Ordering::AcqRel);
        self.memory.consumer(stream, name).await
    }
    async fn delete_consumer(&self, stream: &str, name: &str) -> Result<(), Error> {
        self.memory.delete_consumer(stream, name).await
    }
    async fn pull(&self, stream: &str, consumer: &str) -> Result<Box<dyn Pull>, Error> {
        if self.bad_pulls.load(Ordering::Acquire) {
            return Ok(Box::new(BadPull));
        }
        self.memory.pull(stream, consumer).await
    }
    async fn publish(&self, message: Message) -> Result<Receipt, Error> {
        self.too_large(&message)?;
        if message.wire_bytes() > self.stream_limit.load(Ordering::Acquire) {
            let refused = Error::new(ErrorCode::TooLarge, "message size exceeds maximum allowed");
            return Ok(Receipt::new(std::future::ready(Err(refused))));
        }
        self.memory.publish(message).await
    }
    async fn send(&self, message: Message) -> Result<(), Error> {
        self.too_large(&message)?;
        self.memory.send(message).await
    }
    async fn subscribe(&self, subject: &str) -> Result<BoxStream<'static, Message>, Error> {
        self.memory.subscribe(subject).await
    }
    async fn settle(&self, token: &AckToken, settlement: Settlement) -> Result<(), Error> {
        let panics_for = self.panics_for.lock().unwrap().clone();
        if panics_for.is_some_and(|name| format!("{token:?}").contains(&format!(".{name}."))) {
            panic!("a fault within the runtime");
        }
        self.memory.settle(token, settlement).await
    }
    async fn settle_confirmed(&self, t: &AckToken, settlement: Settlement) -> Result<(), Error> {
        if settlement == Settlement::InProgress && self.first_token_hangs.load(Ordering::Acquire) {
            let hangs = {
                let mut hanging = self.hanging.lock().unwrap();
                *hanging.get_or_insert_with(|| t.clone()) == *t
            };
            if hangs {
                std::future::pending::<()>().await;
            }
        }
        self.memory.settle_confirmed(t, settlement).await
    }
    async fn ready(&self) {
        self.memory.ready().await;
    }
    async fn flush(&self) -> Result<(), Error> {
        self.memory.flush().await
    }
    fn max_payload(&self) -> usize {
        self.limit.load(Ordering::Acquire)
    }
    async fn close(&self) {
        self.memory.close().await;
    }
}

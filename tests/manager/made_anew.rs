//! Streams that are lost and made anew, and other things that a long life brings.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use conveyor_driver::message::{DriverMessage, Resource, ResultEvent};
use conveyor_driver::options::ManagerOptions;
use conveyor_driver::stream::{EventStream, StreamConfig};
use conveyor_driver::subject::{self, MESSAGES_STREAM, PIPELINES_STREAM};
use conveyor_driver::{DriverManager, DriverResult, Failure, RunId};
use conveyor_driver_cli::nats_server::NatsServer;
use conveyor_driver_tests::{Stage, connect, eventually, in_real_time, unique_name};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

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

#[tokio::test(start_paused = true)]
async fn an_event_that_an_older_instance_leaves_waits_for_the_newer_one_while_it_is_busy() {
    let stage = Stage::on_memory().await;
    let older = stage.driver().reconcile(async |_| Ok(DriverResult::success("older")));
    let _older = stage.start(older).await;
    let further = unique_name("further");
    let also = further.clone();
    let began = Arc::new(Notify::new());
    let begins = began.clone();
    let newer = stage.driver_with(move |o| o.resources.push(also)).reconcile(move |run| {
        let begins = begins.clone();
        async move {
            if run.resource()?.name == "long" {
                begins.notify_one();
                sleep(Duration::from_secs(20)).await;
            }
            Ok(DriverResult::success("newer"))
        }
    });
    let _newer = stage.start(newer).await;
    let post = async |name: &str| {
        let resource = Resource { resource: further.clone(), ..stage.resource(name) };
        stage.post_event("create", &resource, subject::resource(&further)).await
    };
    post("long").await;
    began.notified().await;
    post("next").await;
    for _ in 0..2 {
        let result = stage.result().await.result;
        assert_eq!((result.success, &*result.message), (true, "newer"));
    }
}

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

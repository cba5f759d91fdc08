//! What the library itself says reaches a host through its queue, and holds nobody up. A process has one
//! global subscriber: one test installs it, and is the only one to hear of it by its queue.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use conveyor_driver::host::{LibraryLog, LibraryLogs, RunQueue};
use conveyor_driver::{DriverResult, ErrorCode, Level};
use conveyor_driver_cli::nats_server::NatsServer;
use conveyor_driver_tests::{Stage, connect, eventually};
use tracing::subscriber::with_default;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::{Layer, registry};

fn keeping(logs: &LibraryLogs, level: Level, say: impl FnOnce()) {
    with_default(registry().with(logs.layer(level)), say);
}

fn texts(records: &[LibraryLog]) -> Vec<&str> {
    records.iter().map(|record| record.message.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_a_manager_says_wakes_its_host() {
    let stage = Stage::on_memory().await;
    let logs = LibraryLogs::new(100);
    let queue = RunQueue::with_descriptor().unwrap();
    queue.attach_library_logs(&logs).unwrap();
    let _guard = tracing::subscriber::set_default(registry().with(logs.layer(Level::Info)));
    let running = stage.start(stage.driver().queue(&queue)).await;
    stage.post("app").await;
    let mut run = None;
    while run.is_none() {
        queue.ready().await;
        run = queue.take_one();
        let _started = queue.take_library_logs(100);
    }
    let done = DriverResult::success("done");
    run.unwrap().complete(conveyor_driver::host::Outcome::Ended(Ok(done))).unwrap();
    running.drain().await.unwrap();
    queue.ready().await;
    let said = queue.take_library_logs(100);
    let last = said.last().unwrap();
    assert_eq!((last.level, last.target.starts_with("conveyor_driver")), (Level::Info, true));
    assert!(last.unix_nanos > 0 && !last.message.is_empty());
    let draining = said.iter().find(|record| record.fields.contains_key("driver")).unwrap();
    assert_eq!(draining.fields["driver"], stage.driver.as_str());
    assert!(queue.take_library_logs(100).is_empty());
}

#[test]
fn what_is_below_the_level_is_not_kept() {
    let logs = LibraryLogs::new(100);
    let queue = RunQueue::new();
    keeping(&logs, Level::Warning, || {
        tracing::info!("info");
        tracing::warn!(free_bytes = 7, "warning");
        tracing::error!("error");
    });
    queue.attach_library_logs(&logs).unwrap();
    assert!(queue.wait(std::time::Duration::ZERO), "what was said before is there");
    let said = queue.take_library_logs(100);
    assert_eq!(texts(&said), ["warning", "error"]);
    assert_eq!((said[0].level, &said[0].fields["free_bytes"]), (Level::Warning, &7.into()));
    let refused = queue.attach_library_logs(&logs).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Closed);
}

#[test]
fn other_libraries_are_heard_from_warnings_on() {
    let say = || {
        tracing::debug!(target: "conveyor_driver::manager", "own debug");
        tracing::info!(target: "conveyor_driver", "own info");
        tracing::debug!(target: "async_nats", "debug");
        tracing::info!(target: "async_nats::connector", "info");
        tracing::warn!(target: "async_nats", "warning");
        tracing::error!(target: "async_nats", "error");
    };
    for (level, kept) in [
        (Level::Debug, &["own debug", "own info", "warning", "error"][..]),
        (Level::Info, &["own info", "warning", "error"]),
        (Level::Warning, &["warning", "error"]),
        (Level::Error, &["error"]),
    ] {
        let logs = LibraryLogs::new(100);
        let queue = RunQueue::new();
        queue.attach_library_logs(&logs).unwrap();
        keeping(&logs, level, say);
        assert_eq!(texts(&queue.take_library_logs(100)), kept, "{level:?}");
    }
}

/// Counts what the connection's library says.
struct Witness(Arc<AtomicU32>);

impl<S: Subscriber> Layer<S> for Witness {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target().starts_with("async_nats") {
            self.0.fetch_add(1, Ordering::AcqRel);
        }
    }
}

#[tokio::test]
async fn a_lost_connection_is_told_of_in_the_runtimes_own_words() {
    let (logs, spoke) = (LibraryLogs::new(100), Arc::new(AtomicU32::new(0)));
    let queue = RunQueue::new();
    queue.attach_library_logs(&logs).unwrap();
    let both = registry().with(logs.layer(Level::Info)).with(Witness(spoke.clone()));
    let _guard = tracing::subscriber::set_default(both);
    let mut server = NatsServer::start().await.expect("this test needs a nats-server");
    let _stream = connect(&server.url()).await;
    server.kill();
    let mut said = Vec::new();
    eventually("both have spoken", async || {
        said.extend(queue.take_library_logs(100));
        let own = said.iter().any(|record| record.target.starts_with("conveyor_driver"));
        (own && spoke.load(Ordering::Acquire) > 0).then_some(())
    })
    .await;
    let foreign = |record: &&LibraryLog| !record.target.starts_with("conveyor_driver");
    let chatter = said.iter().filter(foreign).find(|record| record.level < Level::Warning);
    assert_eq!(chatter, None);
}

#[test]
fn records_beyond_the_room_are_counted_and_the_count_is_a_record() {
    let logs = LibraryLogs::new(3);
    let queue = RunQueue::new();
    queue.attach_library_logs(&logs).unwrap();
    keeping(&logs, Level::Debug, || (0..10).for_each(|n| tracing::warn!("{n}")));
    assert_eq!(texts(&queue.take_library_logs(2)), ["0", "1"]);
    let rest = queue.take_library_logs(100);
    assert_eq!(rest.len(), 2);
    assert_eq!((rest[0].message.as_str(), rest[1].level), ("2", Level::Warning));
    assert_eq!(rest[1].fields["dropped"], 7);
    assert!(!queue.wait(std::time::Duration::ZERO));
}

#[test]
fn a_host_that_speaks_while_it_is_woken_is_not_woken_by_that() {
    let wakes = Arc::new(AtomicU32::new(0));
    let queue = RunQueue::waking({
        let wakes = wakes.clone();
        move || {
            wakes.fetch_add(1, Ordering::AcqRel);
            tracing::error!("woken");
        }
    });
    let logs = LibraryLogs::new(1_000);
    queue.attach_library_logs(&logs).unwrap();
    logs.install(Level::Warning).unwrap();
    assert_eq!(logs.install(Level::Warning).unwrap_err().code(), ErrorCode::Conflict);
    (0..3).for_each(|n| tracing::warn!("{n}"));
    tracing::info!("below the level");
    let said = queue.take_library_logs(1_000);
    // Other tests of this process may say something meanwhile.
    let ours: Vec<_> =
        said.iter().filter(|record| record.target == module_path!()).cloned().collect();
    assert_eq!(texts(&ours), ["0", "1", "2"]);
    assert_eq!(wakes.load(Ordering::Acquire), 1);
}

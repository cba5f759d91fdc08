//! What code inside a run says through `tracing` is in the run's log.

use conveyor_driver::message::Resource;
use conveyor_driver::testing::DriverTest;
use conveyor_driver::{Driver, DriverResult, RunLogLayer};
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// A binary has one global subscriber, so everything about it is in one test.
#[test]
fn events_inside_a_run_are_lines_and_those_outside_are_not() {
    tracing_subscriber::registry().with(RunLogLayer::new()).init();
    tracing::info!("outside");
    let driver = Driver::new("git").resources(["repo"]).reconcile(async |run| {
        run.log("first").await;
        tracing::warn!(free_bytes = 7, path = "/tmp", "careful");
        async { tracing::debug!("deeper") }
            .instrument(tracing::info_span!("a span of the user"))
            .await;
        let spawned = tokio::spawn(async { tracing::error!("spawned") }.in_current_span());
        spawned.await?;
        tokio::spawn(async { tracing::error!("spawned without the span") }).await?;
        run.log("last").await;
        Ok(DriverResult::success("done"))
    });
    let resource = Resource { name: "app".into(), resource: "repo".into(), ..Resource::default() };
    let outcome = DriverTest::new(driver, resource).run().unwrap();
    let lines: Vec<_> = outcome.lines().collect();
    assert_eq!(lines, ["first", "careful", "deeper", "spawned", "last"]);
    let labels = &outcome.log[1].labels;
    assert_eq!(labels["level"], "warning");
    assert_eq!(labels["free_bytes"], 7);
    assert_eq!(labels["path"], "/tmp");
    assert!(labels["target"].as_str().unwrap().contains("tracing_lines"));
    assert_eq!(outcome.log[2].labels["level"], "debug");
}

//! The durable consumer: made, verified, repaired, and not changed in a way that could lose messages.

use std::collections::BTreeMap;
use std::time::Duration;

use conveyor_driver::options::DriverOptions;
use conveyor_driver::stream::ConsumerConfig;
use conveyor_driver::subject::{self, MESSAGES_STREAM};
use conveyor_driver::{Driver, DriverResult, ErrorCode};
use conveyor_driver_tests::{Stage, eventually, on_both_streams};

on_both_streams!(
    the_consumer_is_durable_and_listens_to_both_subject_forms,
    more_resources_than_before_are_an_update,
    fewer_resources_than_before_are_a_conflict_unless_adopted,
    a_consumer_of_another_runtime_is_a_conflict_unless_adopted,
    a_short_lived_consumer_is_made_durable,
    a_deleted_consumer_is_made_again,
    two_instances_share_the_consumer,
    events_wait_for_a_driver_that_is_away,
);

fn answering(stage: &Stage, change: impl FnOnce(&mut DriverOptions)) -> Driver {
    stage.driver_with(change).reconcile(async |_| Ok(DriverResult::success("done")))
}

/// What the Go runtime makes: named, not durable, gone after five idle seconds.
fn made_by_go(stage: &Stage) -> ConsumerConfig {
    ConsumerConfig {
        name: stage.driver.clone(),
        durable: false,
        filters: subject::filters(&stage.driver, std::slice::from_ref(&stage.resource)),
        ack_wait: Duration::from_secs(30),
        max_ack_pending: 1,
        inactive_threshold: None,
        metadata: BTreeMap::new(),
    }
}

async fn the_consumer_is_durable_and_listens_to_both_subject_forms(stage: Stage) {
    let _running = stage.start(answering(&stage, |_| {})).await;
    let info = stage.consumer().await;
    assert_eq!(info.unusable, None);
    assert!(info.config.durable);
    assert_eq!(info.config.ack_wait, Duration::from_secs(30));
    assert!(info.config.max_ack_pending >= 1_000);
    let mut filters = info.config.filters;
    filters.sort();
    let mut wanted = subject::filters(&stage.driver, std::slice::from_ref(&stage.resource));
    wanted.sort();
    assert_eq!(filters, wanted);
}

async fn more_resources_than_before_are_an_update(stage: Stage) {
    stage.start(answering(&stage, |_| {})).await.drain().await.unwrap();
    let further = format!("{}-further", stage.resource);
    let both = [stage.resource.clone(), further.clone()].to_vec();
    let _running = stage.start(answering(&stage, |options| options.resources = both)).await;
    assert_eq!(stage.consumer().await.config.filters.len(), 4);
    stage.post_event("create", &stage.resource("app"), subject::resource(&further)).await;
    assert!(stage.result().await.result.success);
}

async fn fewer_resources_than_before_are_a_conflict_unless_adopted(stage: Stage) {
    let both = vec![stage.resource.clone(), format!("{}-further", stage.resource)];
    stage.start(answering(&stage, |options| options.resources = both)).await.drain().await.unwrap();
    let refused = stage.manager().driver(answering(&stage, |_| {})).start().await;
    assert_eq!(refused.unwrap_err().code(), ErrorCode::Conflict);
    assert_eq!(stage.consumer().await.config.filters.len(), 4);
    let _running = stage.start(answering(&stage, |options| options.adopt = true)).await;
    assert_eq!(stage.consumer().await.config.filters.len(), 2);
}

async fn a_consumer_of_another_runtime_is_a_conflict_unless_adopted(stage: Stage) {
    let go = made_by_go(&stage);
    stage.stream.put_consumer(MESSAGES_STREAM, &go).await.unwrap();
    let refused = stage.manager().driver(answering(&stage, |_| {})).run().await;
    assert_eq!(refused.unwrap_err().code(), ErrorCode::Conflict);
    stage.post("app").await;
    let _running = stage.start(answering(&stage, |options| options.adopt = true)).await;
    assert!(stage.result().await.result.success);
}

async fn a_short_lived_consumer_is_made_durable(stage: Stage) {
    stage.stream.put_consumer(MESSAGES_STREAM, &made_by_go(&stage)).await.unwrap();
    let _running = stage.start(answering(&stage, |options| options.adopt = true)).await;
    let config = stage.consumer().await.config;
    assert!(config.durable);
    assert!(config.inactive_threshold.is_none_or(|limit| limit > Duration::from_secs(86_400)));
    assert!(config.max_ack_pending >= 1_000);
}

async fn a_deleted_consumer_is_made_again(stage: Stage) {
    let _running = stage.start(answering(&stage, |_| {})).await;
    stage.stream.delete_consumer(MESSAGES_STREAM, &stage.driver).await.unwrap();
    eventually("the consumer is back", async || {
        stage.stream.consumer(MESSAGES_STREAM, &stage.driver).await.unwrap().map(|_| ())
    })
    .await;
    stage.post("app").await;
    assert!(stage.result().await.result.success);
}

async fn two_instances_share_the_consumer(stage: Stage) {
    let first = stage.start(answering(&stage, |_| {})).await;
    let second = stage.start(answering(&stage, |_| {})).await;
    for n in 0..20 {
        stage.post(&format!("app-{n}")).await;
    }
    for _ in 0..20 {
        stage.result().await;
    }
    stage.all_settled().await;
    let first = first.drain().await.unwrap().drivers[0].succeeded;
    let second = second.drain().await.unwrap().drivers[0].succeeded;
    assert_eq!(first + second, 20);
}

async fn events_wait_for_a_driver_that_is_away(stage: Stage) {
    stage.start(answering(&stage, |_| {})).await.drain().await.unwrap();
    stage.post("app").await;
    let _running = stage.start(answering(&stage, |_| {})).await;
    assert!(stage.result().await.result.success);
}

//! Pulls: how many deliveries come, to whom, and when they end.

use std::collections::BTreeSet;
use std::time::Duration;

use conveyor_driver::stream::{Retention, Settlement, SharedStream};
use conveyor_driver::{ErrorCode, Result};
use tokio::time::timeout;

use crate::scene::{DEADLINE, Scene, code, eventually, sequences, stays_silent, take};

behaviours! {
    a_pull_gets_what_it_asked_for_and_no_more
    a_pull_that_asked_for_nothing_gets_nothing
    a_waiting_pull_is_woken_by_a_publish
    messages_come_in_the_order_of_the_stream
    pulls_share_their_consumer
    dropping_a_wait_loses_nothing
    a_stopped_pull_leaves_the_rest_to_others
    a_dropped_pull_leaves_the_rest_to_others
    a_pull_without_a_consumer_says_so
    a_waiting_pull_learns_that_its_consumer_is_gone
    thousands_of_messages_are_drained
}

/// Long enough for a message to come that should not.
const A_WHILE: Duration = Duration::from_millis(300);

async fn a_pull_gets_what_it_asked_for_and_no_more(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    let mut config = scene.config("c", &[]);
    config.ack_wait = Duration::from_secs(600);
    scene.put(&config).await?;
    scene.publish_many("a", 6).await?;
    let mut pull = scene.pull("c", 2).await?;
    pull.request(1);
    assert_eq!(sequences(&take(&mut *pull, 3).await?), [1, 2, 3]);
    stays_silent(&mut *pull, A_WHILE).await;
    assert_eq!(scene.info("c").await?.ack_pending, 3);
    pull.request(1);
    assert_eq!(sequences(&take(&mut *pull, 1).await?), [4]);
    Ok(())
}

async fn a_pull_that_asked_for_nothing_gets_nothing(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("c", &[]).await?;
    scene.publish("a", "x").await?;
    let mut pull = scene.stream.pull(&scene.name, "c").await?;
    stays_silent(&mut *pull, A_WHILE).await;
    assert_eq!(scene.info("c").await?.pending, 1);
    Ok(())
}

async fn a_waiting_pull_is_woken_by_a_publish(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("c", &[]).await?;
    let mut pull = scene.pull("c", 1).await?;
    let (taken, stored) = tokio::join!(take(&mut *pull, 1), scene.publish("a", "x"));
    assert_eq!(sequences(&taken?), [stored?.sequence]);
    Ok(())
}

async fn messages_come_in_the_order_of_the_stream(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("c", &["a", "b"]).await?;
    for subject in ["b", "a", "x", "a", "b"] {
        scene.publish(subject, "x").await?;
    }
    assert_eq!(sequences(&scene.take("c", 4).await?), [1, 2, 4, 5]);
    Ok(())
}

async fn pulls_share_their_consumer(stream: SharedStream) -> Result<()> {
    const EACH: usize = 10;
    let scene = Scene::new(stream, Retention::Interest).await?;
    let mut config = scene.config("c", &[]);
    config.ack_wait = Duration::from_secs(600);
    scene.put(&config).await?;
    let mut one = scene.pull("c", EACH).await?;
    let mut two = scene.pull("c", EACH).await?;
    let (one, two, published) = tokio::join!(
        take(&mut *one, EACH),
        take(&mut *two, EACH),
        scene.publish_many("a", 2 * EACH)
    );
    published?;
    let all: BTreeSet<u64> = sequences(&one?).into_iter().chain(sequences(&two?)).collect();
    assert!(all.into_iter().eq(1..=2 * EACH as u64));
    Ok(())
}

async fn dropping_a_wait_loses_nothing(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    let mut config = scene.config("c", &[]);
    config.ack_wait = Duration::from_secs(600);
    scene.put(&config).await?;
    let mut pull = scene.pull("c", 20).await?;
    let mut taken = Vec::new();
    for _ in 0..20 {
        // As short as can be, so that a message may come at any point of the wait.
        if let Ok(more) = timeout(Duration::from_micros(10), pull.next()).await {
            taken.extend(more?);
        }
        scene.publish("a", "x").await?;
    }
    taken.extend(take(&mut *pull, 20 - taken.len()).await?);
    assert!(sequences(&taken).into_iter().eq(1..=20));
    Ok(())
}

async fn a_stopped_pull_leaves_the_rest_to_others(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("c", &[]).await?;
    let mut stopped = scene.pull("c", 5).await?;
    stays_silent(&mut *stopped, A_WHILE).await;
    scene.publish("a", "x").await?;
    for delivery in stopped.stop().await {
        scene.settle(&delivery, Settlement::Nak(Duration::ZERO)).await?;
    }
    scene.publish("a", "x").await?;
    let mut all: Vec<u64> = sequences(&scene.take("c", 2).await?);
    all.sort_unstable();
    assert_eq!(all, [1, 2]);
    Ok(())
}

async fn a_dropped_pull_leaves_the_rest_to_others(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("c", &[]).await?;
    let mut dropped = scene.pull("c", 5).await?;
    stays_silent(&mut *dropped, A_WHILE).await;
    eventually(async || Ok((scene.info("c").await?.waiting == 1).then_some(()))).await?;
    drop(dropped);
    eventually(async || Ok((scene.info("c").await?.waiting == 0).then_some(()))).await?;
    scene.publish_many("a", 2).await?;
    assert_eq!(scene.take("c", 2).await?.len(), 2);
    Ok(())
}

async fn a_pull_without_a_consumer_says_so(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    let mut pull = scene.pull("c", 1).await?;
    assert_eq!(code(pull.next().await), Some(ErrorCode::NotFound));
    Ok(())
}

async fn a_waiting_pull_learns_that_its_consumer_is_gone(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("c", &[]).await?;
    let mut pull = scene.pull("c", 1).await?;
    stays_silent(&mut *pull, A_WHILE).await;
    let (next, deleted) = tokio::join!(timeout(DEADLINE, pull.next()), scene.delete("c"));
    deleted?;
    assert_eq!(next.ok().and_then(code), Some(ErrorCode::NotFound));
    Ok(())
}

async fn thousands_of_messages_are_drained(stream: SharedStream) -> Result<()> {
    const COUNT: usize = 3000;
    let scene = Scene::new(stream, Retention::WorkQueue).await?;
    let mut config = scene.config("c", &[]);
    config.ack_wait = Duration::from_secs(600);
    config.max_ack_pending = 500;
    scene.put(&config).await?;
    scene.publish_many("a", COUNT).await?;
    let mut pull = scene.pull("c", 100).await?;
    let mut taken = Vec::new();
    while taken.len() < COUNT {
        for delivery in take(&mut *pull, 1).await? {
            scene.stream.settle(&delivery.token, Settlement::Ack).await?;
            taken.push(delivery.sequence);
            pull.request(1);
        }
    }
    assert!(taken.into_iter().eq(1..=COUNT as u64));
    eventually(async || Ok((scene.info("c").await?.ack_pending == 0).then_some(()))).await
}

//! Deliveries that are made again.

use std::time::Duration;

use conveyor_driver::Result;
use conveyor_driver::stream::{Retention, Settlement, SharedStream};
use tokio::time::Instant;

use crate::scene::{ACK_WAIT, Scene, attempts, sequences, stays_silent, take};

/// What a real clock may be early or late by.
const SLACK: Duration = Duration::from_millis(100);

behaviours! {
    what_is_not_settled_comes_again_after_the_ack_wait
    a_nak_brings_it_back_at_once
    a_delayed_nak_brings_it_back_after_the_delay
    naks_come_back_in_the_order_they_were_given
    what_ran_out_comes_back_in_the_order_of_the_stream
    in_progress_starts_the_wait_anew
    a_redelivery_goes_before_what_is_new
    a_redelivery_is_not_held_up_by_the_limit
    a_naked_message_still_counts_as_unsettled
}

async fn what_is_not_settled_comes_again_after_the_ack_wait(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("c", &[]).await?;
    scene.publish("a", "x").await?;
    let mut pull = scene.pull("c", 3).await?;
    for attempt in 1..=3 {
        let start = Instant::now();
        let taken = take(&mut *pull, 1).await?;
        assert_eq!(attempts(&taken), [(1, attempt)]);
        assert_eq!(taken[0].payload, "x");
        assert!(attempt == 1 || start.elapsed() + SLACK >= ACK_WAIT);
    }
    Ok(())
}

async fn a_nak_brings_it_back_at_once(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    let mut config = scene.config("c", &[]);
    config.ack_wait = Duration::from_secs(600);
    scene.put(&config).await?;
    scene.publish("a", "x").await?;
    let mut pull = scene.pull("c", 3).await?;
    for attempt in 1..=3 {
        let taken = take(&mut *pull, 1).await?;
        assert_eq!(attempts(&taken), [(1, attempt)]);
        scene.stream.settle(&taken[0].token, Settlement::Nak(Duration::ZERO)).await?;
    }
    Ok(())
}

async fn a_delayed_nak_brings_it_back_after_the_delay(stream: SharedStream) -> Result<()> {
    const DELAY: Duration = Duration::from_millis(700);
    let scene = Scene::new(stream, Retention::Interest).await?;
    let mut config = scene.config("c", &[]);
    config.ack_wait = Duration::from_secs(600);
    scene.put(&config).await?;
    scene.publish("a", "x").await?;
    let mut pull = scene.pull("c", 2).await?;
    let taken = take(&mut *pull, 1).await?;
    let start = Instant::now();
    scene.settle(&taken[0], Settlement::Nak(DELAY)).await?;
    assert_eq!(attempts(&take(&mut *pull, 1).await?), [(1, 2)]);
    assert!(start.elapsed() + SLACK >= DELAY);
    Ok(())
}

async fn naks_come_back_in_the_order_they_were_given(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    let mut config = scene.config("c", &[]);
    config.ack_wait = Duration::from_secs(600);
    scene.put(&config).await?;
    scene.publish_many("a", 3).await?;
    let taken = scene.take("c", 3).await?;
    for i in [2, 0, 1] {
        scene.settle(&taken[i], Settlement::Nak(Duration::ZERO)).await?;
    }
    assert_eq!(attempts(&scene.take("c", 3).await?), [(3, 2), (1, 2), (2, 2)]);
    Ok(())
}

async fn what_ran_out_comes_back_in_the_order_of_the_stream(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("c", &[]).await?;
    scene.publish_many("a", 4).await?;
    let mut pull = scene.pull("c", 8).await?;
    take(&mut *pull, 4).await?;
    assert_eq!(attempts(&take(&mut *pull, 4).await?), [(1, 2), (2, 2), (3, 2), (4, 2)]);
    Ok(())
}

async fn in_progress_starts_the_wait_anew(stream: SharedStream) -> Result<()> {
    const WAIT: Duration = Duration::from_secs(2);
    let scene = Scene::new(stream, Retention::Interest).await?;
    let mut config = scene.config("c", &[]);
    config.ack_wait = WAIT;
    scene.put(&config).await?;
    scene.publish("a", "x").await?;
    let mut pull = scene.pull("c", 2).await?;
    let taken = take(&mut *pull, 1).await?;
    let mut last_sign = Instant::now();
    for _ in 0..3 {
        stays_silent(&mut *pull, WAIT * 2 / 5).await;
        last_sign = Instant::now();
        scene.settle(&taken[0], Settlement::InProgress).await?;
    }
    assert_eq!(attempts(&take(&mut *pull, 1).await?), [(1, 2)]);
    assert!(last_sign.elapsed() + SLACK >= WAIT);
    Ok(())
}

async fn a_redelivery_goes_before_what_is_new(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    let mut config = scene.config("c", &[]);
    config.ack_wait = Duration::from_secs(600);
    scene.put(&config).await?;
    scene.publish_many("a", 3).await?;
    let taken = scene.take("c", 1).await?;
    scene.settle(&taken[0], Settlement::Nak(Duration::ZERO)).await?;
    assert_eq!(sequences(&scene.take("c", 3).await?), [1, 2, 3]);
    Ok(())
}

async fn a_redelivery_is_not_held_up_by_the_limit(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    let mut config = scene.config("c", &[]);
    config.max_ack_pending = 1;
    scene.put(&config).await?;
    scene.publish_many("a", 2).await?;
    let mut pull = scene.pull("c", 3).await?;
    take(&mut *pull, 1).await?;
    let again = take(&mut *pull, 1).await?;
    assert_eq!(attempts(&again), [(1, 2)]);
    scene.ack(&again).await?;
    assert_eq!(attempts(&take(&mut *pull, 1).await?), [(2, 1)]);
    Ok(())
}

async fn a_naked_message_still_counts_as_unsettled(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    let mut config = scene.config("c", &[]);
    config.max_ack_pending = 1;
    scene.put(&config).await?;
    scene.publish_many("a", 2).await?;
    let taken = scene.take("c", 1).await?;
    scene.settle(&taken[0], Settlement::Nak(Duration::from_millis(500))).await?;
    assert_eq!(scene.info("c").await?.ack_pending, 1);
    let mut pull = scene.pull("c", 2).await?;
    let again = take(&mut *pull, 1).await?;
    assert_eq!(attempts(&again), [(1, 2)]);
    scene.ack(&again).await?;
    assert_eq!(attempts(&take(&mut *pull, 1).await?), [(2, 1)]);
    Ok(())
}

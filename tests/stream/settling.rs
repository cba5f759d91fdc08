//! Deliveries that are settled for good.

use std::time::Duration;

use conveyor_driver::stream::{Retention, Settlement, SharedStream};
use conveyor_driver::{ErrorCode, Result};

use crate::scene::{ACK_WAIT, Scene, attempts, code, eventually, sequences, stays_silent, take};

behaviours! {
    what_was_acked_does_not_come_again
    what_was_termed_does_not_come_again
    an_unconfirmed_ack_arrives_too
    a_late_ack_of_an_earlier_delivery_settles_the_message
    a_late_sign_of_life_of_an_earlier_delivery_is_accepted
    settling_twice_is_harmless
    a_nak_after_the_ack_changes_nothing
    a_settlement_nobody_hears_is_reported_when_confirmed
    the_limit_on_unsettled_deliveries_is_kept
    a_consumer_knows_nothing_of_what_another_settled
}

async fn what_was_acked_does_not_come_again(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("c", &[]).await?;
    scene.publish("a", "x").await?;
    let mut pull = scene.pull("c", 2).await?;
    scene.ack(&take(&mut *pull, 1).await?).await?;
    stays_silent(&mut *pull, ACK_WAIT * 2).await;
    Ok(())
}

async fn what_was_termed_does_not_come_again(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("c", &[]).await?;
    scene.publish("a", "x").await?;
    let mut pull = scene.pull("c", 2).await?;
    let taken = take(&mut *pull, 1).await?;
    scene.settle(&taken[0], Settlement::Term("no use".to_owned())).await?;
    stays_silent(&mut *pull, ACK_WAIT * 2).await;
    assert_eq!(scene.info("c").await?.ack_pending, 0);
    Ok(())
}

async fn an_unconfirmed_ack_arrives_too(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("c", &[]).await?;
    scene.publish("a", "x").await?;
    let taken = scene.take("c", 1).await?;
    scene.stream.settle(&taken[0].token, Settlement::Ack).await?;
    scene.stream.flush().await?;
    scene.holds(0).await
}

async fn a_late_ack_of_an_earlier_delivery_settles_the_message(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("c", &[]).await?;
    scene.publish("a", "x").await?;
    let mut pull = scene.pull("c", 3).await?;
    let stale = take(&mut *pull, 1).await?;
    assert_eq!(attempts(&take(&mut *pull, 1).await?), [(1, 2)]);
    scene.ack(&stale).await?;
    scene.holds(0).await?;
    stays_silent(&mut *pull, ACK_WAIT * 2).await;
    Ok(())
}

async fn a_late_sign_of_life_of_an_earlier_delivery_is_accepted(
    stream: SharedStream,
) -> Result<()> {
    const WAIT: Duration = Duration::from_secs(2);
    let scene = Scene::new(stream, Retention::Interest).await?;
    let mut config = scene.config("c", &[]);
    config.ack_wait = WAIT;
    scene.put(&config).await?;
    scene.publish("a", "x").await?;
    let mut pull = scene.pull("c", 3).await?;
    let stale = take(&mut *pull, 1).await?;
    take(&mut *pull, 1).await?;
    for _ in 0..3 {
        stays_silent(&mut *pull, WAIT * 2 / 5).await;
        scene.settle(&stale[0], Settlement::InProgress).await?;
    }
    assert_eq!(attempts(&take(&mut *pull, 1).await?), [(1, 3)]);
    Ok(())
}

async fn settling_twice_is_harmless(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("c", &[]).await?;
    scene.publish_many("a", 2).await?;
    let taken = scene.take("c", 1).await?;
    scene.ack(&taken).await?;
    scene.ack(&taken).await?;
    let info = scene.info("c").await?;
    assert_eq!((info.pending, info.ack_pending), (1, 0));
    Ok(())
}

async fn a_nak_after_the_ack_changes_nothing(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Limits).await?;
    scene.consumer("c", &[]).await?;
    scene.publish_many("a", 2).await?;
    let taken = scene.take("c", 1).await?;
    scene.ack(&taken).await?;
    scene.settle(&taken[0], Settlement::Nak(Duration::ZERO)).await?;
    let mut pull = scene.pull("c", 2).await?;
    assert_eq!(sequences(&take(&mut *pull, 1).await?), [2]);
    Ok(())
}

async fn a_settlement_nobody_hears_is_reported_when_confirmed(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("c", &[]).await?;
    scene.publish("a", "x").await?;
    let taken = scene.take("c", 1).await?;
    scene.delete("c").await?;
    let confirmed = scene.stream.settle_confirmed(&taken[0].token, Settlement::Ack).await;
    assert_eq!(code(confirmed), Some(ErrorCode::NotFound));
    scene.stream.settle(&taken[0].token, Settlement::Ack).await
}

async fn the_limit_on_unsettled_deliveries_is_kept(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    let mut config = scene.config("c", &[]);
    config.ack_wait = Duration::from_secs(600);
    config.max_ack_pending = 2;
    scene.put(&config).await?;
    scene.publish_many("a", 3).await?;
    let mut pull = scene.pull("c", 10).await?;
    let taken = take(&mut *pull, 2).await?;
    stays_silent(&mut *pull, Duration::from_millis(300)).await;
    scene.ack(&taken[1..]).await?;
    assert_eq!(sequences(&take(&mut *pull, 1).await?), [3]);
    Ok(())
}

async fn a_consumer_knows_nothing_of_what_another_settled(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("one", &[]).await?;
    scene.consumer("two", &["a"]).await?;
    scene.publish("a", "x").await?;
    scene.ack(&scene.take("one", 1).await?).await?;
    eventually(async || Ok((scene.info("one").await?.ack_pending == 0).then_some(()))).await?;
    assert_eq!(attempts(&scene.take("two", 1).await?), [(1, 1)]);
    Ok(())
}

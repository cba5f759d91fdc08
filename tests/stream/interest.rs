//! A stream that keeps what somebody waits for.

use conveyor_driver::Result;
use conveyor_driver::stream::{Retention, Settlement, SharedStream};

use crate::scene::{Scene, sequences};

behaviours! {
    what_nobody_wants_is_numbered_and_dropped
    what_no_filter_matches_is_dropped
    a_message_stays_until_every_consumer_has_acked
    a_term_counts_like_an_ack
    a_later_consumer_gets_what_is_held_for_others
    a_deleted_consumer_drops_what_only_it_held
    a_delivered_message_goes_with_its_consumer
    a_change_of_filters_drops_what_only_they_held
    a_change_of_filters_drops_what_was_delivered_for_them
}

async fn what_nobody_wants_is_numbered_and_dropped(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    assert_eq!(scene.publish("a", "x").await?.sequence, 1);
    assert_eq!(scene.publish("a", "x").await?.sequence, 2);
    assert_eq!(scene.held().await?, 0);
    Ok(())
}

async fn what_no_filter_matches_is_dropped(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("c", &["a", "b.*"]).await?;
    scene.publish("c", "x").await?;
    scene.publish("b", "x").await?;
    scene.publish("b.1", "x").await?;
    assert_eq!(scene.info("c").await?.pending, 1);
    scene.holds(1).await
}

async fn a_message_stays_until_every_consumer_has_acked(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("one", &["a"]).await?;
    scene.consumer("two", &["a"]).await?;
    scene.publish("a", "x").await?;
    scene.ack(&scene.take("one", 1).await?).await?;
    scene.holds(1).await?;
    scene.ack(&scene.take("two", 1).await?).await?;
    scene.holds(0).await
}

async fn a_term_counts_like_an_ack(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("c", &[]).await?;
    scene.publish("a", "x").await?;
    let taken = scene.take("c", 1).await?;
    scene.settle(&taken[0], Settlement::Term("unreadable".to_owned())).await?;
    scene.holds(0).await
}

async fn a_later_consumer_gets_what_is_held_for_others(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("early", &["a"]).await?;
    scene.publish("a", "x").await?;
    scene.publish("b", "x").await?;
    scene.publish("a", "x").await?;
    assert_eq!(scene.consumer("late", &[]).await?.pending, 2);
    assert_eq!(sequences(&scene.take("late", 2).await?), [1, 3]);
    Ok(())
}

async fn a_deleted_consumer_drops_what_only_it_held(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("one", &["a"]).await?;
    scene.consumer("two", &["a", "b"]).await?;
    scene.publish("a", "x").await?;
    scene.publish("b", "x").await?;
    scene.holds(2).await?;
    scene.delete("two").await?;
    scene.holds(1).await?;
    scene.delete("one").await?;
    scene.holds(0).await
}

async fn a_delivered_message_goes_with_its_consumer(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("c", &["a"]).await?;
    scene.publish("a", "x").await?;
    scene.take("c", 1).await?;
    scene.delete("c").await?;
    scene.holds(0).await
}

async fn a_change_of_filters_drops_what_only_they_held(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("c", &["a", "b"]).await?;
    scene.publish("a", "x").await?;
    scene.publish("b", "x").await?;
    assert_eq!(scene.consumer("c", &["b"]).await?.pending, 1);
    scene.holds(1).await?;
    assert_eq!(sequences(&scene.take("c", 1).await?), [2]);
    Ok(())
}

async fn a_change_of_filters_drops_what_was_delivered_for_them(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("c", &["a"]).await?;
    scene.publish("a", "x").await?;
    scene.take("c", 1).await?;
    scene.consumer("c", &["b"]).await?;
    scene.holds(0).await
}

//! Consumers: what the server makes of a request, and how they change.

use std::time::Duration;

use conveyor_driver::stream::{Retention, SharedStream};
use conveyor_driver::{ErrorCode, Result};

use crate::scene::{
    Scene, attempts, code, consumer_config, eventually, sequences, take, unique_name,
};

behaviours! {
    a_consumer_reads_back_as_it_was_made
    overlapping_filters_of_one_consumer_are_refused
    what_does_not_exist_is_told_apart
    wider_filters_take_what_comes_from_then_on
    another_ack_wait_applies_to_what_is_delivered_already
    a_higher_limit_lets_more_through_at_once
    a_consumer_counts_what_it_has_yet_to_do
    a_consumer_without_clients_goes_after_its_threshold
    a_durable_made_of_an_ephemeral_must_be_told_twice
}

async fn a_consumer_reads_back_as_it_was_made(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    let mut config = scene.config("c", &["a", "b.*"]);
    config.ack_wait = Duration::from_secs(7);
    config.max_ack_pending = 12;
    config.inactive_threshold = Some(Duration::from_secs(600));
    config.metadata.insert("owner".to_owned(), "suite".to_owned());
    for info in [scene.put(&config).await?, scene.info("c").await?] {
        assert_eq!(info.unusable, None);
        // The server may add words of its own.
        assert_eq!(info.config.metadata.get("owner").map(String::as_str), Some("suite"));
        let mut config = config.clone();
        config.metadata.clone_from(&info.config.metadata);
        assert_eq!(info.config, config);
    }
    Ok(())
}

async fn overlapping_filters_of_one_consumer_are_refused(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    for filters in [["a", "a"], ["a", "*"], ["a.>", "a.b"]] {
        assert_eq!(code(scene.consumer("c", &filters).await), Some(ErrorCode::Conflict));
    }
    assert_eq!(code(scene.info("c").await), Some(ErrorCode::NotFound));
    Ok(())
}

async fn what_does_not_exist_is_told_apart(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    let nowhere = unique_name();
    assert_eq!(scene.stream.consumer(&scene.name, "c").await?, None);
    assert_eq!(code(scene.stream.consumer(&nowhere, "c").await), Some(ErrorCode::NotFound));
    let made = scene.stream.put_consumer(&nowhere, &consumer_config("c", Vec::new())).await;
    assert_eq!(code(made), Some(ErrorCode::NotFound));
    scene.delete("c").await?;
    scene.stream.delete_consumer(&nowhere, "c").await
}

async fn wider_filters_take_what_comes_from_then_on(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("c", &["a"]).await?;
    scene.publish("a", "x").await?;
    scene.publish("b", "x").await?;
    let info = scene.consumer("c", &["a", "b"]).await?;
    assert_eq!((info.config.filters.len(), info.pending), (2, 1));
    scene.publish("b", "x").await?;
    assert_eq!(sequences(&scene.take("c", 2).await?), [1, 3]);
    Ok(())
}

async fn another_ack_wait_applies_to_what_is_delivered_already(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    let mut config = scene.config("c", &[]);
    config.ack_wait = Duration::from_secs(600);
    scene.put(&config).await?;
    scene.publish("a", "x").await?;
    scene.take("c", 1).await?;
    let mut waiting = scene.pull("c", 1).await?;
    config.ack_wait = Duration::from_secs(1);
    assert_eq!(scene.put(&config).await?.config.ack_wait, config.ack_wait);
    assert_eq!(attempts(&take(&mut *waiting, 1).await?), [(1, 2)]);
    Ok(())
}

async fn a_higher_limit_lets_more_through_at_once(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    let mut config = scene.config("c", &[]);
    config.ack_wait = Duration::from_secs(600);
    config.max_ack_pending = 1;
    scene.put(&config).await?;
    scene.publish_many("a", 3).await?;
    let mut pull = scene.pull("c", 10).await?;
    assert_eq!(sequences(&take(&mut *pull, 1).await?), [1]);
    config.max_ack_pending = 3;
    scene.put(&config).await?;
    assert_eq!(sequences(&take(&mut *pull, 2).await?), [2, 3]);
    Ok(())
}

async fn a_consumer_counts_what_it_has_yet_to_do(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    let mut config = scene.config("c", &[]);
    config.ack_wait = Duration::from_secs(600);
    scene.put(&config).await?;
    scene.publish_many("a", 3).await?;
    let taken = scene.take("c", 2).await?;
    let info = scene.info("c").await?;
    assert_eq!((info.pending, info.ack_pending), (1, 2));
    scene.ack(&taken).await?;
    eventually(async || Ok((scene.info("c").await?.ack_pending == 0).then_some(()))).await
}

async fn a_consumer_without_clients_goes_after_its_threshold(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    let mut config = scene.config("c", &[]);
    config.durable = false;
    config.inactive_threshold = Some(Duration::from_secs(1));
    scene.put(&config).await?;
    scene.publish("a", "x").await?;
    eventually(async || Ok(scene.stream.consumer(&scene.name, "c").await?.is_none().then_some(())))
        .await?;
    scene.holds(0).await
}

async fn a_durable_made_of_an_ephemeral_must_be_told_twice(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    let mut config = scene.config("c", &[]);
    config.durable = false;
    let limit = scene.put(&config).await?.config.inactive_threshold;
    assert_eq!(limit, Some(Duration::from_secs(5)));
    config.durable = true;
    let once = scene.put(&config).await?.config;
    assert_eq!((once.durable, once.inactive_threshold), (true, limit));
    assert_eq!(scene.put(&config).await?.config.inactive_threshold, None);
    Ok(())
}

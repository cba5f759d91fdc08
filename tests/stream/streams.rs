//! Streams, and the retentions that do not go by interest.

use conveyor_driver::stream::{Message, Retention, SharedStream, StreamConfig};
use conveyor_driver::{ErrorCode, Result};

use crate::scene::{Scene, code, eventually, sequences, unique_name};

behaviours! {
    a_stream_reads_back_as_it_was_made
    a_stream_that_does_not_exist_is_none
    a_stream_may_be_put_again_and_take_more_subjects
    overlapping_streams_are_refused
    limits_keep_what_was_acked
    a_work_queue_keeps_without_consumers_and_removes_what_was_acked
    a_work_queue_refuses_overlapping_consumers
    a_work_queue_stays_one
    a_stream_that_comes_to_go_by_interest_drops_what_was_acked
}

async fn a_stream_reads_back_as_it_was_made(stream: SharedStream) -> Result<()> {
    for retention in [Retention::Limits, Retention::Interest, Retention::WorkQueue] {
        let name = unique_name();
        let subjects = [format!("{name}.a.>"), format!("{name}.b")];
        let config = StreamConfig::new(&name, &[&subjects[0], &subjects[1]], retention);
        stream.put_stream(&config).await?;
        assert_eq!(stream.stream(&name).await?, Some(config));
    }
    Ok(())
}

async fn a_stream_that_does_not_exist_is_none(stream: SharedStream) -> Result<()> {
    assert_eq!(stream.stream(&unique_name()).await?, None);
    Ok(())
}

async fn a_stream_may_be_put_again_and_take_more_subjects(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Limits).await?;
    scene.publish("a", "x").await?;
    let (own, other) = (scene.subject(">"), unique_name());
    let wider = StreamConfig::new(&scene.name, &[&own, &other], Retention::Limits);
    for _ in 0..2 {
        scene.stream.put_stream(&wider).await?;
    }
    assert_eq!(scene.stream.publish(Message::new(other, "x")).await?.await?.sequence, 2);
    assert_eq!(scene.held().await?, 2);
    Ok(())
}

async fn overlapping_streams_are_refused(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Limits).await?;
    let overlapping = StreamConfig::new(&unique_name(), &[&scene.subject("*")], Retention::Limits);
    assert_eq!(code(scene.stream.put_stream(&overlapping).await), Some(ErrorCode::Conflict));
    assert_eq!(scene.stream.stream(&overlapping.name).await?, None);
    Ok(())
}

async fn limits_keep_what_was_acked(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Limits).await?;
    scene.publish("a", "x").await?;
    scene.consumer("one", &[]).await?;
    scene.ack(&scene.take("one", 1).await?).await?;
    scene.consumer("two", &[]).await?;
    assert_eq!(sequences(&scene.take("two", 1).await?), [1]);
    Ok(())
}

async fn a_work_queue_keeps_without_consumers_and_removes_what_was_acked(
    stream: SharedStream,
) -> Result<()> {
    let scene = Scene::new(stream, Retention::WorkQueue).await?;
    scene.publish_many("a", 3).await?;
    assert_eq!(scene.consumer("c", &[]).await?.pending, 3);
    let taken = scene.take("c", 2).await?;
    scene.ack(&taken[..1]).await?;
    // What was delivered but not acked is for the next consumer.
    eventually(async || {
        scene.delete("c").await?;
        Ok((scene.consumer("c", &[]).await?.pending == 2).then_some(()))
    })
    .await?;
    assert_eq!(sequences(&scene.take("c", 2).await?), [2, 3]);
    Ok(())
}

async fn a_work_queue_refuses_overlapping_consumers(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::WorkQueue).await?;
    scene.consumer("a", &["a"]).await?;
    scene.consumer("b", &["b"]).await?;
    for filters in [&["a"][..], &["*"], &[]] {
        assert_eq!(code(scene.consumer("c", filters).await), Some(ErrorCode::Conflict));
    }
    assert_eq!(code(scene.consumer("a", &["a", "b"]).await), Some(ErrorCode::Conflict));
    assert_eq!(scene.info("a").await?.config.filters, [scene.subject("a")]);
    Ok(())
}

async fn a_work_queue_stays_one(stream: SharedStream) -> Result<()> {
    let (queue, limits) = (Retention::WorkQueue, Retention::Limits);
    for (before, after) in [(queue, limits), (limits, queue)] {
        let scene = Scene::new(stream.clone(), before).await?;
        let changed = StreamConfig::new(&scene.name, &[&scene.subject(">")], after);
        assert_eq!(code(stream.put_stream(&changed).await), Some(ErrorCode::Conflict));
    }
    Ok(())
}

async fn a_stream_that_comes_to_go_by_interest_drops_what_was_acked(
    stream: SharedStream,
) -> Result<()> {
    let scene = Scene::new(stream, Retention::Limits).await?;
    scene.publish_many("a", 3).await?;
    scene.consumer("c", &[]).await?;
    scene.ack(&scene.take("c", 1).await?).await?;
    let interest = StreamConfig::new(&scene.name, &[&scene.subject(">")], Retention::Interest);
    scene.stream.put_stream(&interest).await?;
    scene.holds(2).await
}

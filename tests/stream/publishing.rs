//! Messages on their way into a stream.

use conveyor_driver::stream::{Headers, Message, Retention, SharedStream};
use conveyor_driver::{ErrorCode, Result};

use crate::scene::{Scene, code, unique_name};

behaviours! {
    messages_are_numbered_in_the_order_of_the_calls
    a_subject_no_stream_takes_fails_the_receipt
    a_message_id_is_stored_once
    a_message_id_counts_even_when_nobody_wanted_the_message
    the_same_id_in_another_stream_is_another_message
    a_message_above_the_limit_is_refused
    what_is_published_together_ends_with_the_first_that_fails
    a_message_as_large_as_the_limit_is_stored
    payload_and_headers_arrive_unchanged
    what_is_only_sent_is_stored_too_where_a_stream_takes_it
}

async fn messages_are_numbered_in_the_order_of_the_calls(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Limits).await?;
    let mut receipts = Vec::new();
    for _ in 0..20 {
        receipts.push(scene.stream.publish(Message::new(scene.subject("a"), "x")).await?);
    }
    for (receipt, sequence) in receipts.into_iter().zip(1..) {
        let stored = receipt.await?;
        assert_eq!((stored.sequence, stored.duplicate), (sequence, false));
    }
    Ok(())
}

async fn a_subject_no_stream_takes_fails_the_receipt(stream: SharedStream) -> Result<()> {
    let receipt = stream.publish(Message::new(unique_name(), "x")).await?;
    assert_eq!(code(receipt.await), Some(ErrorCode::NotFound));
    Ok(())
}

async fn a_message_id_is_stored_once(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Limits).await?;
    let message = Message::new(scene.subject("a"), "x").with_id("one");
    let first = scene.stream.publish(message.clone()).await?.await?;
    scene.publish("a", "between").await?;
    let second = scene.stream.publish(message).await?.await?;
    assert_eq!((first.sequence, first.duplicate), (1, false));
    assert_eq!((second.sequence, second.duplicate), (1, true));
    assert_eq!(scene.held().await?, 2);
    Ok(())
}

async fn a_message_id_counts_even_when_nobody_wanted_the_message(
    stream: SharedStream,
) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    let message = Message::new(scene.subject("a"), "x").with_id("one");
    assert!(!scene.stream.publish(message.clone()).await?.await?.duplicate);
    scene.consumer("c", &[]).await?;
    assert!(scene.stream.publish(message).await?.await?.duplicate);
    assert_eq!(scene.info("c").await?.pending, 0);
    Ok(())
}

async fn the_same_id_in_another_stream_is_another_message(stream: SharedStream) -> Result<()> {
    for _ in 0..2 {
        let scene = Scene::new(stream.clone(), Retention::Limits).await?;
        let message = Message::new(scene.subject("a"), "x").with_id("one");
        assert!(!stream.publish(message).await?.await?.duplicate);
    }
    Ok(())
}

async fn a_message_above_the_limit_is_refused(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Limits).await?;
    let limit = scene.stream.max_payload();
    let plain = Message::new(scene.subject("a"), vec![b'x'; limit + 1]);
    // Headers count.
    let with_header = Message::new(scene.subject("a"), vec![b'x'; limit]).with_id("one");
    for message in [plain, with_header] {
        assert_eq!(code(scene.stream.publish(message.clone()).await), Some(ErrorCode::TooLarge));
        assert_eq!(code(scene.stream.send(message).await), Some(ErrorCode::TooLarge));
    }
    assert_eq!(scene.held().await?, 0);
    Ok(())
}

async fn what_is_published_together_ends_with_the_first_that_fails(
    stream: SharedStream,
) -> Result<()> {
    let scene = Scene::new(stream, Retention::Limits).await?;
    let too_large = vec![b'x'; scene.stream.max_payload() + 1];
    let bodies = [vec![b'x'], vec![b'y'], too_large, vec![b'z']];
    let messages = || bodies.iter().map(|body| Message::new(scene.subject("a"), body.clone()));
    let mut receipts = Vec::new();
    let published = scene.stream.publish_all(messages().collect(), &mut receipts).await;
    assert_eq!(code(published), Some(ErrorCode::TooLarge));
    assert_eq!(receipts.len(), 2);
    for (receipt, sequence) in receipts.into_iter().zip(1..) {
        assert_eq!(receipt.await?.sequence, sequence);
    }
    // What is not kept cannot be sent again by its sender: one bad message costs the others nothing.
    let sent = scene.stream.send_all(messages().collect()).await;
    assert_eq!(code(sent), Some(ErrorCode::TooLarge));
    scene.stream.flush().await?;
    assert_eq!(scene.held().await?, 5);
    Ok(())
}

async fn a_message_as_large_as_the_limit_is_stored(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Limits).await?;
    let limit = scene.stream.max_payload();
    let mut message = Message::new(scene.subject("a"), "").with_id("one");
    message.payload = vec![b'x'; limit - message.wire_bytes()].into();
    assert_eq!(message.wire_bytes(), limit);
    assert_eq!(scene.stream.publish(message).await?.await?.sequence, 1);
    Ok(())
}

async fn payload_and_headers_arrive_unchanged(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Limits).await?;
    scene.consumer("c", &[]).await?;
    let message = Message::new(scene.subject("a"), vec![0, 159, 146, 150, b'\r', b'\n'])
        .with_header("Color", "red")
        .with_header("Taste", "sour: very")
        .with_header("Color", "green");
    scene.stream.publish(message.clone()).await?.await?;
    let taken = scene.take("c", 1).await?;
    assert_eq!(message.subject, taken[0].subject);
    assert_eq!(taken[0].payload, message.payload);
    let of = |headers: &Headers, name: &str| -> Vec<String> {
        let same = headers.iter().filter(|(key, _)| key == name);
        same.map(|(_, value)| value.clone()).collect()
    };
    assert_eq!(taken[0].headers.len(), message.headers.len());
    for name in ["Color", "Taste"] {
        assert_eq!(of(&taken[0].headers, name), of(&message.headers, name));
    }
    Ok(())
}

async fn what_is_only_sent_is_stored_too_where_a_stream_takes_it(
    stream: SharedStream,
) -> Result<()> {
    let scene = Scene::new(stream, Retention::WorkQueue).await?;
    scene.stream.send(Message::new(scene.subject("a"), "x")).await?;
    scene.stream.flush().await?;
    scene.consumer("c", &[]).await?;
    assert_eq!(scene.take("c", 1).await?[0].payload, "x");
    Ok(())
}

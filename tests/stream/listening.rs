//! Those who listen to subjects as messages pass.

use conveyor_driver::stream::{Message, Retention, SharedStream};
use conveyor_driver::{Error, ErrorCode, Result};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::time::timeout;

use crate::scene::{DEADLINE, Scene, unique_name};

behaviours! {
    a_listener_hears_what_is_sent
    wildcards_hear_what_they_match
    a_listener_hears_what_is_published
    every_listener_hears_every_message
    nothing_is_kept_for_those_who_come_later
    messages_are_heard_in_the_order_they_were_sent
}

async fn hear(listener: &mut BoxStream<'static, Message>) -> Result<Message> {
    let heard = timeout(DEADLINE, listener.next()).await.ok().flatten();
    heard.ok_or_else(|| Error::new(ErrorCode::TimedOut, "nothing was heard"))
}

/// A listener the server knows of.
async fn listen(stream: &SharedStream, subject: &str) -> Result<BoxStream<'static, Message>> {
    let listener = stream.subscribe(subject).await?;
    stream.flush().await?;
    Ok(listener)
}

async fn a_listener_hears_what_is_sent(stream: SharedStream) -> Result<()> {
    let subject = unique_name();
    let mut listener = listen(&stream, &subject).await?;
    let message = Message::new(subject, "hello").with_header("Color", "red");
    stream.send(message.clone()).await?;
    assert_eq!(hear(&mut listener).await?, message);
    Ok(())
}

async fn wildcards_hear_what_they_match(stream: SharedStream) -> Result<()> {
    let name = unique_name();
    let mut token = listen(&stream, &format!("{name}.*.x")).await?;
    let mut rest = listen(&stream, &format!("{name}.a.>")).await?;
    for subject in ["a.b.x", "b.x", "a.y", "a.x"] {
        stream.send(Message::new(format!("{name}.{subject}"), "")).await?;
    }
    for subject in ["b.x", "a.x"] {
        assert_eq!(hear(&mut token).await?.subject, format!("{name}.{subject}"));
    }
    for subject in ["a.b.x", "a.y", "a.x"] {
        assert_eq!(hear(&mut rest).await?.subject, format!("{name}.{subject}"));
    }
    Ok(())
}

async fn a_listener_hears_what_is_published(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Limits).await?;
    let mut listener = listen(&scene.stream, &scene.subject(">")).await?;
    scene.publish("a", "x").await?;
    let heard = hear(&mut listener).await?;
    assert_eq!((heard.subject.to_string(), &heard.payload[..]), (scene.subject("a"), &b"x"[..]));
    Ok(())
}

async fn every_listener_hears_every_message(stream: SharedStream) -> Result<()> {
    let subject = unique_name();
    let mut listeners = [listen(&stream, &subject).await?, listen(&stream, &subject).await?];
    stream.send(Message::new(subject, "x")).await?;
    for listener in &mut listeners {
        assert_eq!(hear(listener).await?.payload, "x");
    }
    Ok(())
}

async fn nothing_is_kept_for_those_who_come_later(stream: SharedStream) -> Result<()> {
    let subject = unique_name();
    stream.send(Message::new(subject.clone(), "early")).await?;
    stream.flush().await?;
    let mut listener = listen(&stream, &subject).await?;
    stream.send(Message::new(subject, "late")).await?;
    assert_eq!(hear(&mut listener).await?.payload, "late");
    Ok(())
}

async fn messages_are_heard_in_the_order_they_were_sent(stream: SharedStream) -> Result<()> {
    let subject = unique_name();
    let mut listener = listen(&stream, &subject).await?;
    for i in 0..100_u8 {
        stream.send(Message::new(subject.clone(), vec![i])).await?;
    }
    for i in 0..100_u8 {
        assert_eq!(hear(&mut listener).await?.payload[..], [i]);
    }
    Ok(())
}

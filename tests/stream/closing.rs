//! The end of a connection.

use conveyor_driver::stream::{Message, Retention, Settlement, SharedStream};
use conveyor_driver::{Error, ErrorCode, Result};
use futures_util::StreamExt;
use tokio::time::timeout;

use crate::scene::{DEADLINE, Scene, code};

behaviours! {
    an_open_connection_is_ready_at_once
    a_closed_connection_says_so
    closing_wakes_those_who_wait_for_deliveries
    closing_ends_what_is_listened_to
    closing_twice_is_harmless
}

async fn an_open_connection_is_ready_at_once(stream: SharedStream) -> Result<()> {
    let ready = timeout(DEADLINE, stream.ready()).await;
    assert!(ready.is_ok());
    stream.flush().await
}

async fn a_closed_connection_says_so(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("c", &[]).await?;
    scene.publish("a", "x").await?;
    let taken = scene.take("c", 1).await?;
    let stream = &scene.stream;
    stream.close().await;
    let message = Message::new(scene.subject("a"), "x");
    let published = match stream.publish(message.clone()).await {
        Ok(receipt) => receipt.await.map(drop),
        Err(error) => Err(error),
    };
    let closed = Some(ErrorCode::Closed);
    assert_eq!(code(published), closed);
    assert_eq!(code(stream.send(message).await), closed);
    assert_eq!(code(stream.subscribe("a").await), closed);
    assert_eq!(code(stream.settle(&taken[0].token, Settlement::Ack).await), closed);
    assert_eq!(code(stream.settle_confirmed(&taken[0].token, Settlement::Ack).await), closed);
    assert_eq!(code(stream.flush().await), closed);
    Ok(())
}

async fn closing_wakes_those_who_wait_for_deliveries(stream: SharedStream) -> Result<()> {
    let scene = Scene::new(stream, Retention::Interest).await?;
    scene.consumer("c", &[]).await?;
    let mut pull = scene.pull("c", 1).await?;
    let (next, ()) = tokio::join!(timeout(DEADLINE, pull.next()), scene.stream.close());
    assert_eq!(next.ok().and_then(code), Some(ErrorCode::Closed));
    Ok(())
}

async fn closing_ends_what_is_listened_to(stream: SharedStream) -> Result<()> {
    let mut listener = stream.subscribe("closing.ends.what.is.listened.to").await?;
    stream.close().await;
    let end = timeout(DEADLINE, listener.next()).await;
    let end = end.map_err(|late| Error::new(ErrorCode::TimedOut, "no end").with_source(late))?;
    assert_eq!(end, None);
    Ok(())
}

async fn closing_twice_is_harmless(stream: SharedStream) -> Result<()> {
    stream.close().await;
    stream.close().await;
    Ok(())
}

//! Messages into streams and to listeners, and settlements that are confirmed.

use conveyor_driver::ErrorCode;
use conveyor_driver::stream::{EventStream, Message, Settlement};
use futures_util::StreamExt;

use crate::support::{connect, options, publish, server, take, within, work};

#[tokio::test]
async fn receipts_say_what_became_of_a_message() {
    let server = server("max_payload: 4096").await;
    let stream = connect(&options(server.url())).await;
    work(&stream).await;
    assert_eq!(stream.max_payload(), 4096);

    let message = Message::new("work.a", "x").with_id("one");
    let first = within(stream.publish(message.clone()).await.unwrap()).await.unwrap();
    let second = within(stream.publish(message).await.unwrap()).await.unwrap();
    assert!(!first.duplicate && second.duplicate);
    assert_eq!(first.sequence, second.sequence);

    let nowhere = stream.publish(Message::new("nowhere", "x")).await.unwrap();
    assert_eq!(within(nowhere).await.expect_err("no stream").code(), ErrorCode::NotFound);
    let invalid = stream.publish(Message::new("not a subject", "x")).await;
    assert_eq!(invalid.expect_err("spaces").code(), ErrorCode::MessageInvalid);

    let fits = |bytes: usize| Message::new("work.a", vec![b'x'; bytes]).with_header("a", "b");
    let overhead = fits(0).wire_bytes();
    within(stream.publish(fits(4096 - overhead)).await.unwrap()).await.expect("fits exactly");
    let above = stream.publish(fits(4097 - overhead)).await;
    assert_eq!(above.expect_err("one byte more").code(), ErrorCode::TooLarge);
    let above = stream.send(fits(4097 - overhead)).await;
    assert_eq!(above.expect_err("one byte more").code(), ErrorCode::TooLarge);
}

#[tokio::test]
async fn many_messages_keep_the_order_of_their_calls() {
    let server = server("").await;
    let stream = connect(&options(server.url())).await;
    work(&stream).await;
    let mut receipts = Vec::new();
    for number in 0..5_000 {
        receipts.push(stream.publish(Message::new("work.a", number.to_string())).await.unwrap());
    }
    for (number, receipt) in (1..).zip(receipts) {
        assert_eq!(within(receipt).await.unwrap().sequence, number);
    }
}

#[tokio::test]
async fn listeners_hear_from_now_on_until_the_stream_is_closed() {
    let server = server("").await;
    let hearing = connect(&options(server.url())).await;
    let speaking = connect(&options(server.url())).await;
    let mut heard = hearing.subscribe("live.*").await.unwrap();
    let message = Message::new("live.a", "x").with_header("k", "v");
    speaking.send(message.clone()).await.unwrap();
    assert_eq!(within(heard.next()).await, Some(message));
    within(hearing.close()).await;
    assert_eq!(within(heard.next()).await, None);
    let late = hearing.send(Message::new("live.a", "x")).await;
    assert_eq!(late.expect_err("closed").code(), ErrorCode::Closed);
    let late = hearing.publish(Message::new("work.a", "x")).await;
    assert_eq!(late.expect_err("closed").code(), ErrorCode::Closed);
}

#[tokio::test]
async fn a_confirmed_settlement_is_the_consumers_own_word() {
    let server = server("").await;
    let stream = connect(&options(server.url())).await;
    work(&stream).await;
    for body in ["a", "b", "c"] {
        publish(&stream, "work.a", body).await;
    }
    let mut pull = stream.pull("work", "c").await.unwrap();
    pull.request(3);
    let taken = take(&mut *pull, 3).await;
    stream.settle_confirmed(&taken[0].token, Settlement::InProgress).await.unwrap();
    stream.settle_confirmed(&taken[0].token, Settlement::Ack).await.unwrap();
    let term = Settlement::Term("never".to_owned());
    stream.settle_confirmed(&taken[1].token, term).await.unwrap();
    let info = stream.consumer("work", "c").await.unwrap().unwrap();
    assert_eq!(info.ack_pending, 1);
    stream.delete_consumer("work", "c").await.unwrap();
    let gone = stream.settle_confirmed(&taken[2].token, Settlement::Ack).await;
    assert_eq!(gone.expect_err("nobody there").code(), ErrorCode::NotFound);
}

//! Streams and consumers as a real server has them.

use std::time::Duration;

use conveyor_driver::ErrorCode;
use conveyor_driver::stream::{ConsumerConfig, EventStream, Message, Retention, StreamConfig};
use serde_json::json;

use crate::support::{connect, consumer, options, publish, server, until, work};

#[tokio::test]
async fn streams_are_made_kept_and_changed() {
    let server = server("").await;
    let stream = connect(&options(server.url())).await;
    assert_eq!(stream.stream("s").await.unwrap(), None);
    let mut config = StreamConfig::new("s", &["a.>"], Retention::Interest);
    for _ in 0..2 {
        stream.put_stream(&config).await.unwrap();
        assert_eq!(stream.stream("s").await.unwrap().as_ref(), Some(&config));
    }
    config.subjects.push("b.>".to_owned());
    stream.put_stream(&config).await.unwrap();
    assert_eq!(stream.stream("s").await.unwrap().as_ref(), Some(&config));

    let overlap = StreamConfig::new("t", &["a.b"], Retention::Limits);
    let code = stream.put_stream(&overlap).await.expect_err("overlaps").code();
    assert_eq!(code, ErrorCode::Conflict);
    config.retention = Retention::WorkQueue;
    let code = stream.put_stream(&config).await.expect_err("cannot become one").code();
    assert_eq!(code, ErrorCode::Conflict);
}

#[tokio::test]
async fn consumers_are_made_and_reported() {
    let server = server("").await;
    let stream = connect(&options(server.url())).await;
    work(&stream).await;
    let config = ConsumerConfig {
        filters: vec!["work.a".to_owned(), "work.b".to_owned()],
        inactive_threshold: Some(Duration::from_secs(3600)),
        ..consumer("two")
    };
    let made = stream.put_consumer("work", &config).await.unwrap();
    assert_eq!((&made.config, &made.unusable), (&config, &None));
    publish(&stream, "work.a", "1").await;
    publish(&stream, "work.c", "2").await;
    let info = stream.consumer("work", "two").await.unwrap().expect("a consumer");
    assert_eq!((&info.config, info.pending, info.waiting), (&config, 1, 0));

    let passing = ConsumerConfig {
        durable: false,
        inactive_threshold: Some(Duration::from_secs(60)),
        ..consumer("passing")
    };
    assert_eq!(stream.put_consumer("work", &passing).await.unwrap().config, passing);

    for _ in 0..2 {
        stream.delete_consumer("work", "two").await.unwrap();
        assert!(stream.consumer("work", "two").await.unwrap().is_none());
    }
    let code = stream.consumer("none", "two").await.expect_err("no stream").code();
    assert_eq!(code, ErrorCode::NotFound);
    let code = stream.put_consumer("none", &config).await.expect_err("no stream").code();
    assert_eq!(code, ErrorCode::NotFound);
    let twice = ConsumerConfig {
        filters: vec!["work.>".to_owned(), "work.a".to_owned()],
        ..consumer("overlap")
    };
    let code = stream.put_consumer("work", &twice).await.expect_err("overlap").code();
    assert_eq!(code, ErrorCode::Conflict);
}

#[tokio::test]
async fn consumers_of_others_say_why_they_are_unusable() {
    let server = server("").await;
    let stream = connect(&options(server.url())).await;
    work(&stream).await;
    for (name, change) in [
        ("push", json!({ "deliver_subject": "somewhere" })),
        ("none", json!({ "ack_policy": "none" })),
        ("new", json!({ "deliver_policy": "new" })),
    ] {
        let mut config = json!({
            "durable_name": name, "ack_policy": "explicit", "deliver_policy": "all",
            "filter_subject": "work.a",
        });
        config.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let body = json!({ "stream_name": "work", "config": config }).to_string();
        let subject = format!("$JS.API.CONSUMER.CREATE.work.{name}.work.a");
        stream.send(Message::new(subject, body)).await.unwrap();
        until(|| async { stream.consumer("work", name).await.unwrap().is_some() }).await;
        let info = stream.consumer("work", name).await.unwrap().unwrap();
        assert!(info.unusable.is_some(), "{name}");
        assert_eq!(info.config.filters, ["work.a"]);
        let change = stream.put_consumer("work", &consumer(name)).await;
        assert_eq!(change.expect_err("another kind").code(), ErrorCode::Conflict, "{name}");
        let mut pull = stream.pull("work", "push").await.unwrap();
        pull.request(1);
        let code = pull.next().await.expect_err("no such pulls").code();
        assert_eq!(code, ErrorCode::Conflict);
    }
}

//! The control plane on an event stream.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

mod behaviour;
mod faults;
mod plain_driver;
mod real;

/// Fails what would wait for ever.
async fn in_time(test: impl Future<Output = ()>) {
    tokio::time::timeout(Duration::from_secs(120), test).await.unwrap();
}

macro_rules! on_both {
    ($($behaviour:ident)+) => {
        mod on_memory {
            use super::{behaviour, in_time};

            $(#[tokio::test(start_paused = true)]
            async fn $behaviour() {
                let stream = std::sync::Arc::new(conveyor_driver::stream::MemoryStream::new());
                in_time(behaviour::$behaviour(stream)).await;
            })+
        }

        mod on_nats {
            use super::{behaviour, in_time, real};

            $(#[tokio::test]
            async fn $behaviour() {
                let server = real::server().await;
                in_time(behaviour::$behaviour(real::connect(&server).await)).await;
            })+
        }
    };
}

on_both! {
    makes_the_streams_as_the_server_does
    runs_a_resource_without_a_pipeline
    leads_a_resource_through_its_pipeline
    stops_a_pipeline_at_a_bad_result
    keeps_and_shows_log_lines
    refuses_what_the_server_refuses
    lives_on_after_nonsense
    leaves_work_to_the_next
}

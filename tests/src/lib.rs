//! What the tests share: a real server, a stage for one driver, conditions with deadlines, vectors.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

pub mod certificates;
mod condition;
pub mod faults;
mod header_block;
mod household;
mod real_time;
pub mod scenario;
mod server;
mod stage;
pub mod vectors;

pub use condition::{DEADLINE, eventually, unique_name};
pub use header_block::{STRAY_CARRIAGE_RETURN, UNREADABLE, publish_with};
pub use household::{Household, processes_of};
pub use real_time::in_real_time;
pub use server::{connect, nats, shared_server};
pub use stage::Stage;

/// Makes two tests of each behaviour: on the embedded stream with the clock paused, and on a real
/// nats-server. A behaviour is an async function that takes a [`Stage`].
#[macro_export]
macro_rules! on_both_streams {
    ($($behaviour:ident),+ $(,)?) => {
        mod on_memory {
            $(#[tokio::test(start_paused = true)]
            async fn $behaviour() {
                super::$behaviour($crate::Stage::on_memory().await).await;
            })+
        }
        mod on_nats {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                super::$behaviour($crate::Stage::on_nats().await).await;
            })+
        }
    };
}

/// The same in real time on both, for behaviours that block their thread.
#[macro_export]
macro_rules! on_both_streams_in_real_time {
    ($($behaviour:ident),+ $(,)?) => {
        mod on_memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                super::$behaviour($crate::Stage::on_memory().await).await;
            })+
        }
        mod on_nats {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                super::$behaviour($crate::Stage::on_nats().await).await;
            })+
        }
    };
}

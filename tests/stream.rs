//! One suite of behaviours for every event stream: the embedded one on paused time, and the real
//! one on a server in real time.

/// Makes two tests of each behaviour.
macro_rules! behaviours {
    ($($name:ident)+) => {
        mod on_memory {
            use crate::backend;
            $(
                #[tokio::test(start_paused = true)]
                async fn $name() -> conveyor_driver::Result<()> {
                    super::$name(backend::memory()).await
                }
            )+
        }

        mod on_nats {
            use crate::backend;
            $(
                #[tokio::test]
                async fn $name() -> conveyor_driver::Result<()> {
                    match backend::nats().await? {
                        Some(stream) => super::$name(stream).await,
                        None => Ok(()),
                    }
                }
            )+
        }
    };
}

#[path = "stream/backend.rs"]
mod backend;
#[path = "stream/closing.rs"]
mod closing;
#[path = "stream/consumers.rs"]
mod consumers;
#[path = "stream/interest.rs"]
mod interest;
#[path = "stream/listening.rs"]
mod listening;
#[path = "stream/publishing.rs"]
mod publishing;
#[path = "stream/pulling.rs"]
mod pulling;
#[path = "stream/redelivery.rs"]
mod redelivery;
#[path = "stream/scene.rs"]
mod scene;
#[path = "stream/server.rs"]
mod server;
#[path = "stream/settling.rs"]
mod settling;
#[path = "stream/streams.rs"]
mod streams;

//! One suite of behaviours for every event stream: the embedded one on paused time, and the real
//! one on a server in real time.

/// Makes two tests of each behaviour.
macro_rules! behaviours {
    ($($name:ident)+) => {
        mod on_memory {
            $(
                #[tokio::test(start_paused = true)]
                async fn $name() -> conveyor_driver::Result<()> {
                    let stream = conveyor_driver::stream::MemoryStream::new();
                    super::$name(std::sync::Arc::new(stream)).await
                }
            )+
        }

        mod on_nats {
            $(
                #[tokio::test]
                async fn $name() -> conveyor_driver::Result<()> {
                    super::$name(conveyor_driver_tests::nats().await).await
                }
            )+
        }
    };
}

mod closing;
mod consumers;
mod interest;
mod listening;
mod publishing;
mod pulling;
mod redelivery;
mod scene;
mod settling;
mod streams;

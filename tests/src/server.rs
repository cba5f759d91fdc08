//! The real server, started once for all tests of a binary.

use std::sync::Arc;

use conveyor_driver::options::ConnectionOptions;
use conveyor_driver::stream::{NatsStream, SharedStream, StreamConfig};
use conveyor_driver_cli::nats_server::NatsServer;
use tokio::sync::OnceCell;

/// The address of the server that all tests of this binary share. It holds the streams of the
/// control plane and ends with the process.
pub async fn shared_server() -> &'static str {
    static SERVER: OnceCell<(NatsServer, String)> = OnceCell::const_new();
    let (_, url) = SERVER
        .get_or_init(|| async {
            let server = NatsServer::start().await.expect("these tests need a nats-server");
            let url = server.url();
            let stream = connect(&url).await;
            for config in StreamConfig::of_control_plane() {
                stream.put_stream(&config).await.expect("streams can be made");
            }
            stream.close().await;
            (server, url)
        })
        .await;
    url
}

/// A connection of its own to the shared server.
pub async fn nats() -> SharedStream {
    connect(shared_server().await).await
}

/// A connection to the server at this address.
///
/// # Panics
/// When there is none.
pub async fn connect(url: &str) -> SharedStream {
    let options = ConnectionOptions { url: Some(url.to_owned()), ..Default::default() };
    Arc::new(NatsStream::connect(&options, "tests").await.expect("the server can be reached"))
}

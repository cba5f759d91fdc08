//! The nats-server: one that is there, or one of our own.

use std::fmt;
use std::sync::Arc;

use conveyor_driver::Result;
use conveyor_driver::options::ConnectionOptions;
use conveyor_driver::stream::{NatsStream, SharedStream};
use tokio::net::TcpStream;

use super::DevOptions;
use crate::nats_server::{NatsServer, NatsServerOptions};

/// How long a server that was found may take.
const FOUND_WITHIN_MS: u64 = 10_000;

/// A nats-server, and whose it is.
#[derive(Debug)]
pub struct Server {
    url: String,
    own: Option<Box<NatsServer>>,
}

impl Server {
    pub(super) async fn find_or_start(options: &DevOptions) -> Result<Self> {
        if let Some(url) = &options.connection.url {
            return Ok(Self { url: url.clone(), own: None });
        }
        let port = options.nats_port;
        if port != 0 && TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return Ok(Self { url: format!("nats://127.0.0.1:{port}"), own: None });
        }
        let server = NatsServer::start_with(NatsServerOptions {
            store: options.store.clone(),
            port: (port != 0).then_some(port),
            ..NatsServerOptions::default()
        })
        .await?;
        Ok(Self { url: server.url(), own: Some(Box::new(server)) })
    }

    /// The address for drivers.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits for the end of a server that was started here, and gives it; one that was found has its own
    /// owner.
    ///
    /// # Errors
    /// As [`NatsServer::ended`].
    pub async fn ended(&self) -> Result<&NatsServer> {
        match &self.own {
            Some(own) => own.ended().await.map(|()| &**own),
            None => std::future::pending().await,
        }
    }

    pub(super) async fn connect(&self, options: &ConnectionOptions) -> Result<SharedStream> {
        let options = ConnectionOptions {
            url: Some(self.url.clone()),
            connect_timeout_ms: options.connect_timeout_ms.or(Some(FOUND_WITHIN_MS)),
            ..options.clone()
        };
        Ok(Arc::new(NatsStream::connect(&options, "conveyor-driver dev").await?))
    }

    pub(super) async fn stop(self) {
        if let Some(mut own) = self.own {
            own.stop().await;
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.own {
            Some(own) => {
                let program = own.program();
                let (version, path) = (program.version(), program.path().display());
                write!(f, "{} (started: {version}, {path})", self.url)
            }
            None => write!(f, "{} (found)", self.url),
        }
    }
}

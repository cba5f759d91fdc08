//! The control plane of `conveyor-driver dev`: a nats-server found or started, the streams, pipelines
//! led, a REST interface. It is for a laptop; the real Conveyor CI server takes its place.

mod follow;
mod run_table;
mod server;
mod show;

use std::path::PathBuf;
use std::sync::Arc;

use conveyor_driver::options::ConnectionOptions;
use conveyor_driver::stream::SharedStream;
use conveyor_driver::{Error, ErrorCode, Result, subject};

use crate::control_plane::{ControlPlane, Pipeline};
use crate::rest::RestServer;

pub use follow::{Ended, Follow, follow};
pub use run_table::{RunState, RunTable, Step};
pub use server::Server;
pub use show::{Show, ShowAs};

/// What is started.
#[derive(Clone, Debug)]
pub struct DevOptions {
    /// How to reach a nats-server that is there already. Without an address: the one on the port of
    /// drivers' defaults, or a new one there.
    pub connection: ConnectionOptions,
    /// The port of a nats-server that is started; 0 takes any that is free. Default: 4222.
    pub nats_port: u16,
    /// The folder for its files, kept. Default: a temporary one.
    pub store: Option<PathBuf>,
    /// The port of the REST interface; 0 takes any that is free. Default: 8080.
    pub port: u16,
}

impl Default for DevOptions {
    fn default() -> Self {
        Self { connection: ConnectionOptions::default(), nats_port: 4222, store: None, port: 8080 }
    }
}

/// A control plane that runs.
#[derive(Debug)]
pub struct Dev {
    // Dropped in this order.
    rest: RestServer,
    control_plane: Arc<ControlPlane>,
    stream: SharedStream,
    server: Server,
}

impl Dev {
    /// Finds or starts everything.
    ///
    /// # Errors
    /// `Conflict` when another control plane works on that server; `Unavailable` when a port is taken,
    /// or no nats-server is found; those of connecting.
    pub async fn start(options: DevOptions) -> Result<Self> {
        let server = Server::find_or_start(&options).await?;
        let stream = server.connect(&options.connection).await?;
        refuse_company(&stream, server.url()).await?;
        let control_plane = Arc::new(ControlPlane::start(stream.clone()).await?);
        let rest = RestServer::start(control_plane.clone(), stream.clone(), options.port).await?;
        Ok(Self { rest, control_plane, stream, server })
    }

    /// The nats-server.
    #[must_use]
    pub const fn server(&self) -> &Server {
        &self.server
    }

    /// The address of the REST interface.
    #[must_use]
    pub fn api_url(&self) -> String {
        self.rest.url()
    }

    /// Resources, runs and logs.
    #[must_use]
    pub fn control_plane(&self) -> &ControlPlane {
        &self.control_plane
    }

    /// The connection of the control plane.
    #[must_use]
    pub fn stream(&self) -> &SharedStream {
        &self.stream
    }

    /// Stores a pipeline.
    pub fn pipeline(&self, pipeline: Pipeline) {
        self.control_plane.pipeline(pipeline);
    }

    /// Stops everything that was started.
    pub async fn stop(self) {
        drop(self.rest);
        self.control_plane.shutdown().await;
        self.stream.close().await;
        self.server.stop().await;
    }
}

/// Two control planes on one server would each get a part of the events.
async fn refuse_company(stream: &SharedStream, url: &str) -> Result<()> {
    let found = stream.consumer(subject::PIPELINES_STREAM, subject::PIPELINES_STREAM).await;
    match found {
        Ok(Some(consumer)) if consumer.waiting > 0 => {
            Err(Error::new(ErrorCode::Conflict, "another control plane works on this nats-server")
                .with_context("url", url)
                .with_context(
                    "cure",
                    "use that one, stop it, or start a server of your own: --nats-port 0",
                ))
        }
        Ok(_) => Ok(()),
        // Nobody has made the streams.
        Err(error) if error.code() == ErrorCode::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

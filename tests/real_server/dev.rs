//! The control plane of `conveyor-driver dev`, on a nats-server: what every machine has.

use std::sync::Arc;

use conveyor_driver_cli::control_plane::ControlPlane;
use conveyor_driver_cli::nats_server::NatsServer;
use conveyor_driver_cli::rest::RestServer;
use conveyor_driver_tests::certificates::Authority;
use conveyor_driver_tests::connect;

use crate::server::{Access, Part, Server};

pub(crate) async fn start() -> Result<Server, String> {
    let said = |error: conveyor_driver::Error| error.to_string();
    let nats = NatsServer::start().await.map_err(said)?;
    let stream = connect(&nats.url()).await;
    let plane = Arc::new(ControlPlane::start(stream.clone()).await.map_err(said)?);
    let rest = RestServer::start(plane, stream, 0).await.map_err(said)?;
    Ok(Server {
        access: Access::Open,
        api: rest.url(),
        nats: nats.url(),
        authority: Authority::new(),
        folder: tempfile::tempdir().map_err(|error| error.to_string())?,
        part: Part::Dev { _rest: rest, _nats: Box::new(nats) },
    })
}

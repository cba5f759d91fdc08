//! The control plane of `conveyor-driver dev`, on a nats-server: what every machine has. With certificates it
//! lets in whom the Conveyor CI server would.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use conveyor_driver_cli::control_plane::ControlPlane;
use conveyor_driver_cli::nats_server::{NatsServer, NatsServerOptions};
use conveyor_driver_cli::rest::RestServer;
use conveyor_driver_tests::certificates::{Authority, write};

use crate::gate::Gate;
use crate::server::{Access, Part, Server};

pub(crate) async fn start(access: Access) -> Result<Server, String> {
    let said = |error: conveyor_driver::Error| error.to_string();
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let authority = Authority::new();
    let config = match access {
        Access::Open => String::new(),
        Access::Certificates => mutual_tls(&authority, folder.path()),
    };
    let options = NatsServerOptions { config, ..NatsServerOptions::default() };
    let nats = NatsServer::start_with(options).await.map_err(said)?;
    let mut server = Server {
        access,
        api: String::new(),
        nats: nats.url(),
        nats_tls: access == Access::Certificates,
        authority,
        folder,
        identity_environment: OnceLock::new(),
        part: Part::Starting,
    };
    let stream = server.stream().await;
    let plane = Arc::new(ControlPlane::start(stream.clone()).await.map_err(said)?);
    let rest = RestServer::start(plane, stream, 0).await.map_err(said)?;
    let gate = match access {
        Access::Open => None,
        Access::Certificates => Some(Gate::start(&server.authority, &rest.url()).await),
    };
    server.api = gate.as_ref().map_or_else(|| rest.url(), |gate| gate.url.clone());
    server.part = Part::Dev { _gate: gate, _rest: rest, _nats: Box::new(nats) };
    Ok(server)
}

/// As the server has it: certificates on both sides.
fn mutual_tls(authority: &Authority, folder: &Path) -> String {
    let own = authority.server("127.0.0.1");
    let file = |name, text: &str| write(folder, name, text);
    format!(
        "tls {{ ca_file: {:?}, cert_file: {:?}, key_file: {:?}, verify: true, timeout: 5 }}",
        file("ca.pem", &authority.pem),
        file("server.crt", &own.cert),
        file("server.key", &own.key),
    )
}

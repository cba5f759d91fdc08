//! The control plane on a real server, and what it does when that fails.

use std::sync::Arc;

use conveyor_driver::message::DriverResult;
use conveyor_driver::options::ConnectionOptions;
use conveyor_driver::stream::{NatsStream, SharedStream};
use conveyor_driver_cli::control_plane::{ControlPlane, LogQuery};
use conveyor_driver_cli::nats_server::NatsServer;

use super::behaviour::{TYPE, resource, ship};
use super::in_time;
use super::plain_driver::PlainDriver;

pub(crate) async fn server() -> NatsServer {
    NatsServer::start().await.unwrap()
}

pub(crate) async fn connect(server: &NatsServer) -> SharedStream {
    let options = ConnectionOptions { url: Some(server.url()), ..ConnectionOptions::default() };
    Arc::new(NatsStream::connect(&options, "control-plane").await.unwrap())
}

#[tokio::test]
async fn a_killed_server_is_waited_for() {
    in_time(kill_the_server()).await;
}

async fn kill_the_server() {
    let mut server = server().await;
    let plane = ControlPlane::start(connect(&server).await).await.unwrap();
    plane.pipeline(ship());
    let drivers = connect(&server).await;
    let mut fetch = PlainDriver::start(&drivers, "fetch", TYPE).await;
    let mut compile = PlainDriver::start(&drivers, "compile", TYPE).await;
    let run = plane.post(resource("app-1", "ship")).await.unwrap();
    let (_, message) = fetch.receive().await;
    fetch.log(&message, 1, "line").await;
    plane.logs_reaching(&LogQuery::of_run(&run), 1).await.unwrap();

    server.kill();
    server.restart().await.unwrap();
    drivers.ready().await;
    fetch.answer(&message, DriverResult::success("cloned")).await;
    fetch.log(&message, 2, "another").await;
    compile.serve(DriverResult::success("built")).await;
    assert_eq!(plane.result(&run).await.unwrap().driver, "compile");
    let lines = plane.logs_reaching(&LogQuery::of_run(&run), 2).await.unwrap();
    assert_eq!(lines.len(), 2);
    assert_eq!(plane.results(&run).len(), 2);
    plane.shutdown().await;
}

//! Starts a nats-server, prints its process id, and exits without stopping it.
#![allow(clippy::print_stdout)]

use conveyor_driver::Result;
use conveyor_driver_cli::nats_server::NatsServer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let server = NatsServer::start().await?;
    println!("{}", server.pid().unwrap_or_default());
    std::process::exit(0);
}

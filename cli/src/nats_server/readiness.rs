//! When a server is ready: it has written down its port and greets who connects.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout_at};

use super::process::Process;

const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The port, once the server is ready; else why it is not. A server that waits for TLS before it
/// says anything is ready when it can be connected to.
pub(super) async fn wait(
    process: &mut Process,
    ports: &Path,
    waits_for_tls: bool,
    deadline: Instant,
) -> Result<u16, &'static str> {
    loop {
        if !process.is_running() {
            return Err("nats-server ended before it was ready");
        }
        if let Some(port) = port(ports)
            && timeout_at(deadline, greets(port, waits_for_tls)).await == Ok(true)
        {
            return Ok(port);
        }
        if Instant::now() >= deadline {
            return Err("nats-server was not ready in time");
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// The port in the port file, once there is a whole one.
fn port(folder: &Path) -> Option<u16> {
    #[derive(Deserialize)]
    struct Ports {
        nats: Vec<String>,
    }
    let file = std::fs::read_dir(folder).ok()?.next()?.ok()?;
    let ports: Ports = serde_json::from_slice(&std::fs::read(file.path()).ok()?).ok()?;
    ports.nats.first()?.rsplit(':').next()?.trim_end_matches('/').parse().ok()
}

async fn greets(port: u16, waits_for_tls: bool) -> bool {
    let Ok(connection) = TcpStream::connect(("127.0.0.1", port)).await else { return false };
    if waits_for_tls {
        return true;
    }
    let mut line = String::new();
    BufReader::new(connection).read_line(&mut line).await.is_ok() && line.starts_with("INFO ")
}

//! SIGINT and SIGTERM: the first drains, the second ends now.

use std::convert::Infallible;

use tokio::signal::unix::{SignalKind, signal};

use super::stop::StopHandle;
use crate::error::{Error, ErrorCode, Result};

/// Turns signals into stops. Those that nobody hears any more once this is dropped are lost: what listens for a
/// signal in a Rust program does so for as long as the process lives.
pub(super) async fn watch(stop: StopHandle) -> Result<Infallible> {
    let listen = |kind, name| {
        signal(kind).map_err(|error| {
            Error::new(ErrorCode::Internal, format!("cannot listen for {name}")).with_source(error)
        })
    };
    let mut interrupt = listen(SignalKind::interrupt(), "SIGINT")?;
    let mut terminate = listen(SignalKind::terminate(), "SIGTERM")?;
    let mut next = async || {
        tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        }
    };
    loop {
        stop.signalled(next().await);
    }
}

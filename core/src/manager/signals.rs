//! SIGINT and SIGTERM: the first drains, the second ends now.

use tokio::signal::unix::{SignalKind, signal};

use super::stop::StopHandle;
use crate::error::{Error, ErrorCode, Result};

/// Turns signals into stops until the second one.
pub(super) async fn watch(stop: StopHandle) -> Result<()> {
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
    let name = next().await;
    tracing::info!("{name}: draining; a second signal ends every run now");
    stop.drain();
    let name = next().await;
    tracing::warn!("{name}: ending every run now and giving its event back");
    stop.end_now();
    Ok(())
}

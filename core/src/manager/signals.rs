//! SIGINT and SIGTERM: the first drains, the second ends now.

use std::convert::Infallible;
use std::io;

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::stop::StopHandle;
use crate::error::{Error, ErrorCode, Result};

/// Sets the handlers by which managers with the option `signals` hear. That is done once in a process, by this or
/// the first such manager, and never undone. For a host that sets its own above them, and them aside at the end.
///
/// # Errors
/// `Internal` when the system refuses it.
pub fn set_signal_handlers() -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(refused)?;
    let _entered = runtime.enter();
    listen().map(drop)
}

fn listen() -> Result<(Signal, Signal)> {
    let listen = |kind| signal(kind).map_err(refused);
    Ok((listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?))
}

fn refused(error: io::Error) -> Error {
    Error::new(ErrorCode::Internal, "cannot listen for SIGINT and SIGTERM").with_source(error)
}

/// Turns signals into stops. Those that nobody hears any more once this is dropped are lost: what listens for a
/// signal in a Rust program does so for as long as the process lives.
pub(super) async fn watch(stop: StopHandle) -> Result<Infallible> {
    let (mut interrupt, mut terminate) = listen()?;
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

//! The thread that the calls of hosts run on: one in a process, made when it is first needed.

use std::future::pending;
use std::sync::{Mutex, PoisonError};
use std::thread;

use tokio::runtime::{Builder, Handle};

use super::HomeProcess;
use crate::error::{Error, ErrorCode, Result};

static RUNTIME: Mutex<Option<(HomeProcess, Handle)>> = Mutex::new(None);

/// The runtime of this process. It lives as long as the process does; a fork makes its own.
pub(super) fn handle() -> Result<Handle> {
    let mut runtime = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((home, runtime)) = &*runtime
        && home.is_here()
    {
        return Ok(runtime.clone());
    }
    let failed = |error| {
        Error::new(ErrorCode::Internal, "the system gives no thread for the API's calls")
            .with_source(error)
    };
    let made = Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let handle = made.handle().clone();
    thread::Builder::new()
        .name("conveyor-client".to_owned())
        .spawn(move || made.block_on(pending::<()>()))
        .map_err(failed)?;
    *runtime = Some((HomeProcess::here(), handle.clone()));
    Ok(handle)
}

//! The embedded event stream, with what tests and first programs do in the control plane's place.

use std::future::Future;
use std::sync::Arc;
use std::thread;

use conveyor_driver::host::EmbeddedControlPlane;
use conveyor_driver::stream::SharedStream;
use conveyor_driver::{Error, ErrorCode, RunId};
use futures_util::StreamExt;
use napi::bindgen_prelude::{Buffer, Function};
use napi_derive::napi;
use serde_json::Value;
use tokio::runtime::Builder;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::error::{Result, thrown};
use crate::wake::Wake;

/// An event stream in this process.
#[napi]
pub(crate) struct Embedded {
    control_plane: EmbeddedControlPlane,
    _watch: DropGuard,
}

impl Embedded {
    pub(crate) fn connection(&self) -> SharedStream {
        Arc::new(self.control_plane.stream().connection())
    }
}

#[napi]
impl Embedded {
    /// One with the control plane's streams, empty. `wake` is called when a result was published; it
    /// does not keep the event loop alive.
    #[napi(constructor)]
    pub fn new(wake: Function<'_, (), ()>) -> Result<Self> {
        let called = Arc::new(Wake::<true>::default());
        called.listen(&wake).map_err(|error| {
            thrown(Error::new(
                ErrorCode::Internal,
                format!("Node gives no way to be woken: {error}"),
            ))
        })?;
        let control_plane = EmbeddedControlPlane::new().map_err(thrown)?;
        let mut published = wait(control_plane.watch_results())?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let watch = async move {
            let woken = async {
                while published.next().await.is_some() {
                    called.wake();
                }
            };
            tokio::select! {
                () = woken => {}
                () = stopped.cancelled() => {}
            }
            called.close();
            Ok(())
        };
        let watching = thread::Builder::new().name("conveyor-results".to_owned());
        watching.spawn(move || wait(watch)).map_err(|error| {
            thrown(Error::new(ErrorCode::Internal, "the system gives no thread").with_source(error))
        })?;
        Ok(Self { control_plane, _watch: stop.drop_guard() })
    }

    /// Posts an event about a resource, which is JSON text, to all drivers of its type or to one.
    #[napi]
    pub fn post(
        &self,
        resource: String,
        event: String,
        run_id: String,
        driver: Option<String>,
    ) -> Result<()> {
        let run = RunId::from(run_id.as_str());
        self.control_plane.post(&resource, &event, &run, driver.as_deref()).map_err(thrown)
    }

    /// The results of a run, as JSON text.
    #[napi]
    pub fn results(&self, run_id: String) -> Result<String> {
        let results = self.control_plane.results(&run_id).map_err(thrown)?;
        Ok(Value::Array(results).to_string())
    }

    /// The stored log lines of a run, or of all, in their order, as JSON text.
    #[napi]
    pub fn log(&self, run_id: Option<String>) -> Result<String> {
        let log = self.control_plane.log(run_id.as_deref()).map_err(thrown)?;
        Ok(serde_json::to_string(&log).unwrap_or_default())
    }

    /// The bytes of the dead letters.
    #[napi]
    pub fn dead_letters(&self) -> Vec<Buffer> {
        let letters = self.control_plane.dead_letters().into_iter();
        letters.map(|letter| Buffer::from(letter.payload.to_vec())).collect()
    }
}

/// Waits for what does not take long.
fn wait<T>(work: impl Future<Output = conveyor_driver::Result<T>>) -> Result<T> {
    let runtime = Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| {
        thrown(Error::new(ErrorCode::Internal, "the system gives no runtime").with_source(error))
    })?;
    runtime.block_on(work).map_err(thrown)
}

//! The embedded event stream, with what tests and first programs do in the control plane's place.

use std::mem::MaybeUninit;
use std::sync::Arc;

use conveyor_driver::RunId;
use conveyor_driver::host::EmbeddedControlPlane;
use conveyor_driver::stream::SharedStream;
use serde_json::Value;

use crate::error::{conveyor_code, conveyor_error};
use crate::guard::{guarded, needed};
use crate::handle::{self, object};
use crate::text::{self, conveyor_text, document, give, give_none};
use crate::time::milliseconds;
use crate::view::conveyor_str;

/// An event stream in this process, for tests and first programs; see `conveyor_stream_new`.
pub type conveyor_stream = u64;

pub(crate) struct Embedded(EmbeddedControlPlane);

object!(Embedded = 7);

impl Embedded {
    pub(crate) fn connection(&self) -> SharedStream {
        Arc::new(self.0.stream().connection())
    }
}

/// Makes an event stream in this process that keeps a real server's promises, empty. Managers that are told to use it
/// with `conveyor_manager_use_stream` need no server. The caller frees it with `conveyor_stream_free`; what it holds
/// is gone when no manager uses it either.
///
/// From any thread, as are all functions about streams; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_stream_new(
    stream: Option<&mut MaybeUninit<conveyor_stream>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let out = needed("stream", stream)?;
        out.write(0);
        let made = EmbeddedControlPlane::new()?;
        out.write(handle::open(Arc::new(Embedded(made))));
        Ok(())
    })
}

/// Posts an event about a resource, given as JSON: to the driver of this name, or with null to all drivers of the
/// resource's type. `event` is what happened, `create` where it is null; `run_id` is the run's id.
///
/// `CONVEYOR_E_MESSAGE_INVALID` when it is no resource. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_stream_post(
    stream: conveyor_stream,
    resource: conveyor_str,
    event: conveyor_str,
    run_id: conveyor_str,
    driver: conveyor_str,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let stream = handle::get::<Embedded>(stream)?;
        let resource = resource.text("resource")?;
        let event = event.optional("event")?.unwrap_or("create");
        let run = RunId::from(run_id.text("run_id")?);
        let driver = driver.optional("driver")?;
        stream.0.post(resource, event, &run, driver)
    })
}

/// Blocks until a run has `count` results, for `timeout_ms` milliseconds at most (negative: for ever). `*results` is a
/// JSON array of `{"driver", "success", "message", "data"}`, which the caller frees with `conveyor_text_free`; 0 when they
/// did not come in time.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_stream_wait_results(
    stream: conveyor_stream,
    run_id: conveyor_str,
    count: usize,
    timeout_ms: i64,
    results: Option<&mut MaybeUninit<conveyor_text>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let mut out = Some(needed("results", results)?);
        give_none(out.as_deref_mut());
        let stream = handle::get::<Embedded>(stream)?;
        let run = run_id.text("run_id")?;
        let found = stream.0.wait_results(run, count, milliseconds(timeout_ms))?;
        if let Some(found) = found {
            give(out, || Value::Array(found).to_string());
        }
        Ok(())
    })
}

/// The stored log lines of a run, or with null of all, in their order: a JSON array of log entries, which the caller
/// frees with `conveyor_text_free`. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_stream_log(
    stream: conveyor_stream,
    run_id: conveyor_str,
    lines: Option<&mut MaybeUninit<conveyor_text>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let mut out = Some(needed("lines", lines)?);
        give_none(out.as_deref_mut());
        let stream = handle::get::<Embedded>(stream)?;
        let entries = stream.0.log(run_id.optional("run_id")?)?;
        give(out, || document(&entries));
        Ok(())
    })
}

/// How many messages no driver could read. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_stream_dead_letters(
    stream: conveyor_stream,
    count: Option<&mut MaybeUninit<usize>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let out = needed("count", count)?;
        out.write(0);
        out.write(handle::get::<Embedded>(stream)?.0.dead_letters().len());
        Ok(())
    })
}

/// Frees a stream. 0 is allowed; `CONVEYOR_E_CLOSED` for what was freed before. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_stream_free(stream: conveyor_stream) -> conveyor_code {
    guarded(None, || text::free::<Embedded>(stream))
}

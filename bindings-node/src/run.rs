//! One driver run, for what is seldom asked or belongs to its log.

use std::sync::Arc;

use conveyor_driver::exec::Command;
use conveyor_driver::host::is_complete_resource;
use conveyor_driver::message::Resource;
use conveyor_driver::{ErrorCode, Level, LogLine, Run};
use napi::bindgen_prelude::{Either, Uint8Array};
use napi_derive::napi;
use serde_json::Map;

use crate::client::ApiCalls;
use crate::commands::{count, number};
use crate::error::{Result, thrown};
use crate::host::Host;
use crate::options;
use crate::signals::{Hearing, LOOK_UP, Signalled};

/// In the place of a ticket.
const SIGNALLED: f64 = -1.0;

/// One driver run. Made when it is first needed.
#[napi]
pub(crate) struct RunHandle {
    run: Run,
    host: Arc<Host>,
}

impl RunHandle {
    pub(crate) const fn new(run: Run, host: Arc<Host>) -> Self {
        Self { run, host }
    }
}

#[napi]
impl RunHandle {
    /// Writes a line, with labels as JSON text. Nothing when it has its place, else the ticket of the
    /// place it will have; `SIGNALLED` when it has its place, and signals came while it waited.
    #[napi]
    pub fn log(&self, level: u32, message: String, labels: Option<String>) -> Result<Option<f64>> {
        let labels = match labels {
            // JSON.stringify wrote it.
            Some(labels) => serde_json::from_str(&labels).unwrap_or_default(),
            None => Map::new(),
        };
        let line = LogLine { message, level: level_of(level), labels };
        match self.host.queue.log(&self.run, [line.clone()]) {
            Ok(ticket) => Ok(ticket.map(|ticket| number(ticket.to_u64()))),
            // Whoever writes so much without awaiting it is held up here.
            Err(error) if error.code() == ErrorCode::LogFull => {
                let hearing = Hearing::new();
                let written =
                    self.run.logger().write_interruptible(line, LOOK_UP, || hearing.look_up());
                Ok(written.err().map(|Signalled| SIGNALLED))
            }
            Err(error) => Err(thrown(error)),
        }
    }

    /// Whether it should end early.
    #[napi(getter)]
    pub fn cancelled(&self) -> bool {
        self.run.is_cancelled()
    }

    /// Why it should end early, as JSON text.
    #[napi(getter)]
    pub fn cancel_reason(&self) -> Option<String> {
        let reason = self.run.cancel_reason()?;
        serde_json::to_string(&reason).ok()
    }

    /// Throws `Cancelled` when it should end early.
    #[napi]
    pub fn check_cancelled(&self) -> Result<()> {
        self.run.check_cancelled().map_err(thrown)
    }

    /// Calls of the API, with the client of the manager.
    #[napi]
    pub fn api_calls(&self) -> Result<ApiCalls> {
        ApiCalls::of(self.run.client().map_err(thrown)?)
    }

    /// Reports progress.
    #[napi]
    pub fn progress(&self) {
        self.run.progress();
    }

    /// Starts a command, given as JSON text, with what it reads. Its end is among the manager's notices.
    #[napi]
    pub fn exec(&self, command: String, stdin: Option<Either<String, Uint8Array>>) -> Result<f64> {
        let mut command: Command = options::read(&command)?;
        command.stdin = stdin.map(|input| match input {
            Either::A(text) => text.into(),
            Either::B(bytes) => bytes.to_vec().into(),
        });
        self.host.commands.start(&self.run, command).map(number).map_err(thrown)
    }

    /// Ends a command early.
    #[napi]
    pub fn stop_command(&self, id: f64) {
        self.host.commands.stop(count(id));
    }
}

/// The resource in a payload as JSON text; nothing when the payload is just that.
#[napi]
pub(crate) fn resource(payload: String) -> Result<Option<String>> {
    resource_in(&payload)
}

/// The same.
pub(crate) fn resource_in(payload: &str) -> Result<Option<String>> {
    if is_complete_resource(payload) {
        return Ok(None);
    }
    Resource::decode(payload.as_bytes()).map(|resource| Some(resource.to_json())).map_err(thrown)
}

/// Levels by their number, the least first.
const fn level_of(number: u32) -> Level {
    match number {
        0 => Level::Debug,
        1 => Level::Info,
        2 => Level::Warning,
        _ => Level::Error,
    }
}

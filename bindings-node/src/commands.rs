//! The commands that runs have started: each on a thread of its own, so that its output is read
//! whatever JavaScript does.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use conveyor_driver::exec::{Command, ExecOutput};
use conveyor_driver::{Error, ErrorCode, Result, Run};
use napi_derive::napi;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::error::document;
use crate::wake::Wake;

#[derive(Clone)]
pub(crate) struct Commands(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    none_left: Condvar,
    wake: Arc<Wake<false>>,
}

#[derive(Default)]
struct State {
    count: u64,
    running: HashMap<u64, CancellationToken>,
    ended: Vec<EndedCommand>,
}

/// How a command ended: an output or an error, as JSON text.
#[napi(object)]
pub(crate) struct EndedCommand {
    pub id: f64,
    pub output: Option<String>,
    pub error: Option<String>,
}

impl Commands {
    pub(crate) fn new(wake: Arc<Wake<false>>) -> Self {
        Self(Arc::new(Inner { state: Mutex::default(), none_left: Condvar::new(), wake }))
    }

    /// Starts a command and says by which number its end will be known.
    pub(crate) fn start(&self, run: &Run, command: Command) -> Result<u64> {
        let stop = CancellationToken::new();
        let mut state = self.lock();
        state.count += 1;
        let id = state.count;
        state.running.insert(id, stop.clone());
        drop(state);
        let (commands, run) = (self.clone(), run.clone());
        let work = move || commands.ended(id, run.exec_blocking(&command, &stop));
        let started = thread::Builder::new().name("conveyor-exec".to_owned()).spawn(work);
        started.map(|_thread| id).map_err(|error| {
            self.lock().running.remove(&id);
            Error::new(ErrorCode::Internal, "the system gives no thread").with_source(error)
        })
    }

    fn ended(&self, id: u64, output: Result<ExecOutput>) {
        let told = |output: ExecOutput| {
            let (success, text) = (output.success(), output.to_string());
            json!({ "document": output, "success": success, "text": text }).to_string()
        };
        let (output, error) = match output {
            Ok(output) => (Some(told(output)), None),
            Err(error) => (None, Some(document(&error))),
        };
        let mut state = self.lock();
        state.running.remove(&id);
        state.ended.push(EndedCommand { id: number(id), output, error });
        drop(state);
        self.0.none_left.notify_all();
        self.0.wake.wake();
    }

    /// Takes those that have ended.
    pub(crate) fn take_ended(&self) -> Vec<EndedCommand> {
        std::mem::take(&mut self.lock().ended)
    }

    /// Ends a command early.
    pub(crate) fn stop(&self, id: u64) {
        if let Some(stop) = self.lock().running.get(&id) {
            stop.cancel();
        }
    }

    /// Waits until none runs, for so long at most: what is left behind when the process exits would
    /// run on.
    pub(crate) fn wait(&self, most: Duration) {
        let some = |state: &mut State| !state.running.is_empty();
        // Whoever panicked with the lock has nothing to say here.
        let _waited = self.0.none_left.wait_timeout_while(self.lock(), most, some);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number that is counted up, as JavaScript has it.
#[allow(clippy::cast_precision_loss)]
pub(crate) const fn number(count: u64) -> f64 {
    count as f64
}

/// The same back again.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) const fn count(number: f64) -> u64 {
    number as u64
}

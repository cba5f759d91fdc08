//! A driver manager, and the runs that JavaScript has taken from it.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use conveyor_driver::host::{CancelNotice, HandedRun, LibraryLog, Outcome, RunKey};
use conveyor_driver::options::{DriverOptions, ManagerOptions};
use conveyor_driver::{Driver, DriverManager, DriverResult, Failure, HostManager, RunId};
use napi::bindgen_prelude::{Array, Env, Function};
use napi::{CleanupEnvHook, Error, JsString, Status};
use napi_derive::napi;
use serde_json::{Value, json};

use crate::commands::{EndedCommand, count, number};
use crate::embedded::Embedded;
use crate::error::{Result, thrown};
use crate::host::Host;
use crate::options;
use crate::run::{RunHandle, resource_in};

/// A manager whose drivers take their runs from one queue.
#[napi]
pub(crate) struct Manager {
    manager: Arc<HostManager>,
    host: Arc<Host>,
    drivers: Vec<String>,
    runs: RefCell<Runs>,
    last_moment: Cell<Option<CleanupEnvHook<()>>>,
}

/// The runs that JavaScript has.
#[derive(Default)]
struct Runs {
    count: u64,
    taken: VecDeque<HandedRun>,
    open: HashMap<u64, HandedRun>,
    ended: Vec<(RunKey, Outcome)>,
}

/// What JavaScript is woken for, beside runs.
#[napi(object)]
pub(crate) struct Notices {
    /// The keys of runs that should end early.
    pub cancelled: Vec<f64>,
    /// The tickets of lines that have their places.
    pub accepted: Vec<f64>,
    /// Commands that have ended.
    pub commands: Vec<EndedCommand>,
    /// What the library says, as JSON text.
    pub records: Vec<String>,
    /// How far the manager is, when that has changed.
    pub state: Option<String>,
}

/// The members of a run in what `take` returns: key, index of the driver, id, event, payload, attempt,
/// milliseconds that it may last or nothing.
const MEMBERS: usize = 7;

#[napi]
impl Manager {
    /// Nothing is checked but the form of the options, which are JSON text.
    #[napi(constructor)]
    pub fn new(drivers: Vec<String>, manager: String, stream: Option<&Embedded>) -> Result<Self> {
        let host = Arc::new(Host::new());
        let mut options: ManagerOptions = options::read(&manager)?;
        // Node has its own way with signals.
        options.signals = false;
        let mut manager = DriverManager::new(options);
        let mut names = Vec::new();
        for document in drivers {
            let options: DriverOptions = options::read(&document)?;
            names.push(options.name.clone());
            manager = manager.driver(Driver::with_options(options).queue(&host.queue));
        }
        if let Some(stream) = stream {
            manager = manager.stream(stream.connection());
        }
        let manager = Arc::new(HostManager::new(manager));
        Ok(Self {
            manager,
            host,
            drivers: names,
            runs: RefCell::default(),
            last_moment: Cell::default(),
        })
    }

    /// Has it start, and does not wait for that. `wake` is called when there is something to take, and
    /// keeps the event loop alive until `close`.
    #[napi]
    pub fn start(&self, env: &Env, wake: Function<'_, (), ()>) -> Result<()> {
        let refused = |error: Error<Status>| {
            thrown(conveyor_driver::Error::new(
                conveyor_driver::ErrorCode::Internal,
                format!("Node gives no way to be woken: {error}"),
            ))
        };
        self.host.hear_library().map_err(thrown)?;
        self.host.wake.listen(&wake).map_err(refused)?;
        let (manager, host) = (Arc::downgrade(&self.manager), Arc::downgrade(&self.host));
        let last_moment = move |()| {
            if let (Some(manager), Some(host)) = (manager.upgrade(), host.upgrade()) {
                end(&manager, &host);
            }
        };
        let hook = env.add_env_cleanup_hook((), last_moment).map_err(refused)?;
        self.last_moment.set(Some(hook));
        self.manager.start().map_err(|error| {
            self.close(env);
            thrown(error)
        })
    }

    /// How far it is.
    #[napi(getter)]
    pub fn state(&self) -> Result<&'static str> {
        self.manager.state().map(|state| state.name()).map_err(thrown)
    }

    /// Whether every driver is, or was, ready to receive events.
    #[napi]
    pub fn has_started(&self) -> Result<bool> {
        self.manager.wait_started(Duration::ZERO).map_err(thrown)
    }

    /// Its report as JSON text, once it has ended.
    #[napi]
    pub fn report(&self) -> Result<Option<String>> {
        let report = self.manager.wait_ended(Duration::ZERO).map_err(thrown)?;
        Ok(report.map(|report| {
            let text = report.to_string();
            json!({ "document": report, "text": text }).to_string()
        }))
    }

    /// Asks it to drain.
    #[napi]
    pub fn drain(&self) -> Result<()> {
        self.manager.drain().map_err(thrown)
    }

    /// Ends every run now.
    #[napi]
    pub fn end_now(&self) -> Result<()> {
        self.manager.end_now().map_err(thrown)
    }

    /// Ends every run now and waits for that, before the process exits.
    #[napi]
    pub fn end(&self) {
        end(&self.manager, &self.host);
    }

    /// Lets go of the event loop.
    #[napi]
    pub fn close(&self, env: &Env) {
        self.host.queue.close();
        self.host.wake.close();
        if let Some(hook) = self.last_moment.take() {
            // It is refused only where JavaScript has ended, and the hook with it.
            let _refused = env.remove_env_cleanup_hook(hook);
        }
    }

    /// Cancels a run.
    #[napi]
    pub fn cancel(&self, run_id: String, reason: String) -> Result<u32> {
        let told = self.manager.cancel(&RunId::from(run_id.as_str()), &reason).map_err(thrown)?;
        Ok(u32::try_from(told).unwrap_or(u32::MAX))
    }

    /// Takes up to so many runs, as one array of their members.
    #[napi]
    pub fn take<'env>(&self, env: &'env Env, most: u32) -> napi::Result<Array<'env>> {
        let runs = &mut *self.runs.borrow_mut();
        let taken = self.host.queue.take_into(&mut runs.taken, most as usize);
        let mut array = env.create_array(u32::try_from(taken * MEMBERS).unwrap_or(u32::MAX))?;
        let mut place = 0;
        for handed in runs.taken.drain(..) {
            let run = handed.run();
            let driver = self.drivers.iter().position(|name| name == run.driver());
            let left = run.time_left().map(|left| left.as_secs_f64() * 1e3);
            runs.count += 1;
            array.set(place, number(runs.count))?;
            array.set(place + 1, driver.and_then(|index| u32::try_from(index).ok()))?;
            array.set(place + 2, text(env, run.id().as_str())?)?;
            array.set(place + 3, text(env, run.event())?)?;
            array.set(place + 4, text(env, run.payload())?)?;
            array.set(place + 5, run.attempt())?;
            array.set(place + 6, left)?;
            place += 7;
            runs.open.insert(runs.count, handed);
        }
        Ok(array)
    }

    /// Takes all the rest; nothing when there is none.
    #[napi]
    pub fn notices(&self) -> Option<Notices> {
        let queue = &self.host.queue;
        let notices = Notices {
            cancelled: self.open_runs(&queue.take_cancelled()),
            accepted: queue.take_accepted().iter().map(|it| number(it.to_u64())).collect(),
            commands: self.host.commands.take_ended(),
            records: queue.take_library_logs(usize::MAX).iter().map(record).collect(),
            state: queue.take_state().map(|state| state.name().to_owned()),
        };
        let none = notices.cancelled.is_empty()
            && notices.accepted.is_empty()
            && notices.commands.is_empty()
            && notices.records.is_empty()
            && notices.state.is_none();
        (!none).then_some(notices)
    }

    /// A run that has not ended, for its log and what is seldom asked.
    #[napi]
    pub fn run(&self, key: f64) -> Option<RunHandle> {
        let runs = self.runs.borrow();
        let run = runs.open.get(&count(key))?.run().clone();
        Some(RunHandle::new(run, self.host.clone()))
    }

    /// The resource of a run that has not ended, as JSON text; nothing when its payload is just that, or
    /// the run has ended.
    #[napi]
    pub fn resource(&self, key: f64) -> Result<Option<String>> {
        let runs = self.runs.borrow();
        runs.open.get(&count(key)).map_or(Ok(None), |handed| resource_in(handed.run().payload()))
    }

    /// It came to a result. The core hears of it with the next `flush`.
    #[napi]
    pub fn succeed(
        &self,
        key: f64,
        success: bool,
        message: String,
        data: Option<String>,
    ) -> napi::Result<()> {
        let data = json_of(data)?;
        self.ended(key, Outcome::Ended(Ok(DriverResult { success, message, data })));
        Ok(())
    }

    /// It ended with an error.
    #[napi]
    pub fn fail(
        &self,
        key: f64,
        kind: String,
        message: String,
        traceback: Option<String>,
        data: Option<String>,
    ) -> napi::Result<()> {
        let data = json_of(data)?;
        let mut failure = Failure::of_type(kind, message, traceback);
        if data != Value::Null {
            failure = failure.data(data);
        }
        self.ended(key, Outcome::Ended(Err(failure)));
        Ok(())
    }

    /// It asks for another attempt, in so many milliseconds.
    #[napi]
    pub fn retry(&self, key: f64, message: String, after_ms: Option<f64>) {
        let mut failure = Failure::retry(message);
        if let Some(ms) = after_ms {
            // The core bounds what is too long.
            failure = failure.after(Duration::try_from_secs_f64(ms / 1e3).unwrap_or(Duration::MAX));
        }
        self.ended(key, Outcome::Ended(Err(failure)));
    }

    /// Has the core hear of all runs that have ended.
    #[napi]
    pub fn flush(&self) {
        let ended = std::mem::take(&mut self.runs.borrow_mut().ended);
        self.host.queue.complete_all(ended);
    }
}

impl Manager {
    /// The keys that JavaScript knows these runs by.
    fn open_runs(&self, cancelled: &[CancelNotice]) -> Vec<f64> {
        if cancelled.is_empty() {
            return Vec::new();
        }
        let runs = self.runs.borrow();
        let told = |handed: &HandedRun| cancelled.iter().any(|notice| notice.key == handed.key());
        runs.open.iter().filter(|(_, run)| told(run)).map(|(key, _)| number(*key)).collect()
    }

    fn ended(&self, key: f64, outcome: Outcome) {
        let runs = &mut *self.runs.borrow_mut();
        if let Some(handed) = runs.open.remove(&count(key)) {
            runs.ended.push((handed.release(), outcome));
        }
    }
}

/// Ends every run now, and waits for that and for the commands of the runs.
fn end(manager: &HostManager, host: &Host) {
    const MOST: Duration = Duration::from_secs(5);
    if manager.end_now().is_ok() {
        // It has its report elsewhere, if anybody asks.
        let _report = manager.wait_ended(MOST);
        host.commands.wait(MOST);
    }
    host.wake.close();
}

/// JavaScript keeps ASCII as it is, and copies it at once when it is told.
fn text<'env>(env: &'env Env, text: &str) -> napi::Result<JsString<'env>> {
    if text.is_ascii() { env.create_string_latin1(text) } else { env.create_string(text) }
}

fn record(log: &LibraryLog) -> String {
    serde_json::to_string(log).unwrap_or_default()
}

/// The value that JSON.stringify wrote. What is nested too deep is refused.
fn json_of(text: Option<String>) -> napi::Result<Value> {
    let Some(text) = text else { return Ok(Value::Null) };
    serde_json::from_str(&text)
        .map_err(|error| Error::new(Status::InvalidArg, format!("data: {error}")))
}

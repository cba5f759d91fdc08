//! A driver manager.

use std::mem::MaybeUninit;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use conveyor_driver::host::ManagerState;
use conveyor_driver::options::ManagerOptions;
use conveyor_driver::{
    DrainReport, Driver, DriverManager, Error, ErrorCode, HostManager, Result, RunId, StopHandle,
};

use crate::embedded::{Embedded, conveyor_stream};
use crate::error::{conveyor_code, conveyor_error};
use crate::guard::{Out, guarded, may_wait_for, needed, put};
use crate::handle::{self, invalid, object};
use crate::interrupt;
use crate::pool::Pool;
use crate::queue::{CONVEYOR_STATE_NEW, conveyor_state, state_number};
use crate::signals::Masked;
use crate::text::{conveyor_text, document, give, give_none};
use crate::time::{FOR_EVER, milliseconds};
use crate::view::conveyor_str;

/// Runs drivers: any number, on one connection, once; see `conveyor_manager_new`.
pub type conveyor_manager = u64;

pub(crate) struct Manager {
    setup: Mutex<Setup>,
    stop: StopHandle,
    /// Whether it listens for signals.
    signals: bool,
    /// Once it is started.
    host: Arc<OnceLock<HostManager>>,
}

struct Setup {
    /// Until it is started.
    manager: Option<DriverManager>,
    pools: Vec<Arc<Pool>>,
}

object!(Manager = 1);

impl Manager {
    fn new(mut options: ManagerOptions) -> Self {
        // The core listens for as long as the process lives, which a program in C may mean to survive.
        let signals = std::mem::replace(&mut options.signals, false);
        let manager = DriverManager::new(options);
        let stop = manager.stop_handle();
        let setup = Mutex::new(Setup { manager: Some(manager), pools: Vec::new() });
        Self { setup, stop, signals, host: Arc::default() }
    }

    /// Adds a driver, and when that is well, the threads that serve it.
    pub(crate) fn add(
        &self,
        driver: Driver,
        pool: impl FnOnce() -> Option<Arc<Pool>>,
    ) -> Result<()> {
        let mut setup = self.setup();
        let manager = setup.manager.take().ok_or_else(started_before)?;
        setup.manager = Some(manager.driver(driver));
        setup.pools.extend(pool());
        Ok(())
    }

    fn use_stream(&self, stream: &Embedded) -> Result<()> {
        let mut setup = self.setup();
        let manager = setup.manager.take().ok_or_else(started_before)?;
        setup.manager = Some(manager.stream(stream.connection()));
        Ok(())
    }

    fn start(&self) -> Result<()> {
        let mut setup = self.setup();
        let manager = setup.manager.take().ok_or_else(started_before)?;
        let host = self.host.get_or_init(|| HostManager::new(manager));
        let masked = Masked::all();
        host.start()?;
        drop(masked);
        let listening =
            if self.signals { interrupt::listen(&self.host, &self.stop) } else { Ok(()) };
        let served = listening.and_then(|()| setup.pools.iter().try_for_each(Pool::start));
        served.inspect_err(|_| self.stop.end_now())
    }

    fn host(&self) -> Result<&HostManager> {
        self.host.get().ok_or_else(|| invalid("manager", "was not started"))
    }

    fn state(&self) -> Result<conveyor_state> {
        let Some(host) = self.host.get() else { return Ok(CONVEYOR_STATE_NEW) };
        // What has ended calls no function any more.
        host.state().and_then(state_number)
    }

    /// Waits for its end and for that of the user's functions, for so long at most.
    fn wait_ended(&self, most: Duration) -> Result<Option<DrainReport>> {
        let begun = Instant::now();
        let host = self.host()?;
        let ended = host.wait_ended(most);
        if host.state()? == ManagerState::Ended {
            interrupt::release();
            if !self.end_pools(most.saturating_sub(begun.elapsed())) {
                return Ok(None);
            }
        }
        ended
    }

    fn stop_within(&self, grace: Duration) -> Result<DrainReport> {
        let mut setup = self.setup();
        if let Some(manager) = setup.manager.take() {
            self.host.get_or_init(|| HostManager::new(manager));
        }
        drop(setup);
        let stopped = self.host()?.stop_within(grace);
        interrupt::release();
        self.end_pools(FOR_EVER);
        stopped
    }

    fn end_pools(&self, most: Duration) -> bool {
        let begun = Instant::now();
        let pools = self.setup().pools.clone();
        pools.iter().all(|pool| pool.end_within(most.saturating_sub(begun.elapsed())))
    }

    fn setup(&self) -> MutexGuard<'_, Setup> {
        self.setup.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn started_before() -> Error {
    Error::new(ErrorCode::Closed, "the manager was started before; make a new one")
}

fn tell(report: &DrainReport, json: Out<'_, conveyor_text>, line: Out<'_, conveyor_text>) {
    give(json, || document(report));
    give(line, || report.to_string());
}

/// Makes a manager. `options` is JSON, such as `{"connection": {"url": "nats://127.0.0.1:4222"}}`, or null;
/// `options.schema.json` describes them (`ManagerOptions`). What they do not give is filled from the environment at
/// the start. The caller frees it with `conveyor_manager_free`.
///
/// Unless `signals` is false, SIGINT and SIGTERM drain a running manager, and a second one ends it now; a handler that the
/// program set before is called as well. Once no such manager runs any more, both do what they did before it was
/// started: by default they end the process.
///
/// `CONVEYOR_E_OPTIONS_INVALID` names the path of each option that is unknown or of the wrong type. From any thread, as
/// are all functions about managers; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_manager_new(
    options: conveyor_str,
    manager: Option<&mut MaybeUninit<conveyor_manager>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let out = needed("manager", manager)?;
        out.write(0);
        let options: ManagerOptions = options.options("options")?;
        out.write(handle::open(Arc::new(Manager::new(options))));
        Ok(())
    })
}

/// Has a manager use an embedded event stream, and not connect to a server. Before its start. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_manager_use_stream(
    manager: conveyor_manager,
    stream: conveyor_stream,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let stream = handle::get::<Embedded>(stream)?;
        handle::get::<Manager>(manager)?.use_stream(&stream)
    })
}

/// Starts a manager, and does not wait for that: `conveyor_manager_wait_started` does. A manager starts once.
///
/// `CONVEYOR_E_OPTIONS_INVALID` names every fault of every option: `shutdown_grace_ms`, `drivers[0].name`. Nothing was
/// started then. `CONVEYOR_E_CLOSED` when it was started before. `CONVEYOR_E_FORKED` when a queue is the parent
/// process's. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_manager_start(
    manager: conveyor_manager,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || handle::get::<Manager>(manager)?.start())
}

/// Starts a manager and blocks until it has ended: by a signal, or because another thread asked it to stop. What it
/// did is told as by `conveyor_manager_wait_ended`.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_manager_run(
    manager: conveyor_manager,
    report: Option<&mut MaybeUninit<conveyor_text>>,
    line: Option<&mut MaybeUninit<conveyor_text>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let (mut report, mut line) = (report, line);
        give_none(report.as_deref_mut());
        give_none(line.as_deref_mut());
        may_wait_for(manager)?;
        let object = handle::get::<Manager>(manager)?;
        object.start()?;
        loop {
            if let Some(ended) = object.wait_ended(milliseconds(-1))? {
                tell(&ended, report, line);
                return Ok(());
            }
        }
    })
}

/// How far a manager is; 0 when the handle is void. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_manager_state(
    manager: conveyor_manager,
    state: Option<&mut MaybeUninit<conveyor_state>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let out = needed("state", state)?;
        out.write(0);
        out.write(handle::get::<Manager>(manager)?.state()?);
        Ok(())
    })
}

/// Blocks until every driver is ready to receive events, for `timeout_ms` milliseconds at most (negative: for
/// ever). `*started` (may be null) is true also when the manager has ended since, and false when it is not
/// ready yet.
///
/// Fails with what the start failed with; `CONVEYOR_E_CLOSED` when it was stopped before it was ready;
/// `CONVEYOR_E_ARGUMENT_INVALID` for a manager that was not started; `CONVEYOR_E_WOULD_DEADLOCK` in a function that this
/// manager calls.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_manager_wait_started(
    manager: conveyor_manager,
    timeout_ms: i64,
    started: Option<&mut MaybeUninit<bool>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let mut started = started;
        put(started.as_deref_mut(), false);
        may_wait_for(manager)?;
        let object = handle::get::<Manager>(manager)?;
        put(started, object.host()?.wait_started(milliseconds(timeout_ms))?);
        Ok(())
    })
}

/// Blocks until a manager has ended, for `timeout_ms` milliseconds at most (negative: for ever). `*ended` says
/// whether it has; it is false also while a function is at work that has completed its run and goes on. If it has, `*report` is
/// what became of the events as JSON (`host.schema.json`, `DrainReport`), and `*line` the same in one line for people; the
/// caller frees each with `conveyor_text_free`, and any may be null.
///
/// Fails with what the start failed with, and with the drivers' error when all of them had to stop by themselves;
/// `CONVEYOR_E_ARGUMENT_INVALID` for a manager that was not started; `CONVEYOR_E_WOULD_DEADLOCK` in a function that this
/// manager calls.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_manager_wait_ended(
    manager: conveyor_manager,
    timeout_ms: i64,
    ended: Option<&mut MaybeUninit<bool>>,
    report: Option<&mut MaybeUninit<conveyor_text>>,
    line: Option<&mut MaybeUninit<conveyor_text>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let (mut report, mut line, mut ended) = (report, line, ended);
        give_none(report.as_deref_mut());
        give_none(line.as_deref_mut());
        put(ended.as_deref_mut(), false);
        may_wait_for(manager)?;
        let object = handle::get::<Manager>(manager)?;
        if let Some(told) = object.wait_ended(milliseconds(timeout_ms))? {
            put(ended, true);
            tell(&told, report, line);
        }
        Ok(())
    })
}

/// Asks a manager to drain: take no more events, give back those that have not started, let runs finish within
/// `shutdown_grace_ms`, then cancel them. Never blocks; allowed in every function.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_manager_drain(
    manager: conveyor_manager,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        handle::get::<Manager>(manager)?.stop.drain();
        Ok(())
    })
}

/// Ends every run now and gives its event back, so that another instance can take it. Never blocks; allowed in every
/// function.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_manager_end_now(
    manager: conveyor_manager,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        handle::get::<Manager>(manager)?.stop.end_now();
        Ok(())
    })
}

/// Cancels a run by its run id, for a reason that its result will name. It is asked to end, and after `cancel_grace_ms`
/// abandoned. `*events` (may be null) says how many of its events were in flight here: none when it is over, or with
/// another instance. `CONVEYOR_E_ARGUMENT_INVALID` for a manager that was not started. Never blocks; allowed in every
/// function.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_manager_cancel(
    manager: conveyor_manager,
    run_id: conveyor_str,
    reason: conveyor_str,
    events: Option<&mut MaybeUninit<usize>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let mut events = events;
        put(events.as_deref_mut(), 0);
        let object = handle::get::<Manager>(manager)?;
        let run = RunId::from(run_id.text("run_id")?);
        let reason = reason.optional("reason")?.unwrap_or_default();
        put(events, object.host()?.cancel(&run, reason)?);
        Ok(())
    })
}

/// Drains a manager for `grace_ms` milliseconds at most (negative: as long as it takes), then ends every run now, and
/// blocks until it has ended, which takes up to 12 s more when the server does not answer. One that was not
/// started never will be. It waits, too, for functions that have completed their runs and go on, however long they do; for
/// those whose runs were abandoned it does not. What it did is told as by `conveyor_manager_wait_ended`, and it fails as
/// that; `CONVEYOR_E_TIMED_OUT` when it does not end even so.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_manager_stop(
    manager: conveyor_manager,
    grace_ms: i64,
    report: Option<&mut MaybeUninit<conveyor_text>>,
    line: Option<&mut MaybeUninit<conveyor_text>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let (mut report, mut line) = (report, line);
        give_none(report.as_deref_mut());
        give_none(line.as_deref_mut());
        may_wait_for(manager)?;
        let object = handle::get::<Manager>(manager)?;
        let stopped = object.stop_within(milliseconds(grace_ms))?;
        tell(&stopped, report, line);
        Ok(())
    })
}

/// Frees a manager. One that runs ends every run now and gives its event back, and this blocks until it has
/// ended, up to 12 s when the server does not answer, and then for the functions that `conveyor_manager_stop` waits for. Stop
/// it before to let runs finish. 0 is allowed.
///
/// `CONVEYOR_E_CLOSED` for what was freed before; `CONVEYOR_E_WOULD_DEADLOCK` in a function that this manager calls,
/// and it lives on.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_manager_free(manager: conveyor_manager) -> conveyor_code {
    guarded(None, || {
        if manager == 0 {
            return Ok(());
        }
        may_wait_for(manager)?;
        let object = handle::close::<Manager>(manager)?;
        object.stop.end_now();
        // What it ends with was told, or nobody asked.
        let _told = object.stop_within(Duration::ZERO);
        Ok(())
    })
}

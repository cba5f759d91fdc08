//! A driver, as a program describes it.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::mem::size_of;
use std::sync::Arc;

use ::conveyor_driver::host::RunQueue;
use ::conveyor_driver::options::DriverOptions;
use ::conveyor_driver::{Driver, Result};

use crate::callbacks::{
    Callbacks, Reconcile, UserData, conveyor_cancelled_fn, conveyor_free_fn,
    conveyor_reconcile_async_fn, conveyor_reconcile_fn,
};
use crate::error::{conveyor_code, conveyor_error};
use crate::guard::guarded;
use crate::handle::{self, invalid};
use crate::manager::{Manager, conveyor_manager};
use crate::pool::Pool;
use crate::queue::{Queue, conveyor_queue};
use crate::view::conveyor_str;

/// A driver: its options, and who does its runs. Set all of it to zero, then `struct_size` and what is wanted:
/// `options` and exactly one of `reconcile`, `reconcile_async` and `queue`.
///
/// The functions must return: no `longjmp`, no exception and no end of the thread may leave them. They are
/// called on threads of the library, whose signal mask is that of the thread which started the manager, and which have as
/// much stack as the main thread (`RLIMIT_STACK`; 8 MiB where that is unlimited, 2 MiB at least). Once the manager's end was
/// told by `conveyor_manager_run`, `_wait_ended`, `_stop` or `_free`, no function is called any more, and none is at work
/// but those whose runs were abandoned.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct conveyor_driver {
    /// `sizeof(conveyor_driver)`.
    pub struct_size: usize,
    /// The driver's options as JSON, such as `{"name": "greeter", "resources": ["greeting"]}`;
    /// `options.schema.json` describes them (`DriverOptions`).
    pub options: conveyor_str,
    /// Does a run, and blocks as long as that takes. `concurrency` runs are done at once, each on a thread. It
    /// may complete the run with `conveyor_run_succeed` and its like; what it returns completes a run that
    /// is not: 0 with a good result without a message, anything else with a failed result that names
    /// the number. The handle is void when it returns. A function that completes its run and goes on keeps its
    /// thread: the run that would come next waits until it returns.
    pub reconcile: conveyor_reconcile_fn,
    /// Begins a run and returns at once; one thread calls it for all runs. Whoever has the handle owns the run, and
    /// completes it once, later or at once, from any thread.
    pub reconcile_async: conveyor_reconcile_async_fn,
    /// Where the runs wait until the program takes them. Drivers may share a queue.
    pub queue: conveyor_queue,
    /// Called once for a run that should end early while it is being done; may be null, and is with a
    /// queue. It returns at once. The handle may have become void meanwhile.
    pub cancelled: conveyor_cancelled_fn,
    /// The first argument of the functions. Several threads may use it at once.
    pub user_data: *mut c_void,
    /// Called with `user_data` when no function will be called any more and none is at work; may be null.
    pub free_user_data: conveyor_free_fn,
}

/// Adds a driver to a manager that was not started. The options are read, and checked at the start.
///
/// From then on the manager owns `user_data`; when this fails, the caller still does.
///
/// `CONVEYOR_E_OPTIONS_INVALID` names the path of each option that is unknown or of the wrong type. From any
/// thread; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_manager_add_driver(
    manager: conveyor_manager,
    driver: *const conveyor_driver,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let described = read(driver)?;
        let object = handle::get::<Manager>(manager)?;
        let options: DriverOptions = described.options.options("options")?;
        let (name, most) = (options.name.clone(), options.concurrency as usize);
        let driver = Driver::with_options(options);
        match form(&described)? {
            Form::Queue(queue) => {
                let queue = handle::get::<Queue>(queue)?;
                object.add(driver.queue(queue.core()), || None)
            }
            Form::Function(reconcile) => {
                let core = RunQueue::new();
                // Not before nothing can fail any more: from then on the user's data are freed.
                let pool = || {
                    let owned =
                        UserData::new(described.user_data, described.free_user_data, manager);
                    let cancelled = described.cancelled;
                    let callbacks = Callbacks { reconcile, cancelled, owned };
                    Some(Arc::new(Pool::new(
                        name,
                        manager,
                        most,
                        Queue::new(core.clone()),
                        callbacks,
                    )))
                };
                object.add(driver.queue(&core), pool)
            }
        }
    })
}

fn read(driver: *const conveyor_driver) -> Result<conveyor_driver> {
    if driver.is_null() {
        return Err(invalid("driver", "is null"));
    }
    // SAFETY: every version of the structure begins with its size.
    check_size("driver", unsafe { *driver.cast() }, size_of::<conveyor_driver>())?;
    // SAFETY: the caller says with the size that it is such a structure, of this very size.
    Ok(unsafe { *driver })
}

/// Refuses a structure of a header that is not this library's.
pub(crate) fn check_size(name: &str, given: usize, known: usize) -> Result<()> {
    if given == known {
        return Ok(());
    }
    let reason = format!("has the struct_size {given}, and this library knows {known} alone");
    Err(invalid(name, reason))
}

enum Form {
    Queue(conveyor_queue),
    Function(Reconcile),
}

fn form(driver: &conveyor_driver) -> Result<Form> {
    match (driver.reconcile, driver.reconcile_async, driver.queue) {
        (Some(function), None, 0) => Ok(Form::Function(Reconcile::Blocking(function))),
        (None, Some(function), 0) => Ok(Form::Function(Reconcile::Async(function))),
        (None, None, queue) if queue != 0 => {
            if driver.cancelled.is_some() || driver.free_user_data.is_some() {
                return Err(invalid("driver", "has functions that a queue has no use for"));
            }
            Ok(Form::Queue(queue))
        }
        (None, None, _) => Err(invalid(
            "driver",
            "has none of reconcile, reconcile_async and queue: one of them has to do its runs",
        )),
        _ => Err(invalid("driver", "has more than one of reconcile, reconcile_async and queue")),
    }
}
